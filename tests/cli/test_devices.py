"""``groundswell devices``: what each command prints where, and what it refuses with which exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from support import cli_factory
from support.commands import EXIT_CODES, Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

UUIDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(1, 7)]
STRANGER = "00000000-0000-4000-8000-00000000000f"
TEST_DEVICE = "it counts as a test device, and no later import can change that"


def csv(folder: Path, text: str, name: str = "more.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def summary(ran: Ran) -> str:
    """What an import prints on stderr before the table of its columns, without the notes on what no device has."""
    lines = ran.err.partition("column          read from")[0].splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("note: NO DEVICE"))


# --- import ----------------------------------------------------------------------------------------------------------


def test_an_import_says_what_it_came_to(run: Run, tmp_path: Path) -> None:
    run("init", tmp_path / "acme", "--name", "acme")
    ran = run("-C", tmp_path / "acme", "devices", "import", csv(tmp_path, cli_factory.FLEET), "--now", cli_factory.NOW)
    assert (ran.code, ran.out) == (0, "")
    assert summary(ran) == "imported 6 devices: 6 new, 0 changed, 0 unchanged\nmade 2 groups: canary, us-east\n"


def test_the_same_file_again_is_nothing_to_do(acme: Run, shop: Path, revision: Callable[[], int]) -> None:
    ran = acme("devices", "import", shop / "fleet.csv", "--now", cli_factory.NOW)
    assert (ran.code, ran.out) == (0, "")
    assert summary(ran) == "nothing to do for 6 devices: 0 new, 0 changed, 6 unchanged\n"
    assert revision() == 4


def test_a_dry_run_says_the_same_and_changes_nothing(acme: Run, shop: Path, revision: Callable[[], int]) -> None:
    file = csv(shop, f"uuid,name,group,production\n{UUIDS[0]},gw-one,,\n{STRANGER},new,fresh,true\n")
    ran = acme("devices", "import", file, "--dry-run")
    assert summary(ran) == "would import 2 devices: 1 new, 1 changed, 0 unchanged\nwould make 1 group: fresh\n"
    assert revision() == 4
    ran = acme("devices", "import", file)
    assert summary(ran) == "imported 2 devices: 1 new, 1 changed, 0 unchanged\nmade 1 group: fresh\n"
    assert revision() == 5


NOWHERE = ("TAG", "GROUP")


def test_the_report_as_json(acme: Run, shop: Path) -> None:
    ran = acme("devices", "import", csv(shop, f"uuid,name\n{STRANGER},n\n"), "--json")
    assert ran.code == 0
    assert ran.data == {
        "rows": 1,
        "devices": 1,
        "new": 1,
        "returned": 0,
        "changed": 0,
        "unchanged": 0,
        "denied": 0,
        "denied_devices": [],
        "outdated": 0,
        "groups_created": [],
        "rejected_rows": 0,
        "test_by_default": 1,
        "notes": [
            f"NOTHING SAYS THAT 1 OF THE NEW DEVICES IS A PRODUCTION DEVICE: {TEST_DEVICE}",
            *(
                f"NO DEVICE OF `{shop}/more.csv` HAS A {what}: no column is read as the {what.lower()}"
                for what in NOWHERE
            ),
        ],
        "dry_run": False,
        "columns": {"uuid": "uuid", "name": "name"},
        "unused": [],
        "sources": [
            {
                "source": f"{shop}/more.csv",
                "columns": {"uuid": "uuid", "name": "name"},
                "unused": [],
                "more_unused": False,
            }
        ],
        "mapping_saved": None,
        "leaves": [],
    }
    assert ran.err == "".join(f"note: {note}\n" for note in ran.data["notes"])


def test_an_empty_cell_keeps_and_clear_unsets(acme: Run, shop: Path) -> None:
    file = csv(shop, f"uuid,name,group\n{UUIDS[0]},,\n")
    acme("devices", "import", file)
    assert acme("devices", "show", "gw-1", "--json").data["group"] == "canary"
    ran = acme("devices", "import", file, "--clear", "group")
    assert summary(ran) == "imported 1 device: 0 new, 1 changed, 0 unchanged\n"
    assert acme("devices", "show", "gw-1", "--json").data["group"] is None


def test_an_allowed_device_comes_back_with_its_ordinal(acme: Run, shop: Path) -> None:
    acme("devices", "delete", UUIDS[2])
    assert acme("devices", "allow", UUIDS[2]).err == ("allowed 1 device; the next import that has them restores them\n")
    ran = acme("devices", "import", shop / "fleet.csv", "--now", cli_factory.NOW)
    assert summary(ran) == "imported 6 devices: 0 new, 0 changed, 5 unchanged, 1 that had been deleted\n"
    assert acme("devices", "show", "edge-1", "--json").data["ordinal"] == 2


def test_a_denied_device_is_skipped_and_named(acme: Run, shop: Path, revision: Callable[[], int]) -> None:
    acme("devices", "delete", UUIDS[2])
    ran = acme("devices", "import", shop / "fleet.csv", "--now", cli_factory.NOW)
    assert (ran.code, ran.out) == (0, "")
    skipped = f"SKIPPED THE ROW OF 1 DENIED DEVICE, which was deleted before: edge-1 ({UUIDS[2]})"
    assert summary(ran).splitlines() == [
        f"note: {skipped}; allowing it takes it off the denied list",
        "nothing to do for 5 devices: 0 new, 0 changed, 5 unchanged, 1 denied and skipped",
    ]
    assert revision() == 5
    data = acme("devices", "import", shop / "fleet.csv", "--now", cli_factory.NOW, "--json").data
    assert (data["denied"], data["denied_devices"]) == (1, [{"uuid": UUIDS[2], "name": "edge-1"}])
    assert acme("devices", "denied", "--uuids").out == f"{UUIDS[2]}\n"
    assert acme("devices", "denied", "--json").data == {
        "denied": [{"uuid": UUIDS[2], "name": "edge-1"}],
        "total": 1,
    }
    assert acme("devices", "denied").out.splitlines()[1].split() == [UUIDS[2], "edge-1"]
    ran = acme("devices", "allow", UUIDS[0])
    assert (ran.code, ran.slug) == (3, "not-denied")


def test_a_column_that_is_not_known_is_named_with_the_nearest(acme: Run, shop: Path) -> None:
    ran = acme("devices", "import", csv(shop, f"uuid,nmae\n{UUIDS[0]},x\n"))
    assert (ran.code, ran.out) == (0, "")
    assert summary(ran).splitlines()[0] == "note: the column `nmae` is not used; did you mean `name`?"
    ran = acme("devices", "import", shop / "fleet.csv", "--clear", "nmae")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: there is no column `nmae` to clear\n hint: did you mean `name`?\n"
    ran = acme("devices", "import", shop / "fleet.csv", "--clear", "production")
    assert "error: the column `production` cannot be cleared\n" in ran.err
    assert acme("devices", "import", csv(shop, "nothing\nx\n")).code == 2


FLIPS = f"uuid,production\n{UUIDS[0]},true\n{UUIDS[1]},false\n{UUIDS[4]},yes\n"


def test_a_row_that_would_flip_production_is_refused_with_its_line(
    acme: Run, shop: Path, revision: Callable[[], int]
) -> None:
    file = csv(shop, FLIPS, "flips.csv")
    ran = acme("devices", "import", file)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"error: line 3 of `{file}`, column `production`: `false` would flip a device that is registered as a"
        " production device (the first of 2 bad rows)\n"
        "       line 3, column `production`: `false` would flip a device that is registered as a production device\n"
        "       line 4, column `production`: `yes` would flip a device that is registered as a test device\n"
        " hint: correct them, or skip them and write them to a file with --rejects FILE\n"
    )
    error = acme("devices", "import", file, "--json").error
    assert error["code"] == "bad-rows"
    assert [(bad["line"], bad["column"], bad["value"]) for bad in error["fields"]["bad"]] == [
        (3, "production", "false"),
        (4, "production", "yes"),
    ]
    assert revision() == 4


def test_rejects_takes_the_bad_rows_and_the_import_the_good_ones(acme: Run, shop: Path) -> None:
    file, rejects = csv(shop, FLIPS + f"{STRANGER},true\n"), shop / "rejects.csv"
    ran = acme("devices", "import", file, "--rejects", rejects)
    assert (ran.code, ran.out) == (0, "")
    assert summary(ran).splitlines()[-2:] == [
        "imported 2 devices: 1 new, 0 changed, 1 unchanged",
        "set 2 bad rows aside",
    ]
    assert [line.split(",")[:2] for line in rejects.read_text().splitlines()] == [
        ["line", "column"],
        ["3", "production"],
        ["4", "production"],
    ]


@pytest.mark.parametrize(
    ("name", "text", "slug", "said"),
    [
        (
            "a.csv",
            f"uuid,group\n{STRANGER},a b\n",
            "bad-rows",
            "line 2 of `a.csv`, column `group`: `a b` is not a name",
        ),
        ("a.csv", f"uuid,tag\n{STRANGER},-x\n", "bad-rows", "line 2 of `a.csv`, column `tag`: `-x` is not a name"),
        ("a.csv", "uuid\nnonsense\n", "bad-rows", "line 2 of `a.csv`, column `uuid`: `nonsense`"),
        ("a.csv", "name\nx\n", "no-uuid-column", "`a.csv` has no uuid column"),
        ("a.csv", f"uuid,name\n{STRANGER},a\n{STRANGER},b\n", "repeated-uuid", "the same uuid"),
        ("a.csv", "\0\1\2\3", "not-a-table", "`a.csv`"),
        ("b.csv", "uuid\n", "file-not-found", "there is no file `a.csv`"),
    ],
)
def test_what_is_no_fleet_changes_nothing(
    acme: Run,
    shop: Path,
    revision: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str,
    text: str,
    slug: str,
    said: str,
) -> None:
    monkeypatch.chdir(shop)
    csv(shop, text, name)
    ran = acme("devices", "import", "a.csv")
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    assert revision() == 4


def test_files_that_contradict_each_other_are_refused(acme: Run, shop: Path) -> None:
    one, two = csv(shop, f"uuid,name\n{STRANGER},a\n", "1.csv"), csv(shop, f"uuid,name\n{STRANGER},b\n", "2.csv")
    ran = acme("devices", "import", one, two)
    assert (ran.code, ran.out) == (2, "")
    assert (
        f"`{two}` and a file before it have the same uuid `{STRANGER}` but different data: name `a` and `b`" in ran.err
    )
    ran = acme("devices", "import", one, two, "--rejects", shop / "r")
    assert acme("devices", "import", one, two, "--rejects", shop / "r", "--json").error["code"] == "bad-option"
    assert acme("devices", "import").code == 2
    assert "`FILE…` names no file" in acme("devices", "import", one, "").err


# --- list and show ---------------------------------------------------------------------------------------------------

TABLE = """\
uuid                                  name    group    tag         kind        last seen             version  hardware
00000000-0000-4000-8000-000000000001  gw-1    canary   production  production  2026-11-18T11:00:00Z  41       imx
00000000-0000-4000-8000-000000000002  gw-2    canary   production  production  2026-11-10T00:00:00Z  40       imx
00000000-0000-4000-8000-000000000003  edge-1  us-east  production  production  2026-11-18T10:30:00Z  41       pi
00000000-0000-4000-8000-000000000004  edge-2  -        lts         production  -                     -        pi
00000000-0000-4000-8000-000000000005  lab-1   canary   main        test        2026-11-18T11:05:00Z  42       imx
00000000-0000-4000-8000-000000000006  lab-2   -        main        test        2026-11-18T01:00:00Z  42       pi
"""


def test_a_page_is_a_table_and_its_number(acme: Run) -> None:
    ran = acme("devices", "list")
    assert (ran.code, ran.out, ran.err) == (0, TABLE, "page 1 of 1, 6 devices\n")


def test_a_process_prints_the_same(process: Run, shop: Path) -> None:
    ran = process("devices", "list", cwd=shop / "acme")
    assert (ran.code, ran.out, ran.err) == (0, TABLE, "page 1 of 1, 6 devices\n")


def test_pages_follow_each_other(acme: Run) -> None:
    ran = acme("devices", "list", "-n", 4, "-p", 2)
    assert [line.split()[1] for line in ran.lines] == ["name", "lab-1", "lab-2"]
    assert ran.err == "page 2 of 2, 6 devices\n"
    ran = acme("devices", "list", "-n", 4, "-p", 3)
    assert (ran.code, len(ran.lines)) == (0, 1)
    assert ran.err == "note: there is no page 3\npage 3 of 2, 6 devices\n"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("-g", "canary"), ["gw-1", "gw-2", "lab-1"]),
        (("--group", "canary", "--production"), ["gw-1", "gw-2"]),
        (("--test",), ["lab-1", "lab-2"]),
        (("--no-group",), ["edge-2", "lab-2"]),
        (("-t", "lts"), ["edge-2"]),
        (("--no-tag",), []),
        (("--name", "*-1"), ["gw-1", "edge-1", "lab-1"]),
        (("--name", "gw-?"), ["gw-1", "gw-2"]),
        (("--uuid", UUIDS[3][:-1]), ["gw-1", "gw-2", "edge-1", "edge-2", "lab-1", "lab-2"]),
        (("--uuid", UUIDS[3].upper()), ["edge-2"]),
        (("--target-version", "42"), ["lab-1", "lab-2"]),
        (("--hardware-id", "pi"), ["edge-1", "edge-2", "lab-2"]),
        (("--online",), ["gw-1", "edge-1", "lab-1"]),
        (("--online", "--online-threshold", "10m"), ["gw-1", "lab-1"]),
        (("--offline",), ["gw-2", "edge-2", "lab-2"]),
        (("--sort", "-last-seen"), ["lab-1", "gw-1", "edge-1", "lab-2", "gw-2", "edge-2"]),
        (("--sort", "name"), ["edge-1", "edge-2", "gw-1", "gw-2", "lab-1", "lab-2"]),
    ],
)
def test_filters_and_orders(acme: Run, options: tuple[str, ...], names: list[str]) -> None:
    ran = acme("devices", "list", "--now", cli_factory.NOW, *options)
    assert [line.split()[1] for line in ran.lines[1:]] == names
    assert f"{len(names)} device" in ran.err


def test_a_page_as_json(acme: Run) -> None:
    ran = acme("devices", "list", "-n", 1, "-p", 4, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.data == {
        "devices": [
            {
                "ordinal": 3,
                "uuid": UUIDS[3],
                "name": "edge-2",
                "group": None,
                "tag": "lts",
                "production": True,
                "last_seen": None,
                "target_version": None,
                "hardware_id": "pi",
            }
        ],
        "total": 6,
        "page": 4,
        "pages": 6,
    }


def test_the_uuids_of_all_pages_are_a_list_that_goes_on(acme: Run, run: Run, shop: Path) -> None:
    ran = acme("devices", "list", "--uuids", "-g", "canary", "-n", 1, "--sort", "-last-seen")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [UUIDS[4], UUIDS[0], UUIDS[1]]
    (shop / "list").write_text(ran.out)
    assert run("uuids", "check", f"@{shop / 'list'}").code == 0


@pytest.mark.parametrize(
    ("options", "slug", "said"),
    [
        (("-g", "canarx"), "unknown-group", "no group is named `canarx`\n hint: did you mean `canary`?"),
        (
            ("-t", "nope-nope"),
            "unknown-tag",
            "no device listens to tag `nope-nope`\n hint: `groundswell status` lists the tags",
        ),
        (("-g", ""), "empty-text", "`--group` is given but empty: ``"),
        (("-t", " "), "empty-text", "`--tag` is given but empty: ` `"),
        (("--name", ""), "empty-text", "`--name` is given but empty"),
        (("--name", "\udcff"), "not-text", "`--name` is `\\udcff`, which is not UTF-8"),
        (("-g", "canary", "--no-group"), "bad-usage", "--no-group and --no-tag exclude --group and --tag"),
        (("--uuids", "--json"), "bad-usage", "--uuids prints a list and --json prints a page"),
        (("-n", "0"), "bad-page", "the limit is `0`\n hint: a page has 1 to 1"),
        (("-p", "0"), "bad-page", "the page is `0`"),
        (("-n", "ten"), "bad-usage", "'ten' is not a valid integer"),
        (("--sort", "size"), "bad-usage", "'size' is not one of 'ordinal', 'name'"),
        (("--online-threshold", "4x"), "bad-duration", "`4x` is not a duration"),
        (("--now", "noon"), "bad-instant", "`noon` is not an instant"),
        (("--nmae", "x"), "bad-usage", "no such option '--nmae'"),
    ],
)
def test_what_no_list_can_be_asked_for(acme: Run, options: tuple[str, ...], slug: str, said: str) -> None:
    ran = acme("devices", "list", *options)
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err


def test_one_device(acme: Run) -> None:
    ran = acme("devices", "show", "gw-1")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"uuid            {UUIDS[0]}\nordinal         0\nname            gw-1\ngroup           canary\n"
        "tag             production\nproduction      yes\nlast seen       2026-11-18T11:00:00Z\ntarget version  41\n"
        "hardware id     imx\n"
    )
    assert acme("devices", "show", UUIDS[0].replace("-", "").upper()).out == ran.out
    assert (
        acme("devices", "show", "gw-1", "--json").data == acme("devices", "list", "-n", 1, "--json").data["devices"][0]
    )


def test_a_device_that_is_not_there(acme: Run, shop: Path) -> None:
    ran = acme("devices", "show", "gw")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error: no device has the uuid or the name `gw`\n hint: ")
    assert acme("devices", "show", STRANGER, "--json").error["code"] == "unknown-device"
    acme("devices", "import", csv(shop, f"uuid,name\n{STRANGER},gw-1\n"))
    ran = acme("devices", "show", "gw-1")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        f"error: 2 devices are named `gw-1`\n hint: name one by its uuid: {UUIDS[0]}, {STRANGER}\n"
    )


# --- group, delete, export -------------------------------------------------------------------------------------------


def test_devices_are_moved_into_a_group_and_out_of_theirs(acme: Run, shop: Path) -> None:
    ran = acme("devices", "group", UUIDS[0], UUIDS[2], "us-east")
    assert (ran.code, ran.out, ran.err) == (0, "", "moved 1 device to the group us-east; 1 was already there\n")
    (shop / "list").write_text("\n".join(UUIDS))
    ran = acme("devices", "group", f"@{shop / 'list'}", "us-east")
    assert ran.err == "moved 4 devices to the group us-east; 2 were already there\n"
    assert (
        acme("devices", "group", "--unset", ",".join(UUIDS[:2]), UUIDS[2]).err
        == "moved 3 devices out of their groups\n"
    )
    assert acme("devices", "list", "-g", "us-east", "--uuids").lines == UUIDS[3:]


def test_devices_are_deleted(acme: Run) -> None:
    ran = acme("devices", "delete", UUIDS[0])
    assert (ran.code, ran.out, ran.err) == (0, "", "deleted 1 device\n")
    assert acme("devices", "delete", f"{UUIDS[1]} {UUIDS[2]}", UUIDS[3]).err == "deleted 3 devices\n"
    assert acme("devices", "show", UUIDS[1]).err == (
        f"error: the device `{UUIDS[1]}` was deleted and is on the denied list\n"
        " hint: `groundswell devices allow` takes it off the list; the next import then brings it back\n"
    )
    assert acme("devices", "list", "--uuids").lines == UUIDS[4:]


@pytest.mark.parametrize(
    ("words", "slug", "said"),
    [
        (
            (UUIDS[0], STRANGER),
            "unknown-devices",
            f"1 listed device is not in the factory: `{STRANGER}`\n hint: nothing was changed",
        ),
        ((UUIDS[0], "gw-9"), "unknown-device", "no device has the uuid or the name `gw-9`"),
        ((UUIDS[0], ""), "empty-list", "a device is given, but it is empty"),
        (("", UUIDS[0]), "empty-list", "a device is given, but it is empty"),
        ((", ;", UUIDS[0]), "empty-list", "a device is given, but it is empty"),
        (("@no-such-list",), "file-not-found", "there is no file `no-such-list`"),
        (("@",), "no-file-name", "there is no name after `@`"),
    ],
)
@pytest.mark.parametrize("verb", ["delete", "group"])
def test_all_devices_of_a_list_or_none(
    acme: Run, revision: Callable[[], int], *, verb: str, words: tuple[str, ...], slug: str, said: str
) -> None:
    ran = acme("devices", verb, *words, *(["us-east"] if verb == "group" else []))
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    assert revision() == 4


def test_a_group_that_is_not_there_and_one_that_is_not_named(acme: Run) -> None:
    ran = acme("devices", "group", UUIDS[0], "canarx")
    assert (ran.code, ran.err) == (3, "error: no group is named `canarx`\n hint: did you mean `canary`?\n")
    ran = acme("devices", "group", "canary")
    assert (ran.code, ran.out) == (2, "")
    assert "give at least one device and, last, the group" in ran.err


def test_a_list_may_come_from_a_command_that_needs_the_factory_too(shop: Path) -> None:
    command = f"{sys.executable} -m groundswell -C acme devices"
    pipe = f"{command} list -g canary --uuids | {command} delete @-"
    ran = subprocess.run(["/bin/bash", "-c", pipe], cwd=shop, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "deleted 3 devices\n")


@pytest.mark.parametrize("ending", ["csv", "parquet", "json", "ndjson", "arrow"])
def test_an_export_reads_back_as_nothing_to_do(acme: Run, shop: Path, ending: str) -> None:
    file = shop / f"out.{ending}"
    ran = acme("devices", "export", file)
    assert (ran.code, ran.out, ran.err) == (0, "", f"wrote 6 devices to {file}\n")
    assert summary(acme("devices", "import", file)) == "nothing to do for 6 devices: 0 new, 0 changed, 6 unchanged\n"


@pytest.mark.parametrize("form", [None, "json", "arrow"])
def test_an_export_to_stdout_is_the_file_that_it_would_be(shop: Path, form: str | None) -> None:
    command = f"{sys.executable} -m groundswell -C acme devices"
    option = "" if form is None else f"--format {form}"
    file = f"out.{form or 'csv'}"
    script = f"{command} export - {option} > piped; {command} export {file}; {command} export - | {command} import -"
    ran = subprocess.run(["/bin/bash", "-c", script], cwd=shop, capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    assert "wrote 6 devices to stdout\n" in ran.stderr
    assert "nothing to do for 6 devices: 0 new, 0 changed, 6 unchanged\n" in ran.stderr
    assert (shop / "piped").read_bytes() == (shop / file).read_bytes()


def test_a_format_is_for_stdout_alone(acme: Run, shop: Path) -> None:
    ran = acme("devices", "export", shop / "out.csv", "--format", "json")
    assert (ran.code, ran.out) == (2, "")
    assert "the format of a file is that of its extension" in ran.err
    assert not (shop / "out.csv").exists()


def test_an_export_says_where_it_cannot_be_written(acme: Run, shop: Path) -> None:
    for file, slug, said in (
        (shop / "out.xlsx", "unknown-ending", "does not have the extension of a known format"),
        (shop / "no/such/out.csv", "folder-not-found", "there is no folder"),
        ("", "no-file-name", "`FILE` names no file"),
    ):
        ran = acme("devices", "export", file)
        assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
        assert said in ran.err


def test_a_list_as_csv_is_whole_and_guarded(acme: Run, shop: Path) -> None:
    acme("devices", "import", csv(shop, f"uuid,name\n{UUIDS[0]},=1+1\n"))
    ran = acme("devices", "list", "--csv", "-g", "canary")
    lines = ran.out.splitlines()
    assert lines[0] == "uuid,name,group,tag,production,last_seen,target_version,hardware_id"
    assert lines[1].startswith(f"{UUIDS[0]},'=1+1,canary,")
    assert acme("devices", "list", "--csv", "--raw").out.splitlines()[1].startswith(f"{UUIDS[0]},=1+1,")
    assert len(acme("devices", "list", "--csv").out.splitlines()) == 7
    assert len(acme("devices", "list", "--csv", "-n", "2").out.splitlines()) == 3
    assert acme("devices", "list", "--csv", "--json").code == 2
    assert acme("devices", "list", "--raw").code == 2
