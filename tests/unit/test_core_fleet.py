"""What the core checks of the columns that it is given, whoever gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from groundswell import InputError, _core


def columns(**other: Any) -> dict[str, Any]:
    """Make the columns of three devices, some of them replaced."""
    return {
        "uuids": np.arange(48, dtype=np.uint8).reshape(3, 16),
        "last_seen": np.zeros(3, np.uint32),
        "groups": np.array([0, -1, 0], np.int32),
        "group_names": ["canary"],
        "tags": np.full(3, -1, np.int32),
        "tag_names": [],
        "production": np.ones(3, np.bool_),
        "target_versions": np.full(3, -1, np.int32),
    } | other


def test_columns_that_fit_are_a_fleet() -> None:
    assert len(_core.Fleet(**columns())) == 3


@pytest.mark.parametrize(
    ("other", "column"),
    [
        ({"last_seen": np.zeros(2, np.uint32)}, "last_seen"),
        ({"production": np.ones(4, np.bool_)}, "production"),
        ({"group_names": []}, "groups"),
        ({"tags": np.array([0, 1, 2], np.int32)}, "tags"),
    ],
)
def test_columns_that_do_not_fit_are_named(other: dict[str, Any], column: str) -> None:
    with pytest.raises(InputError) as caught:
        _core.Fleet(**columns(**other))
    assert caught.value.code == "bad-columns"
    assert caught.value.fields == {"column": column}


def test_a_uuid_has_one_row() -> None:
    with pytest.raises(InputError) as caught:
        _core.Fleet(**columns(uuids=np.zeros((3, 16), np.uint8)))
    assert caught.value.code == "repeated-uuid"
    assert caught.value.fields["rows"] == (1, 2)
