"""Law: a message about a list fits one screen: counts by reason and five examples. ``--json`` has all of the list."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from support.cli_factory import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.commands import Ran

    Run = Callable[..., Ran]

MANY = 10_000
UNKNOWN = [str(uuid.UUID(int=(1 << 64) + number)) for number in range(MANY)]


def check_screen(text: str) -> None:
    """A screen has 24 lines; five examples of each of two reasons fit into 600 characters a line."""
    assert len(text.splitlines()) <= 24, text[:2000]
    assert len(text) <= 4096, text[:4096]
    assert max(map(len, text.splitlines())) <= 600, text[:2000]


@pytest.fixture
def unknown(tmp_path: Path) -> str:
    """A list of 10 000 UUIDs that no factory has, as an argument."""
    path = tmp_path / "unknown.lst"
    path.write_text("\n".join(UNKNOWN))
    return f"@{path}"


@pytest.mark.parametrize(
    ("command", "slug", "field"),
    [
        (("devices", "group", "LIST", "canary"), "unknown-devices", "unknown"),
        (("devices", "delete", "LIST"), "unknown-devices", "unknown"),
        (("devices", "allow", "LIST"), "not-denied", "not_denied"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else value,
)
def test_unknown_devices_are_five_examples(
    acme: Run, unknown: str, command: tuple[str, ...], slug: str, field: str
) -> None:
    words = [unknown if word == "LIST" else word for word in command]
    ran = acme(*words)
    assert (ran.code, ran.slug, ran.out) == (3, slug, "")
    check_screen(ran.err)
    assert ran.err.count("`00000000-") == 5
    assert " and 9995 more" in ran.err
    assert acme(*words, "--json").error["fields"][field] == UNKNOWN


def test_unknown_devices_are_all_in_the_fields(acme: Run, unknown: str) -> None:
    ran = acme("waves", "why", unknown, "--json")
    assert ran.code == 3
    assert ran.error["fields"]["unknown"] == UNKNOWN
    check_screen(acme("waves", "why", unknown).err)


def test_mismatched_devices_are_counted_by_reason(run: Run, tmp_path: Path, unknown: str) -> None:
    fleet = tmp_path / "fleet.csv"
    test_devices = [str(uuid.UUID(int=(2 << 64) + number)) for number in range(7)]
    (tmp_path / "unknown.lst").write_text("\n".join([*UNKNOWN, *test_devices]))
    fleet.write_text("\n".join(["uuid,is-prod", f"{uuid.UUID(int=1)},true", *(f"{one},false" for one in test_devices)]))
    ran = run("select", fleet, "--uuids", unknown, "--now", NOW)
    assert (ran.code, ran.slug) == (2, "mismatched-devices")
    check_screen(ran.err)
    assert "10007 of the 10007 listed devices cannot be selected: not in the fleet: 10000 (" in ran.err
    assert ran.err.count("`00000000-") == 10  # five of each reason
    error = run("select", fleet, "--uuids", unknown, "--now", NOW, "--json").error
    assert [one["uuid"] for one in error["fields"]["offenders"]] == UNKNOWN + test_devices


def test_bad_rows_are_counted_by_reason(acme: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    rows = [f"x{number},{'yes' if number % 10 else 'perhaps'}" for number in range(MANY)]
    file.write_text("\n".join(["uuid,production", *rows]))
    ran = acme("devices", "import", file)
    assert (ran.code, ran.slug) == (2, "bad-rows")
    check_screen(ran.err)
    assert f"{MANY} × column `uuid` is not a UUID" in ran.err
    assert f"{MANY // 10} × column `production` is neither true nor false" in ran.err
    assert ran.err.count("       line ") == 5
    error = acme("devices", "import", file, "--json").error
    assert error["fields"]["total"] == MANY
    assert {bad["line"] for bad in error["fields"]["bad"]} == set(range(2, MANY + 2))


def test_rows_that_contradict_each_other_are_five_examples(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "twice.csv"
    file.write_text("\n".join(["uuid,group", *(f"{one},{group}" for one in UNKNOWN[:1500] for group in "ab")]))
    ran = run("fleet", "show", file)
    assert (ran.code, ran.slug) == (2, "repeated-uuid")
    check_screen(ran.err)
    assert ran.err.count("       lines ") == 5
    assert "and 1495 more" in ran.err
    assert len(run("fleet", "show", file, "--json").error["fields"]["repeated"]) == 1500


def test_bad_values_of_a_list_are_counted_by_reason(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.lst"
    file.write_text("\n".join(["zebra", "6f1c2f3e-1a6f"] * (MANY // 2)))
    ran = run("uuids", "check", f"@{file}")
    assert ran.code == 2
    check_screen(ran.out)
    assert f"{MANY // 2} × 12 hex digits, a UUID has 32" in ran.out
    assert len(run("uuids", "check", f"@{file}", "--json").data["bad"]) == MANY


def test_denied_devices_of_an_import_are_five_examples(acme: Run, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("\n".join(["uuid,production", *(f"{one},true" for one in UNKNOWN[:1200])]))
    listed = tmp_path / "many.lst"
    listed.write_text("\n".join(UNKNOWN[:1200]))
    assert acme("devices", "import", file).code == 0
    assert acme("devices", "delete", f"@{listed}").code == 0
    ran = acme("devices", "import", file)
    assert ran.code == 0
    check_screen(ran.err)
    assert len(acme("devices", "import", file, "--json").data["denied_devices"]) == 1200


def test_new_groups_are_five_examples(acme: Run, tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("\n".join(["uuid,group", *(f"{one},g-{at}" for at, one in enumerate(UNKNOWN[:300]))]))
    ran = acme("devices", "import", file, "--dry-run")
    check_screen(ran.err)
    assert "would make 300 groups: g-0, g-1, g-2, g-3, g-4 and 295 more" in ran.err
    assert len(acme("devices", "import", file, "--dry-run", "--json").data["groups_created"]) == 300
