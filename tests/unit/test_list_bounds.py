"""A source without end does not take all memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groundswell import InputError, UuidList

if TYPE_CHECKING:
    from pathlib import Path


def test_a_list_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundswell.fleet.uuid_list.MAX_LIST_BYTES", 1000)
    (tmp_path / "list").write_text("\n" * 1001)
    with pytest.raises(InputError) as caught:
        UuidList.parse(tmp_path / "list")
    assert caught.value.code == "list-too-large"
