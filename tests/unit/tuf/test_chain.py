"""Which root may follow which: each rule refuses by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import TrustError, tuf
from groundswell.tuf import roles
from groundswell.tuf.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 11, 24, tzinfo=UTC)
EXPIRES = datetime(2027, 1, 1, tzinfo=UTC)
TARGETS, SNAPSHOT, TIMESTAMP, FIRST_ROOT, ROOT, OFFLINE, OTHER = (
    tuf.PrivateKey.from_seed_hex(f"{i:064x}") for i in range(1, 8)
)
ONLINE = tuf.OnlineKeys(TARGETS.public, SNAPSHOT.public, TIMESTAMP.public)
V1 = roles.root_first(ONLINE, FIRST_ROOT.public, expires=EXPIRES)
V2 = roles.next_root(V1)
V3 = roles.next_root(V2, add={"root": [ROOT.public]}, remove={"root": [FIRST_ROOT.public.keyid]})
V4 = roles.next_root(V3, add={"targets": [OFFLINE.public]})


def signed(root: dict[str, Any], *keys: tuf.PrivateKey) -> tuf.Document:
    data = canonical(root)
    return tuf.parse_document(tuf.assemble(data, [tuf.sign(tuf.signer_of(key), data) for key in keys]), "Root", "root")


def refusal(old: tuf.Document, new: tuf.Document, *, production: bool = False) -> TrustError:
    with pytest.raises(TrustError) as caught:
        tuf.check_next_root(old, new, production=production, now=NOW, online=ONLINE)
    return caught.value


@pytest.mark.parametrize("audience", ["ci", "production"])
def test_the_chain_of_a_new_factory_holds(audience: str) -> None:
    production = audience == "production"
    own = roles.production_of if production else dict
    tuf.check_first_root(signed(V1, FIRST_ROOT), now=NOW, online=ONLINE)
    steps: Iterable[tuple[tuf.Document, tuf.Document]] = [
        (signed(V1, FIRST_ROOT), signed(V2, FIRST_ROOT)),
        (signed(V2, FIRST_ROOT), signed(own(V3), FIRST_ROOT, ROOT)),
        (signed(own(V3), FIRST_ROOT, ROOT), signed(own(V4), ROOT)),
    ]
    for old, new in steps:
        root = tuf.check_next_root(old, new, production=production, now=NOW, online=ONLINE)
        assert root.version == new.version


def test_the_version_grows_by_exactly_one() -> None:
    for version in (2, 4, 6, 2**31 - 1):
        error = refusal(signed(V4, ROOT), signed(V4 | {"version": version}, ROOT))
        assert (error.code, error.fields["expected"]) == ("root-version", 5)
    with pytest.raises(TrustError) as caught:
        tuf.check_first_root(signed(V2, FIRST_ROOT), now=NOW)
    assert caught.value.code == "root-version"


def test_the_old_keys_must_vouch_for_it() -> None:
    error = refusal(signed(V2, FIRST_ROOT), signed(V3, ROOT))
    assert (error.code, error.fields["missing"]) == ("root-not-signed-by-old", 1)
    assert error.fields["allowed"] == [FIRST_ROOT.public.keyid]
    assert error.fields["rejected"] == {ROOT.public.keyid: "the role does not list this key"}


def test_its_own_keys_must_sign_it() -> None:
    assert refusal(signed(V2, FIRST_ROOT), signed(V3, FIRST_ROOT)).code == "root-not-signed-by-new"
    with pytest.raises(TrustError) as caught:
        tuf.check_first_root(signed(V1, ROOT), now=NOW)
    assert caught.value.code == "root-not-signed-by-new"


def test_both_thresholds_count() -> None:
    two = roles.next_root(V3, add={"root": [OTHER.public]}, thresholds={"root": 2})
    old = signed(V3, FIRST_ROOT, ROOT)
    assert refusal(old, signed(two, ROOT)).code == "root-not-signed-by-new"
    tuf.check_next_root(old, signed(two, ROOT, OTHER), production=False, now=NOW)
    after = roles.next_root(two, remove={"root": [OTHER.public.keyid]}, thresholds={"root": 1})
    error = refusal(signed(two, ROOT, OTHER), signed(after, ROOT))
    assert (error.code, error.fields["missing"]) == ("root-not-signed-by-old", 1)


def test_it_must_not_have_expired() -> None:
    new = signed(roles.next_root(V3, expires=NOW), ROOT)
    assert refusal(signed(V3, FIRST_ROOT, ROOT), new).code == "root-expired"


def test_production_targets_need_two_keys_from_the_third_root_on() -> None:
    tuf.check_next_root(signed(V1, FIRST_ROOT), signed(V2, FIRST_ROOT), production=True, now=NOW)
    error = refusal(signed(V2, FIRST_ROOT), signed(V3, FIRST_ROOT, ROOT), production=True)
    assert (error.code, error.fields["threshold"]) == ("threshold-too-low", 1)


@pytest.mark.parametrize("role", ["root", "snapshot", "timestamp", "targets"])
def test_a_role_that_nobody_could_sign_is_refused(role: Any) -> None:
    new = roles.next_root(V4, thresholds={role: 3})
    error = refusal(signed(V4, ROOT), signed(new, ROOT, FIRST_ROOT, OTHER))
    assert error.code == ("root-not-signed-by-new" if role == "root" else "threshold-too-high")


@pytest.mark.parametrize("role", ["targets", "snapshot", "timestamp"])
def test_the_online_keys_stay_in_their_roles(role: Any) -> None:
    online = ONLINE.as_dict()[role]
    new = signed(roles.next_root(V4, replace={role: {online.keyid: OTHER.public}}), ROOT)
    error = refusal(signed(V4, ROOT), new)
    assert (error.code, error.fields["role"], error.fields["keyid"]) == ("online-key-missing", role, online.keyid)


def test_a_pair_that_differs_elsewhere_is_told() -> None:
    production = roles.production_of(V4)
    tuf.check_pair(signed(V4, ROOT), signed(production, ROOT))
    other = roles.production_of(roles.next_root(V3, add={"targets": [OTHER.public]}))
    with pytest.raises(TrustError) as caught:
        tuf.check_pair(signed(V4, ROOT), signed(other, ROOT))
    assert caught.value.code == "roots-differ"
    assert caught.value.fields["members"] == ["keys", "roles.targets.keyids"]
