"""``groundswell metadata``: exporting, renewing and judging what devices are served."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from support import cli_factory, factories
from support.commands import EXIT_CODES, Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

LATER = "2026-11-23T11:06:40Z"
CHAIN = ["1.root.json", "2.root.json", "3.root.json", "4.root.json"]


@pytest.fixture
def metadata(acme: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `groundswell metadata ARGUMENTS…` in the shop, at `cli_factory.NOW` unless told otherwise."""
    monkeypatch.chdir(shop)

    def runner(verb: str, *arguments: object) -> Ran:
        now = () if "--now" in arguments else ("--now", cli_factory.NOW)
        return acme("metadata", verb, *arguments, *now)

    return runner


def test_a_test_device_gets_the_ci_targets_of_its_tag(metadata: Run, shop: Path) -> None:
    ran = metadata("export", "--device", "lab-1", "out")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "wrote 4 roots and the ci metadata of tag main (epoch 1) to out\n"
    files = [*CHAIN, "snapshot.json", "targets.json", "timestamp.json"]
    assert sorted(path.name for path in (shop / "out").iterdir()) == files
    served = json.loads((shop / "out/targets.json").read_text())["signed"]["targets"]
    assert sorted(served) == ["imx-lmp-41", "imx-lmp-42", "pi-lmp-41", "pi-lmp-42"]


def test_a_production_device_without_production_targets_gets_roots_alone(metadata: Run, shop: Path) -> None:
    metadata("export", "--device", "lab-1", "out")
    ran = metadata("export", "--device", "gw-1", "out")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "note: the device is served no targets (404): the tag production has no production targets, and no wave covers"
        " the device\nwrote 4 roots to out\n"
    )
    assert sorted(path.name for path in (shop / "out").iterdir()) == CHAIN


def test_an_export_as_json(metadata: Run) -> None:
    ran = metadata("export", "--device", "lab-2", "out", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.data == {
        "device": "00000000-0000-4000-8000-000000000006",
        "repository": "ci",
        "roots": 4,
        "epoch": 1,
        "tag": "main",
        "variant": "tag",
        "why_none": None,
    }
    assert metadata("export", "--device", "edge-2", "out", "--json").data["epoch"] is None


def test_a_refresh_is_a_new_epoch(metadata: Run) -> None:
    ran = metadata("refresh", "--now", LATER)
    assert (ran.code, ran.out, ran.err) == (0, "", "signed 2 sets of metadata anew; epochs: ci 2\n")
    assert "(epoch 2)" in metadata("export", "--device", "lab-1", "out", "--now", LATER).err


def test_an_export_renews_what_has_lost_half_of_its_life(metadata: Run) -> None:
    assert "(epoch 1)" in metadata("export", "--device", "lab-1", "out", "--now", "2026-11-20T00:00:00Z").err
    assert "(epoch 2)" in metadata("export", "--device", "lab-1", "out", "--now", LATER).err


def test_a_factory_that_serves_nothing_has_nothing_to_renew(run: Run, tmp_path: Path) -> None:
    run("init", tmp_path / "new", "--name", "new")
    ran = run("-C", tmp_path / "new", "metadata", "refresh")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "note: nothing is served yet, so there is nothing to renew\n"


def test_what_a_device_accepts(metadata: Run) -> None:
    metadata("export", "--device", "lab-1", "out")
    ran = metadata("verify", "out", "--audience", "ci", "-t", "main")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "a device accepts it\n"
        "audience   ci\n"
        "root       version 4, expires 2027-11-18T11:06:40Z\n"
        "timestamp  version 1, expires 2026-11-25T11:06:40Z\n"
        "snapshot   version 1, expires 2027-11-18T11:06:40Z\n"
        "targets    version 1, expires 2027-11-18T11:06:40Z\n"
        "           imx-lmp-41 · imx-lmp-42 · pi-lmp-41 · pi-lmp-42\n"
    )


def test_what_a_device_without_targets_accepts(metadata: Run) -> None:
    metadata("export", "--device", "gw-1", "out")
    ran = metadata("verify", "out", "--audience", "production")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "a device accepts it\n"
        "audience  production\n"
        "root      version 4, expires 2027-11-18T11:06:40Z\n"
        "targets   none: the device is served no targets\n"
    )


def test_long_lists_of_targets_are_cut_in_text_and_whole_in_json(acme: Run, metadata: Run, shop: Path) -> None:
    (shop / "many.json").write_bytes(factories.plain(*(factories.target(version) for version in range(100, 130))))
    acme("targets", "import", "many.json")
    metadata("export", "--device", "lab-1", "out")
    assert metadata("verify", "out").out.endswith(" · and 14 more\n")
    assert len(metadata("verify", "out", "--json").data["targets"]) == 34


def test_a_verdict_as_json(metadata: Run) -> None:
    metadata("export", "--device", "lab-1", "out")
    ran = metadata("verify", "out", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert sorted(ran.data) == [
        "audience", "expires", "notes", "root_version", "signed_by", "snapshot_version", "targets", "targets_version",
        "timestamp_version",
    ]  # fmt: skip
    assert ran.data["expires"]["timestamp"] == "2026-11-25T11:06:40Z"


def test_a_process_judges_without_a_factory(process: Run, metadata: Run, shop: Path, tmp_path: Path) -> None:
    metadata("export", "--device", "lab-1", "out")
    ran = process("metadata", "verify", shop / "out", "--now", cli_factory.NOW, cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("a device accepts it\n")
    (shop / "out/targets.json").write_bytes((shop / "out/targets.json").read_bytes().replace(b"imx", b"xmi"))
    ran = process("metadata", "verify", shop / "out", "--now", cli_factory.NOW, cwd=tmp_path)
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("error: `")
    assert " hint: a device would refuse this" in ran.err


def test_a_device_never_goes_back(metadata: Run) -> None:
    metadata("export", "--device", "lab-1", "old")
    metadata("refresh", "--now", LATER)
    metadata("export", "--device", "lab-1", "new", "--now", LATER)
    assert metadata("verify", "new", "--previous", "old", "--now", LATER).code == 0
    assert metadata("verify", "new", "--trusted-root", "old/1.root.json", "--now", LATER).code == 0
    ran = metadata("verify", "old", "--previous", "new")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("error: `old/timestamp.json` has the version 1, while the device has 2\n")


@pytest.mark.parametrize(
    ("command", "slug", "said"),
    [
        (("verify", "nowhere"), "no-such-directory", "there is no directory `nowhere`"),
        (("verify", ""), "no-directory-name", "`DIR` names no directory"),
        (("verify", "out", "--audience", "production"), "wrong-audience", "its audience is `ci`, not `production`"),
        (("verify", "out", "--tag", "devel"), "wrong-tag", "without the tag `devel`"),
        (("verify", "out", "--now", "2026-12-24T00:00:00Z"), "expired-metadata", "`out/timestamp.json` expired at"),
        (("verify", "out", "--previous", "nowhere"), "no-such-directory", "there is no directory `nowhere`"),
        (("verify", "out", "--audience", "all"), "bad-usage", "'all' is not one of 'production', 'ci'"),
        (("export", "--device", "lab-1", "acme"), "foreign-files", "`acme` holds other files than metadata, such as `"),
        (("export", "--device", "lab-1", "fleet.csv"), "not-a-folder", "`fleet.csv` is a file"),
        (("export", "--device", "lab-1", ""), "no-directory-name", "`DIR` names no directory"),
        (("export", "--device", "nobody", "out"), "unknown-device", "no device has the uuid or the name `nobody`"),
        (("export", "--device", "", "out"), "empty-text", "`--device` is given but empty"),
        (("export", "out"), "bad-usage", "missing option '--device'"),
    ],
)
def test_what_is_refused_changes_nothing(
    metadata: Run, revision: Callable[[], int], *, command: tuple[str, ...], slug: str, said: str
) -> None:
    metadata("export", "--device", "lab-1", "out")
    ran = metadata(*command)
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    assert revision() == 4
