"""A line of the audit log that is sealed but of a wrong shape is damage, told with its number."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import StorageError
from groundswell.store.audit.log import GENESIS, AuditLog

if TYPE_CHECKING:
    from pathlib import Path

LINE: dict[str, Any] = {
    "seq": 1,
    "at": 1_795_000_000,
    "by": "alice",
    "action": "init",
    "summary": "made it",
    "details": {},
    "changes": [],
    "previous": GENESIS,
}


def sealed(said: bytes) -> bytes:
    return said[:-1] + b',"sha256":"' + hashlib.sha256(said[:-1]).hexdigest().encode() + b'"}\n'


@pytest.mark.parametrize("name", LINE)
@pytest.mark.parametrize("value", [None, True, "x", 1.5, [1], [{"table": 1}], [{"table": "t", "file": "../x"}], {}])
def test_a_member_of_a_wrong_type_is_damage(tmp_path: Path, name: str, value: object) -> None:
    if type(value) is type(LINE[name]) and name != "changes":
        pytest.skip("of the right type")
    for line in (LINE | {name: value}, {key: LINE[key] for key in LINE if key != name}):
        (tmp_path / "audit.log").write_bytes(sealed(json.dumps(line).encode()))
        with pytest.raises(StorageError) as caught:
            list(AuditLog(tmp_path / "audit.log").records())
        assert caught.value.code == "store-damaged"


@pytest.mark.parametrize("said", [b"7 ", b"[]", b'"x"', b"{}", b'{"a":' + b"[" * 5000 + b"}", b"{'}"])
def test_what_is_no_object_is_damage(tmp_path: Path, said: bytes) -> None:
    (tmp_path / "audit.log").write_bytes(sealed(said))
    with pytest.raises(StorageError) as caught:
        list(AuditLog(tmp_path / "audit.log").records())
    assert caught.value.code == "store-damaged"


def test_a_line_of_the_right_shape_is_read(tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_bytes(sealed(json.dumps(LINE).encode()))
    assert [record.seq for record in AuditLog(tmp_path / "audit.log").records()] == [1]
