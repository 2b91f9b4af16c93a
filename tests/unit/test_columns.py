"""The spellings of columns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from groundswell.errors import InputError
from groundswell.ingest.columns import COLUMNS, SPELLINGS, match_columns

DOCS = Path(__file__).parents[2] / "docs/fleets.md"


def refusal(found: list[str]) -> InputError:
    with pytest.raises(InputError) as caught:
        match_columns(found, "x.csv")
    return caught.value


def test_the_columns_are_those_of_the_domain() -> None:
    assert COLUMNS == ("uuid", "name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Device-UUID", "uuid"),
        ("device_group", "group"),
        ("device-group", "group"),
        ("group-name", "group"),
        ("GroupName", "group"),
        ("is-prod", "production"),
        ("is_prod", "production"),
        ("IsProd", "production"),
        ("prod", "production"),
        ("last-seen", "last_seen"),
        ("lastseen", "last_seen"),
        ("Last Seen", "last_seen"),
        ("last_seen_at", "last_seen"),
        ("target-version", "target_version"),
        ("version", "target_version"),
        ("hardware-id", "hardware_id"),
        ("hardware.id", "hardware_id"),
        ("HWID", "hardware_id"),
        ("tags", "tag"),
        ("name", "name"),
    ],
)
def test_common_spellings_are_recognised(name: str, column: str) -> None:
    match = match_columns(["x", name] if column == "uuid" else ["uuid", name], "x.csv")
    assert match.used[column] == 1


def test_the_documentation_lists_every_spelling() -> None:
    section = DOCS.read_text(encoding="utf-8").partition("## Columns")[2].partition("##")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE)
    documented = {column: tuple(re.findall(r"`([^`]+)`", spellings)) for column, spellings in rows}
    assert documented == dict(SPELLINGS)


def test_no_spelling_means_two_columns() -> None:
    folded = [re.sub("_", "", s) for spellings in SPELLINGS.values() for s in spellings]
    assert len(folded) == len(set(folded))


@pytest.mark.parametrize(
    ("first", "second"), [("group", "device-group"), ("is_prod", "production"), ("uuid", "UUID"), ("tag", "tag")]
)
def test_two_columns_that_mean_the_same_are_both_named(first: str, second: str) -> None:
    error = refusal(["uuid", first, second] if first != "uuid" else [first, second])
    assert error.code == "repeated-column"
    assert f"`{second}`" in error.message
    assert error.fields["columns"] == [first, second]


def test_no_uuid_column_names_the_columns_and_the_nearest() -> None:
    error = refusal(["uid", "name", "group"])
    assert error.code == "no-uuid-column"
    assert "`uid`, `name`, `group`" in error.message
    assert "`uid`" in error.hint
    assert error.fields["nearest"] == ["uid"]


def test_a_device_uuid_that_is_misspelt_is_near_too() -> None:
    assert refusal(["Device UID", "name"]).fields["nearest"] == ["Device UID"]


def test_a_line_of_data_in_the_place_of_the_header_is_told() -> None:
    assert "header" in refusal(["0b2a4f6c-8f4e-4c55-9a3c-1f2e3d4c5b6a", "x"]).hint


def test_many_columns_are_not_all_in_the_message() -> None:
    error = refusal([f"column{i}" for i in range(5000)])
    assert len(error.message) < 1000
    assert len(error.fields["columns"]) == 5000


def test_names_that_break_the_line_are_shown_escaped() -> None:
    assert "\n" not in refusal(["a\nb", "\x1b[2J"]).message


def test_unused_columns_are_recorded_and_misspelt_ones_noted() -> None:
    match = match_columns(["uuid", "owner", "lastsen", "factory"], "x.csv")
    assert match.ignored == ("owner", "lastsen", "factory")
    assert match.notes == ("the column `lastsen` is not used; did you mean `last_seen`?",)


def test_a_column_that_is_there_is_not_suggested_again() -> None:
    assert match_columns(["uuid", "group", "groups"], "x.csv").notes == ()
