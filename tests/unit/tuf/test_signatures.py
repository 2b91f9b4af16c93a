"""The one loop that counts signatures: each allowed key once, nothing else ever."""

from __future__ import annotations

from typing import Any

import pytest

from groundswell import tuf

KEYS = [tuf.PrivateKey.from_seed_hex(f"{i:064x}") for i in range(1, 5)]
BY_ID = {key.public.keyid: key.public for key in KEYS}
IDS = list(BY_ID)
DATA = b'{"a":1}'


def signature(position: int, data: bytes = DATA) -> dict[str, Any]:
    return tuf.sign(tuf.signer_of(KEYS[position]), data)


def test_each_allowed_key_counts_once_in_the_order_of_the_role() -> None:
    found = tuf.verify_bytes(DATA, [signature(2), signature(0), signature(0)], BY_ID, IDS[:3], 3)
    assert (found.valid, found.missing, found.verified) == ((IDS[0], IDS[2]), 1, False)
    assert tuf.verify_bytes(DATA, [signature(1)] * 5, BY_ID, [IDS[1]] * 5, 2).missing == 1


def test_a_key_that_the_role_does_not_list_counts_never() -> None:
    found = tuf.verify_bytes(DATA, [signature(3)], BY_ID, IDS[:3], 1)
    assert (found.valid, found.missing) == ((), 1)
    assert found.rejected == {IDS[3]: "the role does not list this key"}


def test_a_good_copy_counts_beside_a_broken_one() -> None:
    broken = signature(0) | {"sig": signature(1)["sig"]}
    for order in ([broken, signature(0)], [signature(0), broken]):
        assert tuf.verify_bytes(DATA, order, BY_ID, IDS, 1).valid == (IDS[0],)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"method": "ed448"}, "the method `ed448` is unknown"),
        ({"method": "ED25519"}, "the method `ED25519` is unknown"),
        ({"method": None}, "the method `None` is unknown"),
        ({"method": "rsassa-pss-sha256"}, "does not go with a key of type `ED25519`"),
        ({"sig": "not base64!"}, "is not base64"),
        ({"sig": 7}, "is not base64"),
        ({"sig": ""}, "does not verify"),
        ({"sig": signature(1)["sig"]}, "does not verify"),
    ],
)
def test_every_rejection_has_its_reason(changes: dict[str, Any], reason: str) -> None:
    found = tuf.verify_bytes(DATA, [signature(0) | changes], BY_ID, IDS, 1)
    assert found.valid == ()
    assert reason in found.rejected[IDS[0]]


def test_one_key_under_two_names_counts_once() -> None:
    """The keys are looked up by their own ids, so that a root which renames a key gains nothing."""
    keys = BY_ID | {"other": BY_ID[IDS[0]]}
    twice = [signature(0), signature(0) | {"keyid": "other"}]
    found = tuf.verify_bytes(DATA, twice, keys, [IDS[0], "other"], 2)
    assert (found.valid, found.missing) == ((IDS[0],), 1)
    assert "other" in found.rejected


def test_strange_signatures_count_as_none() -> None:
    stranges: list[Any] = [None, 7, [], {}, {"keyid": 7, "sig": "", "method": "ed25519"}]
    for strange in stranges:
        assert tuf.verify_bytes(DATA, [strange], BY_ID, IDS, 1).missing == 1


def test_the_bytes_count_not_the_value() -> None:
    assert tuf.verify_bytes(b'{"a": 1}', [signature(0)], BY_ID, IDS, 1).missing == 1
