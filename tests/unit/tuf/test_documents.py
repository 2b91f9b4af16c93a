"""Documents: what came is kept, what is of another form is refused, instants have one spelling."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from groundswell import GroundswellError, InputError, TrustError, tuf
from groundswell.tuf.documents import format_instant, parse_instant

SIGNED: dict[str, Any] = {"_type": "Targets", "expires": "2030-01-01T00:00:00Z", "targets": {}, "version": 7}
SIGNATURE = {"keyid": "k", "method": "ed25519", "sig": ""}


def written(signed: Any = None, signatures: Any = (), **more: Any) -> bytes:
    return json.dumps({"signatures": list(signatures), "signed": signed or SIGNED} | more).encode()


@pytest.mark.parametrize(
    "data",
    [
        b'{"signatures":[],"signed":%b}',
        b' { "signed" : %b , "signatures" : [ ] } \n',
        b'\n{"signatures"\t:[{"keyid":"signed","method":"m","sig":"\\"signed\\":{}"}],\r\n"signed":%b}',
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_the_signed_bytes_are_those_of_the_file(data: bytes, indent: int | None) -> None:
    signed = json.dumps(SIGNED | {"targets": {"signed": {}, "ü": "\u00fc"}}, indent=indent, ensure_ascii=False).encode()
    document = tuf.parse_document(data.replace(b"%b", signed), "Targets", "x")
    assert document.signed_bytes == signed
    assert document.raw == data.replace(b"%b", signed)
    assert json.loads(document.signed_bytes) == document.signed
    assert document.expires == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("signed", "member"),
    [
        ([], "signed"),
        (SIGNED | {"version": 0}, "signed.version"),
        (SIGNED | {"version": True}, "signed.version"),
        (SIGNED | {"version": "7"}, "signed.version"),
        (SIGNED | {"version": 2**31}, "signed.version"),
        (SIGNED | {"expires": "2030-01-01"}, "signed.expires"),
        (SIGNED | {"expires": None}, "signed.expires"),
        (SIGNED | {"targets": []}, "signed.targets"),
    ],
)
def test_a_member_of_the_wrong_form_is_named(signed: Any, member: str) -> None:
    data = json.dumps({"signatures": [], "signed": signed}).encode()
    with pytest.raises(InputError) as caught:
        tuf.parse_document(data, "Targets", "x.json")
    assert (caught.value.code, caught.value.fields["member"]) == ("bad-metadata", member)
    assert "`x.json`" in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{}",
        json.dumps(SIGNED).encode(),
        written(extra=1),
        written(signatures=[7]),
        written(signatures=[{"keyid": "k", "sig": ""}]),
        written(signatures=[SIGNATURE | {"sig": 7}]),
        json.dumps({"signatures": {}, "signed": SIGNED}).encode(),
    ],
)
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        tuf.parse_document(data, "Targets", "x.json")
    assert caught.value.code == "bad-metadata"


@pytest.mark.parametrize("other", ["Root", "Snapshot", "targets", "", None, 7])
def test_a_document_of_another_role_is_refused(other: Any) -> None:
    with pytest.raises(TrustError) as caught:
        tuf.parse_document(written(SIGNED | {"_type": other}), "Targets", "x.json")
    assert caught.value.code == "wrong-role"


@pytest.mark.parametrize("signed", [b'{"b":1,"a":2}', b'{ "a":1}', b"{", b'{"a":1.5}', b""])
def test_what_is_not_canonical_is_not_put_together(signed: bytes) -> None:
    with pytest.raises(InputError) as caught:
        tuf.assemble(signed, [SIGNATURE])
    assert caught.value.code == "not-canonical"


@pytest.mark.parametrize(
    "text",
    [
        "2027-11-23T15:44:01",
        "2027-11-23T15:44:01+00:00",
        "2027-11-23T15:44:01.0Z",
        "2027-11-23 15:44:01Z",
        "2027-11-23T15:44:01z",
        "2027-2-23T15:44:01Z",
        "2027-02-30T15:44:01Z",
        "2027-11-23T24:00:00Z",
        "2027-11-23T15:44:60Z",
        "２027-11-23T15:44:01Z",
        " 2027-11-23T15:44:01Z",
        "",
        None,
        7,
    ],
)
def test_an_instant_has_one_spelling(text: Any) -> None:
    with pytest.raises(GroundswellError) as caught:
        parse_instant(text, "expires")
    assert caught.value.code == "bad-instant"


def test_an_instant_is_spelled_in_utc_and_needs_a_zone() -> None:
    there = datetime(2027, 11, 23, 17, 44, 1, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert format_instant(there) == "2027-11-23T15:44:01Z"
    assert format_instant(datetime(999, 1, 1, tzinfo=UTC)) == "0999-01-01T00:00:00Z"
    assert parse_instant(format_instant(there), "x") == there.replace(microsecond=0)
    with pytest.raises(InputError) as caught:
        format_instant(there.replace(tzinfo=None))
    assert caught.value.code == "bad-instant"
