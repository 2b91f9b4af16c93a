"""``groundswell status``: the factory at a glance, as text for a tired reader and as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from support import cli_factory
from support.commands import Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

TEXT = """\
factory  acme, revision 4
as of    2026-11-18T11:06:40Z
devices  6: 4 production, 2 test
online   3 (50.0%)
targets  4 CI targets
roots    version 4

tag         kind        devices  online         latest target  on latest
lts         production        1       0   0.0%  -                      -
production  production        3       2  66.7%  -                      -
main        test              2       1  50.0%  42                     2

lts, production
  versions  unknown 1
  groups    (no group) 1

production, production
  versions are not in any role yet
  versions  41 2 · 40 1
  groups    canary 2 · us-east 1

main, test
  versions  42 2
  groups    (no group) 1 · canary 1
"""


def test_the_text(acme: Run) -> None:
    ran = acme("status", "--now", cli_factory.NOW)
    assert (ran.code, ran.out, ran.err) == (0, TEXT, "")


def test_a_process_prints_the_same(process: Run, shop: Path) -> None:
    ran = process("status", "--now", cli_factory.NOW, cwd=shop / "acme")
    assert (ran.code, ran.out, ran.err) == (0, TEXT, "")


def test_no_colour_is_needed(acme: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in acme("status", "--now", cli_factory.NOW).out


def test_a_new_factory_says_what_comes_next(run: Run, tmp_path: Path) -> None:
    run("init", tmp_path / "new", "--name", "new", "--now", cli_factory.NOW)
    ran = run("-C", tmp_path / "new", "status", "--now", cli_factory.NOW)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "factory  new, revision 1\n"
        "as of    2026-11-18T11:06:40Z\n"
        "devices  0: 0 production, 0 test\n"
        "online   0 (-)\n"
        "targets  0 CI targets\n"
        "roots    version 2, no offline keys yet\n"
        "\n"
        "wants attention\n"
        "  there are no offline keys yet: `groundswell keys init` makes them\n"
        "  there are no targets yet: `groundswell targets import` imports them\n"
    )


def test_what_expires_soon_is_told_with_what_to_do(acme: Run) -> None:
    ran = acme("status", "--now", "2026-11-24T00:00:00Z")
    assert ran.lines[-3:] == [
        "wants attention",
        "  the ci timestamp of tag devel expires 2026-11-25T11:06:40Z: `groundswell metadata refresh` signs it again",
        "  the ci timestamp of tag main expires 2026-11-25T11:06:40Z: `groundswell metadata refresh` signs it again",
    ]
    ran = acme("status", "--now", "2027-11-12T00:00:00Z")
    root = "root expires 2027-11-18T11:06:40Z: `groundswell keys rotate` of any key makes the next root, which"
    told = [line.partition(", which")[0] + ", which" for line in ran.lines if "root expires" in line]
    assert told == [f"  the ci {root}", f"  the production {root}"]


def test_versions_that_nobody_is_served_are_orphans(acme: Run, shop: Path) -> None:
    (shop / "more.csv").write_text("uuid,tag,target_version\n00000000-0000-4000-8000-000000000007,main,99\n")
    acme("devices", "import", shop / "more.csv", "--now", cli_factory.NOW)
    assert "  versions  99 1 (orphan) · 42 2\n" in acme("status", "--now", cli_factory.NOW).out


def test_versions_of_a_wave_are_no_orphans(acme: Run, shop: Path) -> None:
    assert (
        acme("waves", "init", "-k", shop / "targets.tgz", "v41", 41, "production", "--now", cli_factory.NOW).code == 0
    )
    tags = acme("status", "--now", cli_factory.NOW, "--json").data["tags"]
    (versions,) = [one["versions"] for one in tags if one["tag"] == "production"]
    assert [(one["target_version"], one["is_orphan"]) for one in versions] == [(41, False), (40, True)]


def test_the_data(acme: Run) -> None:
    ran = acme("status", "--now", cli_factory.NOW, "--online-threshold", "10m", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert {key: value for key, value in ran.data.items() if key != "tags"} == {
        "name": "acme",
        "revision": 4,
        "now": cli_factory.NOW,
        "online_threshold": 600,
        "devices": 6,
        "production_devices": 4,
        "test_devices": 2,
        "online": 2,
        "ci_targets": 4,
        "root_version": 4,
        "keys_ready": True,
        "warnings": [],
    }
    assert ran.data["tags"][1] == {
        "tag": "production",
        "production": True,
        "devices": 3,
        "online": 1,
        "has_role": False,
        "latest_target": None,
        "on_latest": 0,
        "versions": [
            {"target_version": 41, "devices": 2, "is_orphan": False},
            {"target_version": 40, "devices": 1, "is_orphan": False},
        ],
        "groups": [
            {"group": "canary", "devices": 2, "online": 1, "on_latest": 0, "on_orphan": 0},
            {"group": "us-east", "devices": 1, "online": 0, "on_latest": 0, "on_orphan": 0},
        ],
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--now", "soon"), "`soon` is not an instant"),
        (("--online-threshold", "4x"), "`4x` is not a duration"),
        (("more",), "unexpected extra argument"),
    ],
)
def test_what_cannot_be_asked(acme: Run, options: tuple[str, ...], said: str) -> None:
    ran = acme("status", *options)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
