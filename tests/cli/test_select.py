"""``groundswell select``: what it prints where, and what it refuses with which exit code."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

import pytest

from support.commands import Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

NOW = 1_795_000_000
UUID_LINE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def rows() -> list[dict[str, str]]:
    random = Random(5)
    return [
        {
            "uuid": str(uuid.UUID(int=random.getrandbits(128), version=4)),
            "name": f"device-{i}",
            "group": ("canary", "us-east", "us-west", "")[i % 4],
            "tag": ("production", "devel")[i % 10 == 0],
            "is-prod": ("true", "false")[i % 10 == 0],
            "last-seen": str(NOW - random.randrange(1_000_000)),
            "target-version": str(40 + i % 3),
        }
        for i in range(400)
    ]


DEVICES = rows()
PRODUCTION = {d["uuid"] for d in DEVICES if d["is-prod"] == "true"}


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(DEVICES[0]))
        writer.writeheader()
        writer.writerows(DEVICES)
    return path


def test_a_clean_list_on_stdout_and_the_rest_on_stderr(run: Run, fleet: Path) -> None:
    ran = run("select", fleet, "-l", 20, "--seed", 7, "--now", NOW)
    assert ran.code == 0
    assert len(ran.lines) == 20
    assert all(UUID_LINE.fullmatch(line) for line in ran.lines)
    assert set(ran.lines) <= PRODUCTION
    assert "picked 20 devices of 360 candidates" in ran.err
    assert "--seed 7 --now 2026-11-18T11:06:40Z" in ran.err


def test_the_reported_seed_and_instant_repeat_the_selection(run: Run, fleet: Path) -> None:
    first = run("select", fleet, "-l", "5%", "--now", NOW)
    again = re.search(r"repeat with (--seed \d+ --now \S+)", first.err)
    assert again
    assert run("select", fleet, "-l", "5%", *again[1].split()).out == first.out
    assert run("select", fleet, "-l", "5%", "--now", NOW).out != first.out


def test_json_holds_the_same_devices_and_all_that_repeats_them(run: Run, fleet: Path) -> None:
    plain = run("select", fleet, "-g", "canary", "-t", "production", "-l", "10%", "--seed", 2**64 - 1, "--now", NOW)
    ran = run(
        "select",
        fleet,
        "-g",
        "canary",
        "-t",
        "production",
        "-l",
        "10%",
        "--seed",
        2**64 - 1,
        "--now",
        NOW,
        "--json",
        "--names",
    )
    data = json.loads(ran.out)
    assert data["uuids"] == plain.lines
    assert ran.err == ""
    names = {d["uuid"]: d["name"] for d in DEVICES}
    assert data["names"] == [names[u] for u in data["uuids"]]
    matching = {d["uuid"] for d in DEVICES if d["group"] == "canary" and d["tag"] == "production"}
    assert data["matching"] == data["candidates"] == len(matching)
    assert data["count"] == data["limit"] == -(-len(matching) // 10)
    assert data["seed"] == str(2**64 - 1)
    digest = hashlib.sha256(b"".join(sorted(uuid.UUID(u).bytes for u in data["uuids"]))).hexdigest()
    assert data["digest"] == digest
    assert data["asked"]["limit"] == "10%"
    assert data["why_short"] is None


def test_batches_follow_each_other_without_a_device_twice(run: Run, fleet: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.lst", tmp_path / "second.lst"
    assert run("select", fleet, "-l", 100, "-o", first).out == ""
    ran = run("select", fleet, "-l", 100, "--exclude", f"@{first}", "-o", second)
    assert "of 260 candidates" in ran.err
    assert not set(first.read_text().split()) & set(second.read_text().split())


def test_a_list_restricts_and_comes_back_from_stdin(process: Run, fleet: Path) -> None:
    listed = sorted(PRODUCTION)[:50]
    ran = process("select", fleet, "-l", 10, "--uuids", "@-", stdin=";".join(listed).encode())
    assert ran.code == 0
    assert len(set(ran.lines) & set(listed)) == 10


def test_updated_devices_are_left_out_and_test_devices_let_in(run: Run, fleet: Path) -> None:
    ran = run("select", fleet, "--not-updated", 42, "--include-test")
    assert set(ran.lines) == {d["uuid"] for d in DEVICES if int(d["target-version"]) < 42}


def test_names_are_printed_in_the_order_of_the_uuids(run: Run, fleet: Path) -> None:
    uuids = run("select", fleet, "-l", 9, "--seed", 1, "--now", NOW).lines
    names = run("select", fleet, "-l", 9, "--seed", 1, "--now", NOW, "--names").lines
    by_uuid = {d["uuid"]: d["name"] for d in DEVICES}
    assert names == [by_uuid[u] for u in uuids]


def test_too_few_candidates_is_no_error_and_says_why(run: Run, fleet: Path) -> None:
    ran = run("select", fleet, "-g", "canary", "-l", 5000, "--not-updated", 41)
    assert ran.code == 0
    assert "fewer than requested: of the 80 that match" in ran.err
    assert "report version 41 or a later one" in ran.err
    none = run("select", fleet, "-g", "canary", "-l", 5, "--not-updated", 1)
    assert (none.code, none.out) == (0, "")
    assert "none can be picked" in none.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-l", "0"], 2, "the limit `0` selects nothing"),
        (["-l", "-5"], 2, "the limit `-5` is negative"),
        (["-l", "101%"], 2, "the limit `101%` is above 100%"),
        (["-l", "1e3"], 2, "the limit `1e3` is neither"),
        (["-l", "ten"], 2, "the limit `ten` is neither"),
        (["-l", ""], 2, "the limit `` is empty"),
        (["--uuids", ""], 2, "empty"),
        (["--uuids", " \t\n"], 2, "empty"),
        (["--uuids", ",;|"], 2, "empty"),
        (["--exclude", ""], 2, "empty"),
        (["--uuids", "not-a-uuid"], 2, "`not-a-uuid`"),
        (["--uuids", "@nowhere.lst"], 3, "`nowhere.lst`"),
        (["-g", "canray"], 3, "did you mean `canary`?"),
        (["-t", "prod"], 3, "did you mean `production`?"),
        (["-g", ""], 2, "the argument `group` is given but empty: ``\n hint: give a value, or leave it out; an empty"),
        (["-t", " "], 2, "the argument `tag` is given but empty: ` `\n hint: give a value, or leave it out; an empty"),
        (["-g", "zebra"], 3, "`groundswell fleet show FILE` lists the groups"),
        (["--seed", "18446744073709551616"], 2, "`18446744073709551616`"),
        (["--seed", "x"], 2, "the seed `x`"),
        (["--now", "2026-11-24 10:00:00"], 2, "is not an instant"),
        (["--now", "yesterday"], 2, "`yesterday` is not an instant"),
        (["--half-life", "0s"], 2, "the half-life is `0` s"),
        (["--half-life", "4"], 2, "`4` is not a duration"),
        (["--online-threshold", "-1h"], 2, "`-1h` is not a duration"),
        (["--not-updated", "-1"], 2, "`-1`"),
        (["--percent-of", "all"], 2, "'all' is not one of"),
        (["--uuids", str(uuid.UUID(int=77))], 2, "not in the fleet"),
    ],
)
def test_bad_input_selects_nothing(run: Run, fleet: Path, arguments: list[str], code: int, words: str) -> None:
    ran = run("select", fleet, *arguments)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_offenders_are_named_with_their_reasons_and_are_all_in_the_json(run: Run, fleet: Path) -> None:
    test_device = next(d["uuid"] for d in DEVICES if d["is-prod"] == "false")
    west = next(d["uuid"] for d in DEVICES if d["group"] == "us-west" and d["is-prod"] == "true")
    canary = next(d["uuid"] for d in DEVICES if d["group"] == "canary" and d["is-prod"] == "true")
    stranger = str(uuid.UUID(int=1))
    listed = f"{test_device} {west} {canary} {stranger}"
    ran = run("select", fleet, "-g", "canary", "--uuids", listed)
    assert ran.code == 2
    assert "3 of the 4 listed devices cannot be selected" in ran.err
    for counted in (
        f"a test device: 1 (`{test_device}`)",
        f"in another group or none: 1 (`{west}`)",
        f"not in the fleet: 1 (`{stranger}`)",
    ):
        assert counted in ran.err
    error = json.loads(run("select", fleet, "-g", "canary", "--uuids", listed, "--json").err)["error"]
    assert error["code"] == "mismatched-devices"
    assert error["fields"]["offenders"] == [
        {"uuid": test_device, "reason": "test"},
        {"uuid": west, "reason": "wrong-group"},
        {"uuid": stranger, "reason": "unknown"},
    ]
    skipped = run("select", fleet, "-g", "canary", "--uuids", listed, "--skip-mismatched")
    assert skipped.lines == [canary]
    assert "skipped 3 listed devices" in skipped.err


def test_a_source_without_a_production_column_needs_the_flag(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "bare.csv"
    source.write_text("uuid\n" + "\n".join(sorted(PRODUCTION)[:5]) + "\n")
    ran = run("select", source, "-l", 1)
    assert ran.code == 2
    assert "`production`" in ran.err
    assert "--include-test" in ran.err
    assert len(run("select", source, "-l", 1, "--include-test").lines) == 1
    for arguments in (["-g", "x"], ["-t", "x"], ["--not-updated", "4"], ["--names"]):
        refused = run("select", source, "--include-test", *arguments)
        assert refused.code == 2
        assert arguments[0].replace("-g", "--group").replace("-t", "--tag") in refused.err


def test_a_bad_output_leaves_the_old_file(run: Run, fleet: Path, tmp_path: Path) -> None:
    output = tmp_path / "batch.lst"
    output.write_text("kept\n")
    assert run("select", fleet, "-l", "0", "-o", output).code == 2
    assert run("select", fleet, "-g", "nowhere", "-o", output).code == 3
    assert output.read_text() == "kept\n"
    assert run("select", fleet, "-l", 1, "-o", tmp_path / "no" / "batch.lst").code == 3
    assert run("select", fleet, "-l", 1, "-o", tmp_path).code == 2


def test_an_unknown_command_or_option_is_bad_input_with_the_nearest(run: Run) -> None:
    ran = run("selct", "x")
    assert ran.code == 2
    assert "Did you mean `select`?" in ran.err
    assert run("select").code == 2
    assert run("select", "x", "--limt", "3").code == 2


def test_help_names_every_command(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    for command in ("select", "fleet", "uuids", "sets"):
        assert re.search(rf"^  {command} ", ran.out, re.MULTILINE)


def test_a_reader_that_goes_away_is_no_error_to_read(tmp_path: Path) -> None:
    source = tmp_path / "many.csv"
    source.write_text("uuid\n" + "".join(f"{uuid.UUID(int=i + 1)}\n" for i in range(20_000)))
    writer = subprocess.Popen(
        [sys.executable, "-m", "groundswell", "select", str(source), "--include-test"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    # 740 kB do not fit into a pipe: the command is still writing when its reader goes.
    writer.stdout.readline()
    writer.stdout.close()
    told = writer.stderr.read()
    writer.stderr.close()
    assert writer.wait() == 141
    assert "Traceback" not in told
    assert "BrokenPipe" not in told


def test_ctrl_c_during_a_long_read_changes_nothing(tmp_path: Path) -> None:
    source, output = tmp_path / "slow.csv", tmp_path / "batch.lst"
    os.mkfifo(source)
    output.write_text("kept\n")
    reader = subprocess.Popen(
        [sys.executable, "-m", "groundswell", "select", str(source), "-l", "5", "-o", str(output)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # A pipe whose writer never ends: opening it waits for the reader to be reading.
    with source.open("w") as pipe:
        pipe.write("uuid,production\n" + f"{uuid.UUID(int=1)},true\n" * 3000)
        pipe.flush()
        reader.send_signal(signal.SIGINT)
        out, told = reader.communicate(timeout=30)
    assert reader.returncode == 130
    assert (out, output.read_text()) == ("", "kept\n")
    assert told.strip() == "interrupted: nothing was changed"


def test_an_unreadable_bug_is_told_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fleet: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("groundswell.fleet.fleet.Fleet.read", broken)
    ran = run("select", fleet)
    assert ran.code == 1
    assert "a bug in groundswell: ZeroDivisionError" in ran.err
    assert "Traceback" not in ran.err
    log = next(tmp_path.glob("groundswell-bug-*.log"))
    assert "ZeroDivisionError" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


# --- names of files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["-o", ""], ["--rejects", ""], ["--uuids", "@"], ["--exclude", "@"]])
def test_an_empty_name_of_a_file_is_an_unset_variable(run: Run, fleet: Path, arguments: list[str]) -> None:
    ran = run("select", fleet, "-l", 5, "--json", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert json.loads(ran.err)["error"]["code"] == "no-file-name"


def test_an_empty_source_is_no_folder(run: Run) -> None:
    for command in (["select", "", "-l", "5"], ["fleet", "show", ""], ["fleet", "synth", "--devices", "5", ""]):
        ran = run(*command)
        assert ran.code == 2
        assert "`` is empty" in ran.err


def test_a_batch_never_overwrites_its_source(run: Run, fleet: Path) -> None:
    before = fleet.read_text()
    for option in ("-o", "--rejects"):
        ran = run("select", fleet, "-l", 5, option, fleet)
        assert (ran.code, ran.out) == (2, "")
        assert f"`{fleet}` is the source itself" in ran.err
    assert fleet.read_text() == before


# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--percent-of", "all"], "'all' is not one of"),
        (["--not-updated", ""], "'' is not a valid integer"),
        (["--limt", "3"], "--limt"),
        (["another"], "another"),
    ],
)
def test_a_slip_on_the_command_line_is_told_like_every_error(
    run: Run, fleet: Path, arguments: list[str], said: str
) -> None:
    ran = run("select", fleet, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(r"error: .+\n hint: `groundswell select --help` .+\n", ran.err)
    assert said in ran.err
    error = json.loads(run("select", fleet, "--json", *arguments).err)["error"]
    assert error["code"] == "bad-usage"
    assert said in error["message"]


def test_one_device_is_counted_as_one(run: Run, fleet: Path) -> None:
    ran = run("select", fleet, "--uuids", min(PRODUCTION))
    assert "picked 1 device of 1 candidate (1 device matches)\n" in ran.err


def test_a_list_that_is_a_disk_image_is_refused_unread(run: Run, fleet: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(8 << 40)  # a sparse file, larger than any memory
    for option in ("--uuids", "--exclude"):
        ran = run("select", fleet, option, f"@{image}")
        assert ran.code == 2
        assert "a NUL is at byte offset 0" in ran.err


# --- stdout --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a full disk to write to")  # noqa: PTH110
@pytest.mark.parametrize("command", ["select FLEET", "fleet show FLEET", "fleet show FLEET --json", "uuids check UUID"])
def test_a_full_disk_behind_stdout_is_a_storage_error(fleet: Path, command: str) -> None:
    words = [str(fleet) if w == "FLEET" else min(PRODUCTION) if w == "UUID" else w for w in command.split()]
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ran = subprocess.run(
            [sys.executable, "-m", "groundswell", *words], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert ran.returncode == 6
    assert b"stdout cannot be written" in ran.stderr


@pytest.mark.parametrize("command", ["fleet show FLEET", "uuids check UUID", "select FLEET --json"])
def test_a_reader_that_has_gone_already_is_no_error_either(fleet: Path, command: str) -> None:
    words = [str(fleet) if w == "FLEET" else min(PRODUCTION) if w == "UUID" else w for w in command.split()]
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "groundswell", *words], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, b"")


# --- progress ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_million_rows_of_csv_show_a_bar_on_a_terminal_and_leave_stdout_clean(tmp_path: Path) -> None:
    source = tmp_path / "many.csv"
    source.write_text("uuid\n" + "".join(f"{uuid.UUID(int=i)}\n" for i in range(1, 1_000_001)))
    assert source.stat().st_size == 37_000_005
    mine, theirs = os.openpty()
    ran = subprocess.Popen(
        [sys.executable, "-m", "groundswell", "select", str(source), "--include-test", "-l", "3"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(theirs)
    shown = b""
    # Linux says by an error that nobody holds the other end any more.
    with contextlib.suppress(OSError):
        while piece := os.read(mine, 65536):
            shown += piece
    os.close(mine)
    assert ran.stdout is not None
    lines = ran.stdout.read().decode().splitlines()
    ran.stdout.close()
    assert ran.wait() == 0
    assert b"reading " in shown
    assert b"many.csv" in shown
    assert len(lines) == 3
    assert all(UUID_LINE.fullmatch(line) for line in lines)


@pytest.mark.parametrize("text", ["", "uuid,name\n"])
def test_the_hint_about_an_empty_file_is_about_the_file(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "empty.csv"
    file.write_text(text)
    ran = run("select", file, "-l", "1")
    assert (ran.code, ran.slug) == (2, "empty-fleet")
    assert "give a file that has" in ran.err
    assert "--include-test" not in ran.err
