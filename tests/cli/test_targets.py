"""``groundswell targets``: what each command prints where, and what it refuses with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from support import factories
from support.commands import EXIT_CODES, Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

SHA = "ab" * 32
ADD = ("imx-lmp-50", "--version", 50, "--hardware-id", "imx", "--tag", "main", "--sha256", SHA)


def write(folder: Path, *targets: dict[str, Any]) -> Path:
    path = folder / "more.json"
    path.write_bytes(factories.plain(*targets))
    return path


def test_an_import_says_what_it_came_to(acme: Run, shop: Path, revision: Callable[[], int]) -> None:
    file = write(shop, factories.target(43, "imx"), factories.target(42, "pi", ["main", "devel"]))
    ran = acme("targets", "import", file)
    assert (ran.code, ran.out, ran.err) == (0, "", "1 target added, 1 given other tags, 0 unchanged\n")
    ran = acme("targets", "import", file)
    assert (ran.code, ran.out, ran.err) == (0, "", "0 targets added, 0 given other tags, 2 unchanged\n")
    assert revision() == 5


def test_an_import_as_json(acme: Run, shop: Path) -> None:
    ran = acme("targets", "import", shop / "targets.json", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.data == {
        "added": [],
        "retagged": [],
        "unchanged": ["imx-lmp-41", "imx-lmp-42", "pi-lmp-41", "pi-lmp-42"],
        "foreign_signatures": 0,
    }


def test_signatures_of_others_are_counted_and_dropped(acme: Run, shop: Path) -> None:
    file = shop / "signed.json"
    signatures = [{"keyid": "00" * 32, "method": "ed25519", "sig": "AAAA"}]
    signed = {"_type": "Targets", "expires": "2027-01-01T00:00:00Z", "targets": factories.target(50), "version": 1}
    file.write_text(json.dumps({"signatures": signatures, "signed": signed}))
    ran = acme("targets", "import", file)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines() == [
        "note: 1 signature of others dropped: the factory signs with its own key",
        "1 target added, 0 given other tags, 0 unchanged",
    ]


def test_a_process_takes_them_from_stdin(process: Run, shop: Path) -> None:
    ran = process("-C", "acme", "targets", "import", "@-", cwd=shop, stdin=factories.plain(factories.target(50)))
    assert (ran.code, ran.out, ran.err) == (0, "", "1 target added, 0 given other tags, 0 unchanged\n")


def test_one_target_is_added(acme: Run) -> None:
    app = f"shop=hub.example/acme/shop@sha256:{SHA}"
    ran = acme("targets", "add", *ADD, "--app", app, "--custom", '{"lmp-ver": "4.0.20"}', "--length", 7)
    assert (ran.code, ran.out, ran.err) == (0, "", "1 target added, 0 given other tags, 0 unchanged\n")
    assert acme("targets", "show", 50, "--json").data == {
        "target_version": 50,
        "targets": {
            "imx-lmp-50": {
                "custom": {
                    "docker_compose_apps": {"shop": {"uri": app.removeprefix("shop=")}},
                    "hardwareIds": ["imx"],
                    "lmp-ver": "4.0.20",
                    "tags": ["main"],
                    "targetFormat": "OSTREE",
                    "version": "50",
                },
                "hashes": {"sha256": SHA},
                "length": 7,
            }
        },
    }


def test_targets_are_listed_by_version_and_name(acme: Run) -> None:
    ran = acme("targets", "list")
    assert (ran.code, ran.err) == (0, "4 targets\n")
    assert ran.out == (
        "target      version  hardware  tags        sha256\n"
        "imx-lmp-41  41       imx       main        000000000000\n"
        "pi-lmp-41   41       pi        main        000000000000\n"
        "imx-lmp-42  42       imx       main,devel  000000000000\n"
        "pi-lmp-42   42       pi        main        000000000000\n"
    )
    ran = acme("targets", "list", "-t", "devel")
    assert ([line.split()[0] for line in ran.lines], ran.err) == (["target", "imx-lmp-42"], "1 target\n")
    ran = acme("targets", "list", "--tag", "devil")
    assert (ran.code, ran.slug, ran.out) == (3, "unknown-tag", "")
    assert "devel" in ran.err
    assert sorted(acme("targets", "list", "--json").data["targets"]) == sorted(
        ["imx-lmp-41", "imx-lmp-42", "pi-lmp-41", "pi-lmp-42"]
    )


def test_production_targets_belong_to_a_tag(acme: Run, shop: Path) -> None:
    ran = acme("targets", "list", "--production", "-t", "production")
    assert (ran.slug, ran.code, ran.out) == ("no-production-targets", 3, "")
    assert ran.err == (
        "error: the tag `production` has no production targets\n hint: a wave that is completed makes the first\n"
    )
    assert "--production wants --tag" in acme("targets", "list", "--production").err
    assert acme("waves", "init", "-k", shop / "targets.tgz", "v42", 42, "production").code == 0
    assert acme("waves", "complete", "v42", "--yes").code == 0
    ran = acme("targets", "list", "--production", "-t", "production")
    assert (ran.code, len(ran.lines)) == (0, 3)
    assert ran.err.startswith("2 targets; role version 42, expires ")
    data = acme("targets", "list", "--production", "-t", "production", "--json").data
    assert (data["tag"], data["role_version"], sorted(data["targets"])) == (
        "production",
        42,
        ["imx-lmp-42", "pi-lmp-42"],
    )


def test_the_targets_of_a_version(acme: Run) -> None:
    ran = acme("targets", "show", 42)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"imx-lmp-42\n  hardware  imx\n  tags      main, devel\n  sha256    {42:064x}\n"
        f"  app       shop  hub/shop@sha256:{42:064x}\n\n"
        f"pi-lmp-42\n  hardware  pi\n  tags      main\n  sha256    {42:064x}\n"
    )


def test_versions_are_pruned(acme: Run) -> None:
    ran = acme("targets", "prune", 41)
    assert (ran.code, ran.out, ran.err) == (0, "", "pruned 2 targets: imx-lmp-41, pi-lmp-41\n")
    assert acme("targets", "list").err == "2 targets\n"


def changed(name: str, **values: object) -> dict[str, Any]:
    ((_, document),) = factories.target(50).items()
    return {name: document | values}


@pytest.mark.parametrize(
    ("target", "slug", "said"),
    [
        (
            factories.target(42, "imx", length=9),
            "target-differs",
            "the target `imx-lmp-42` is known and is something else",
        ),
        (
            factories.target(42, "imx", name="x-42"),
            "hardware-taken",
            "version 42 has the target `imx-lmp-42` for the hardware `imx`",
        ),
        (changed("a b"), "bad-targets", "`a b`"),
        (
            changed("x-50", hashes={"sha256": "AB"}),
            "bad-targets",
            "`hashes.sha256` of `x-50` is not 64 lower-case hex digits",
        ),
        (factories.target(50, description="<b>"), "bad-targets", "`<`"),
        (factories.target(50, description="Grüße"), "bad-targets", "`ü`"),
        (factories.target(50, hardwareIds=["a", "b"]), "bad-targets", "`custom.hardwareIds` of `pi-lmp-50`"),
        (
            factories.target(50) | factories.target(50, name="y-50"),
            "bad-targets",
            "is for the hardware `pi` in version 50",
        ),
    ],
)
def test_a_target_that_cannot_be_one_changes_nothing(
    acme: Run, shop: Path, revision: Callable[[], int], *, target: dict[str, Any], slug: str, said: str
) -> None:
    ran = acme("targets", "import", write(shop, factories.target(60), target))
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    assert revision() == 4


@pytest.mark.parametrize(
    ("command", "slug", "said"),
    [
        (("import", "no-such.json"), "file-not-found", "there is no file `no-such.json`"),
        (("import", ""), "no-file-name", "`FILE` names no file"),
        (("import", "acme"), "is-a-folder", "`acme` is a folder"),
        (("import", "fleet.csv"), "broken-json", "`fleet.csv`"),
        (
            ("add", *ADD[:-1], "AB"),
            "bad-targets",
            "`imx-lmp-50` cannot be taken: `hashes.sha256` of `imx-lmp-50` is not 64",
        ),
        (("add", *ADD, "--app", "shop"), "bad-app", "the app `shop` is not of the form NAME=URI"),
        (("add", *ADD, "--custom", "[1"), "bad-custom", "`--custom` is `[1`, which is not a JSON object"),
        (("add", *ADD, "--custom", "[1]"), "bad-custom", "which is not a JSON object"),
        (("add", *ADD[:-2]), "bad-usage", "missing option '--sha256'"),
        (
            ("show", 99),
            "unknown-version",
            "there are no CI targets of version `99`\n hint: the nearest that there are: 42",
        ),
        (("show", "x"), "bad-usage", "'x' is not a valid integer"),
        (
            ("prune", 41, 40),
            "unknown-version",
            "there are no CI targets of version `40`\n hint: the nearest that there are: 41",
        ),
        (("prune",), "bad-usage", "missing argument 'VERSION…'"),
        (("list", "-t", ""), "empty-text", "`--tag` is given but empty"),
    ],
)
def test_what_is_refused_changes_nothing(
    acme: Run,
    shop: Path,
    revision: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    *,
    command: tuple[object, ...],
    slug: str,
    said: str,
) -> None:
    monkeypatch.chdir(shop)
    ran = acme("targets", *command)
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    assert revision() == 4


@pytest.mark.parametrize("depth", [70, 990, 100_000])
def test_custom_members_that_are_nested_too_deeply_are_bad_input(acme: Run, depth: int) -> None:
    custom = '{"a":' + "[" * depth + "]" * depth + "}"
    ran = acme(
        "targets", "add", "pi-lmp-50", "--version", 50, "--hardware-id", "pi", "--sha256", "0" * 64, "--custom", custom
    )
    assert (ran.code, ran.slug) == (2, "bad-custom")
