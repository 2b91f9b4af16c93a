"""``groundswell waves``: what each command prints where, and what it refuses with which exit code."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from groundswell.cli import questions
from groundswell.errors import StateError
from groundswell.factory import Factory
from groundswell.values import instant
from support import releases, terminals
from support.commands import Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]
Waves = Callable[..., Ran]

GROUPS = {"canary": 5, "us-east": 60, "us-west": 40, None: 15}
NOW = str(releases.NOW)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("waves")
    releases.make_factory(folder, releases.devices(GROUPS, test_devices=10))
    return folder


@pytest.fixture
def folder(ready: Path, tmp_path: Path) -> Path:
    """The factory ``acme`` and its tarballs, to be changed at will."""
    return shutil.copytree(ready, tmp_path / "work")


@pytest.fixture
def waves(run: Run, folder: Path) -> Waves:
    """Run `groundswell waves ARGUMENTS…` in the factory."""

    def runner(*arguments: object) -> Ran:
        return run("-C", folder / "acme", "waves", *arguments)

    return runner


@pytest.fixture
def made(waves: Waves, folder: Path) -> Waves:
    """With the wave ``v42`` made."""
    ran = waves("init", "-k", folder / "targets.tgz", "v42", 42, releases.TAG)
    assert ran.code == 0, ran.err
    return waves


def uuids(folder: Path, **filters: Any) -> list[str]:
    with Factory.open(folder / "acme") as factory:
        return list(factory.devices.list_uuids(**filters))


def data(ran: Ran) -> Any:
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


# --- init and sign


def test_init_makes_a_wave_and_says_what_it_brings(waves: Waves, folder: Path) -> None:
    ran = waves("init", "-k", folder / "targets.tgz", "v42", 42, releases.TAG)
    assert (ran.code, ran.out) == (0, "")
    assert "made the wave v42: version 42 for tag production, 1 target" in ran.err
    assert "no static deltas" in ran.err


def test_a_dry_run_prints_the_signed_role_and_makes_no_wave(waves: Waves, folder: Path) -> None:
    ran = waves("init", "-k", folder / "targets.tgz", "v42", 42, releases.TAG, "--dry-run", "--expires-days", 30)
    role = data(ran)
    assert role["signed"]["version"] == 42
    assert [target["custom"]["tags"] for target in role["signed"]["targets"].values()] == [[releases.TAG]]
    assert len(role["signatures"]) == 2
    assert data(waves("list", "--json"))["waves"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-k", "targets.tgz", "v42", 44, "production"], 3, "no CI targets of version `44`"),
        (["-k", "targets.tgz", "no/name", 42, "production"], 2, "the wave name `no/name`"),
        (["-k", "targets.tgz", "v42", 42, "no tag"], 2, "the tag name `no tag`"),
        (["-k", "root.tgz", "v42", 42, "production"], 5, "a root key where a targets key"),
        (["-k", "nowhere.tgz", "v42", 42, "production"], 3, "there is no file"),
        (
            ["-k", "targets.tgz", "v42", 42, "production", "--expires-at", "2020-01-01T00:00:00Z"],
            2,
            "not in the future",
        ),
        (["-k", "targets.tgz", "v42", 42, "production", "--expires-days", "0"], 2, "not in the future"),
        (["-k", "targets.tgz", "v42", 42, "production", "--prune", "40"], 3, "no version `40` to prune"),
        (["-k", "targets.tgz", "v42", 42, "production", "--prune", "42"], 2, "cannot be pruned"),
        (["-k", "targets.tgz", "v42", 42, "production", "--prune", "4x"], 2, "`4x` in --prune"),
        (["-k", "targets.tgz", "v42", 42, "production", "--prune", ""], 2, "names no version"),
        (["-k", "targets.tgz", "v42", 42, "production", "--source-tag", "devel"], 3, "carries the tag `devel`"),
        (["v42", 42, "production"], 2, "offline key"),
    ],
)
def test_init_refuses_what_cannot_be(waves: Waves, folder: Path, arguments: list[Any], code: int, said: str) -> None:
    named = [folder / word if str(word).endswith(".tgz") else word for word in arguments]
    ran = waves("init", *named)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert data(waves("list", "--json"))["total"] == 0


def test_a_busy_tag_a_used_name_and_a_version_not_above_productions_are_states(made: Waves, folder: Path) -> None:
    keys = ("-k", folder / "targets.tgz")
    busy = made("init", *keys, "v43", 43, releases.TAG)
    assert (busy.code, "wave `v42` is already active" in busy.err) == (4, True)
    used = made("init", *keys, "v42", 43, "beta")
    assert (used.code, "was named `v42` before" in used.err) == (4, True)
    assert made("complete", "v42").code == 0
    below = made("init", *keys, "v41", 41, releases.TAG)
    assert (below.code, "`41` is not above" in below.err) == (4, True)


def test_signing_again_with_the_same_key_changes_nothing(made: Waves, folder: Path) -> None:
    before = data(made("show", "v42", "--json"))
    ran = made("sign", "v42", "-k", folder / "targets.tgz")
    assert (ran.code, "2 valid signatures" in ran.err) == (0, True)
    assert data(made("show", "v42", "--json")) == before


# --- rollouts


def test_a_sample_prints_its_uuids_and_leaves_one_line_of_history(made: Waves) -> None:
    ran = made("rollout", "v42", "-g", "us-east", "-l", 7, "--print-uuids", "--seed", 3, "--now", NOW)
    assert ran.code == 0
    assert len(ran.lines) == 7
    assert all(UUID.fullmatch(line) for line in ran.lines)
    assert "took in 7 devices of 60 candidates of group us-east (60 devices match)" in ran.err
    (line,) = data(made("history", "--json"))["rollouts"]
    assert (line["count"], line["seed"], line["selector"]["group"], line["limit"]) == (7, "3", "us-east", 7)
    printed = made("history", "--rollout", 1, "--print-uuids")
    assert sorted(printed.lines) == sorted(ran.lines)


def test_json_tells_all_that_was_asked_and_found(made: Waves) -> None:
    found = data(made("rollout", "v42", "-l", "10%", "--json", "--print-uuids", "--print-names", "--dry-run"))
    assert found["dry_run"] is True
    assert found["rollout"] is None
    assert (found["matching"], found["candidates"], found["limit"], found["count"]) == (120, 120, 12, 12)
    assert len(found["uuids"]) == len(found["names"]) == 12
    assert isinstance(found["seed"], str)
    assert re.fullmatch(r"[0-9a-f]{64}", found["digest"])
    assert data(made("history", "--json"))["rollouts"] == []


def test_a_group_alone_is_the_whole_group_and_again_it_is_nothing(made: Waves) -> None:
    first = made("rollout", "v42", "canary")
    assert "covers the whole group canary: 5 devices more, and all that join it later" in first.err
    again = made("rollout", "v42", "--group", "canary")
    assert (again.code, "was rolled out whole before" in again.err) == (0, True)
    assert len(data(made("history", "--json"))["rollouts"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "waves complete"),
        (["-l", "0"], "selects nothing"),
        (["-l", ""], "is empty"),
        (["-l", "-5"], "is negative"),
        (["-l", "101%"], "above 100%"),
        (["-l", "1e3"], "`1e3`"),
        (["-l", "ten"], "`ten`"),
        (["-g", "canary", "-l", "0"], "selects nothing"),
        (["-g", "canary", "--uuids", ""], "empty"),
        (["-g", "canary", "--uuids", " \t"], "empty"),
        (["-g", ""], "given but empty"),
        (["canary", "-g", "canary"], "given twice"),
        (["--uuids", "no-uuid"], "no-uuid"),
        (["-l", "5", "--plan-out", "x"], "--dry-run"),
    ],
)
def test_what_is_empty_or_senseless_never_means_more_devices(made: Waves, arguments: list[str], said: str) -> None:
    ran = made("rollout", "v42", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert data(made("history", "--json"))["rollouts"] == []


def test_a_list_with_offenders_is_refused_whole_and_names_each(made: Waves, folder: Path) -> None:
    good = uuids(folder, group="us-west")[:3]
    test = uuids(folder, production=False)[0]
    stranger = "00000000-0000-4000-8000-000000000001"
    listed = ",".join([*good, test, stranger])
    refused = made("rollout", "v42", "-g", "us-west", "--uuids", listed, "--json")
    assert (refused.code, refused.out) == (2, "")
    error = json.loads(refused.err)["error"]
    assert error["code"] == "mismatched-devices"
    assert {one["uuid"]: one["reason"] for one in error["fields"]["offenders"]} == {test: "test", stranger: "unknown"}
    assert data(made("history", "--json"))["rollouts"] == []
    taken = data(made("rollout", "v42", "-g", "us-west", "--uuids", listed, "--skip-mismatched", "--json"))
    assert (taken["count"], len(taken["skipped"])) == (3, 2)


def test_an_unknown_wave_or_group_is_not_found_and_the_nearest_is_named(made: Waves) -> None:
    wave = made("rollout", "v4", "-l", 1)
    assert (wave.code, "did you mean `v42`?" in wave.err) == (3, True)
    group = made("rollout", "v42", "-g", "us-eats", "-l", 1)
    assert (group.code, "us-east" in group.err) == (3, True)


def test_a_plan_binds_once(made: Waves, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    looked = made("rollout", "v42", "-l", 9, "--dry-run", "--print-uuids", "--plan-out", plan)
    applied = made("rollout", "v42", "--apply", plan, "--print-uuids")
    assert applied.code == 0, applied.err
    assert applied.lines == looked.lines
    again = made("rollout", "v42", "--apply", plan, "--print-uuids")
    assert (again.code, again.lines) == (0, looked.lines)
    assert "applied before, as rollout 1 of v42; nothing was changed" in again.err
    assert len(data(made("history", "--json"))["rollouts"]) == 1
    other = made("rollout", "v43", "--apply", plan)
    assert other.code == 2
    both = made("rollout", "v42", "--apply", plan, "-l", 3)
    assert (both.code, "--apply" in both.err) == (2, True)


def test_a_repeated_request_is_answered_as_the_first_time(made: Waves, folder: Path) -> None:
    words = ("rollout", "v42", "-l", "7", "--request-id", "ticket 17", "--print-uuids")
    first = made(*words)
    again = made(*words)
    assert (again.code, again.lines) == (0, first.lines)
    assert "request ticket 17 was made before, as rollout 1 of v42; nothing was changed" in again.err
    shown = data(made(*words, "--json"))
    assert (shown["replayed"], shown["rollout"], shown["revision"], shown["request_id"]) == (True, 1, 2, "ticket 17")
    assert shown["uuids"] == first.lines
    made("complete", "v42")
    with Factory.open(folder / "acme") as factory:
        before = factory.revision
    assert made(*words).lines == first.lines
    other = made(*(word if word != "7" else "8" for word in words), "--json")
    assert (other.code, code_of(other)) == (4, "request-id-used")
    with Factory.open(folder / "acme") as factory:
        assert factory.revision == before


@pytest.mark.parametrize("key", ["", " ", "a\nb", "k" * 256, "\udcff"])
def test_a_key_that_is_not_one_is_refused(made: Waves, key: str) -> None:
    ran = made("rollout", "v42", "-l", 7, "--request-id", key, "--json")
    assert (ran.code, code_of(ran)) == (2, "bad-request-id")
    assert data(made("history", "--json"))["rollouts"] == []


def test_a_rollout_waits_for_the_revision_that_it_was_decided_at(made: Waves) -> None:
    made("rollout", "v42", "-l", 7)
    ran = made("rollout", "v42", "-l", 7, "--if-revision", 1)
    assert (ran.code, "at revision 2, not at revision 1" in ran.err) == (4, True)
    assert made("rollout", "v42", "-l", 7, "--if-revision", 2).code == 0


def code_of(ran: Ran) -> str:
    """The code of the error that a command with ``--json`` told."""
    code: str = json.loads(ran.err.splitlines()[-1])["error"]["code"]
    return code


def test_a_group_that_is_given_and_empty_is_no_group(made: Waves) -> None:
    assert code_of(made("rollout", "v42", "-g", " ", "--json")) == "empty-group"


def test_a_plan_of_another_wave_is_not_taken_for_this_one(made: Waves, folder: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    made("init", "-k", folder / "targets.tgz", "b42", 42, "beta")
    made("rollout", "v42", "-l", 9, "--dry-run", "--plan-out", plan)
    assert code_of(made("rollout", "b42", "--apply", plan, "--json")) == "other-wave"


def test_a_fleet_that_was_another_does_not_yield_the_picks(made: Waves, folder: Path, tmp_path: Path) -> None:
    made("rollout", "v42", "-l", "10%", "--now", NOW)
    other = tmp_path / "other.parquet"
    with Factory.open(folder / "acme") as factory:
        (chosen, *_) = factory.waves.rollout_uuids("v42", 1)
        factory.devices.delete([chosen])
        factory.devices.fleet(now=instant(releases.NOW)).write(other)
    ran = made("history", "--verify", "--fleet", other, "--json")
    assert ran.code == 6
    assert code_of(ran) == "rollout-not-verified"


def test_an_edited_plan_is_refused(made: Waves, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    made("rollout", "v42", "-l", 9, "--dry-run", "--plan-out", plan)
    document = json.loads(plan.read_text())
    document["uuids"].pop()
    plan.write_text(json.dumps(document))
    ran = made("rollout", "v42", "--apply", plan)
    assert (ran.code, "was changed after it was made" in ran.err) == (2, True)
    plan.write_text("no plan")
    assert made("rollout", "v42", "--apply", plan).code == 2


@pytest.mark.parametrize(
    "typed",
    [
        ["canary"],
        ["-g", "canary"],
        ["-l", "3"],
        ["--uuids", "00000000-0000-4000-8000-000000000001"],
        ["--dry-run"],
        ["--seed", "1"],
        ["--now", NOW],
        ["--skip-mismatched"],
        ["--percent-of", "matching"],
        ["--online-threshold", "4h"],
        ["--half-life", "24h"],
    ],
    ids=str,
)
def test_a_plan_says_all_of_it_so_not_even_a_default_may_be_typed_beside_it(
    made: Waves, tmp_path: Path, typed: list[str]
) -> None:
    plan = tmp_path / "plan.json"
    made("rollout", "v42", "-l", 9, "--dry-run", "--plan-out", plan)
    ran = made("rollout", "v42", *typed, "--apply", plan)
    assert (ran.code, "a plan contains the choice of devices" in ran.err) == (2, True)
    assert made("rollout", "v42", "--apply", plan, "--json", "--print-uuids", "--yes").code == 0


def test_ages_may_be_counted_to_another_instant_and_what_is_signed_lives_from_now(
    made: Waves, run: Run, folder: Path
) -> None:
    made("rollout", "v42", "-g", "us-east", "-l", 7, "--now", "2020-01-01T00:00:00Z")
    (line,) = data(made("history", "--json"))["rollouts"]
    assert line["now"] == "2020-01-01T00:00:00Z"
    assert line["applied_at"] > "2026"
    (device, *_) = made("history", "--rollout", 1, "--print-uuids").lines
    assert run("-C", folder / "acme", "metadata", "export", "--device", device, folder / "served").code == 0
    assert run("metadata", "verify", folder / "served").code == 0


# --- following


def test_status_adds_up_for_the_tag_and_for_each_group(made: Waves) -> None:
    made("rollout", "v42", "canary")
    made("rollout", "v42", "-g", "us-east", "-l", 10)
    found = data(made("status", "--json"))
    assert found["total"] == 120 == found["updated"] + found["scheduled"] + found["unscheduled"]
    assert [one["group"] for one in found["rollout_groups"]] == ["canary", "us-east"]
    assert [(one["group"], one["scheduled"]) for one in found["other_groups"]] == [("us-west", 0), (None, 0)]
    assert [one["scheduled"] for one in found["rollout_groups"]] == [5, 10]
    assert found["failed"] is None
    text = made("status")
    assert re.search(r"^canary +5 +\d+ +0 +5 ", text.out, re.MULTILINE)
    assert "(no group)" in text.out


def test_status_watches_until_it_is_stopped(folder: Path, made: Waves) -> None:  # noqa: ARG001
    command = [sys.executable, "-m", "groundswell", "-C", str(folder / "acme"), "waves", "status", "--watch"]
    with subprocess.Popen(
        [*command, "--interval", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            seen += line.startswith("wave ")
            if seen == 2:
                break
        process.send_signal(2)
        process.stdout.close()
        assert process.wait(20) == 130


def test_why_answers_for_each_device(made: Waves, folder: Path) -> None:
    (chosen,) = made("rollout", "v42", "-g", "us-east", "-l", 1, "--print-uuids").lines
    left_out = next(uuid for uuid in uuids(folder, group="us-east") if uuid != chosen)
    test = uuids(folder, production=False)[0]
    stranger = "00000000-0000-4000-8000-000000000001"
    ran = made("why", chosen, left_out, test, stranger, "--wave", "v42", "--json")
    assert (ran.code, code_of(ran)) == (3, "unknown-devices")
    found = json.loads(ran.out)["devices"]
    assert [one["rule"] for one in found] == ["staged", "not-rolled-out", "test", "unknown"]
    assert (found[0]["rollout"], found[0]["in_wave"], found[0]["served"]) == (1, True, "the targets of wave v42")
    text = made("why", chosen)
    assert "yes: it was chosen by rollout 1 of wave v42" in text.out


def test_history_is_verified_and_a_frozen_fleet_yields_the_picks_again(
    made: Waves, folder: Path, tmp_path: Path
) -> None:
    frozen = tmp_path / "then.parquet"
    with Factory.open(folder / "acme") as factory:
        factory.devices.fleet(now=instant(releases.NOW)).write(frozen)
    made("rollout", "v42", "canary")
    made("rollout", "v42", "-l", "10%", "--now", NOW)
    made("rollout", "v42", "-g", "us-east", "-l", 10, "--now", NOW)
    found = data(made("history", "--verify", "--fleet", frozen, "--json"))["rollouts"]
    assert [(one["digest_holds"], one["recomputed"]) for one in found] == [(True, True)] * 3
    assert "the same again" in made("history", "--verify", "--fleet", frozen).out


def test_a_frozen_fleet_is_of_one_moment_so_one_rollout_can_be_verified_by_it(
    made: Waves, folder: Path, tmp_path: Path
) -> None:
    made("rollout", "v42", "-l", 5, "--now", NOW)
    frozen = tmp_path / "then.parquet"
    with Factory.open(folder / "acme") as factory:
        chosen = factory.waves.rollout_uuids("v42", 1)
        factory.devices.delete(chosen[:1])
        factory.devices.fleet(now=instant(releases.NOW)).write(frozen)
    made("rollout", "v42", "-l", "10%", "--now", NOW)
    found = data(made("history", "--verify", "--fleet", frozen, "--rollout", 2, "--json"))["rollouts"]
    assert [(one["number"], one["holds"]) for one in found] == [(2, True)]
    both = made("history", "--verify", "--fleet", frozen, "--json")
    assert (both.code, code_of(both)) == (6, "rollout-not-verified")
    assert [one["holds"] for one in json.loads(both.out)["rollouts"]] == [False, True]
    assert made("history", "--verify", "--rollout", 3).code == 3
    assert made("history", "--verify", "--rollout", 1, "--print-uuids").code == 2


@pytest.mark.parametrize("option", ["--offline-threshold", "--interval"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e300"])
def test_a_threshold_or_a_pause_without_an_end_is_refused(made: Waves, option: str, value: str) -> None:
    ran = made("status", option, value, "--json")
    assert (ran.code, code_of(ran)) == (2, "bad-duration")
    assert f"`{value}`" in ran.err or f"`{float(value)}`" in ran.err


# --- the end


def test_the_name_may_be_left_out_where_one_wave_is_active(made: Waves, folder: Path) -> None:
    assert "v42" in made("show").out
    made("init", "-k", folder / "targets.tgz", "b42", 42, "beta")
    several = made("show")
    assert (several.code, "v42" in several.err, "b42" in several.err) == (4, True, True)
    overview = made("status")
    assert [line.split()[0] for line in overview.lines[2:5]] == ["wave", "b42", "v42"]
    assert [one["wave"] for one in data(made("status", "--json"))["waves"]] == ["b42", "v42"]
    assert made("cancel", "b42").code == 0
    assert made("complete", "--yes").code == 0
    none = made("status")
    assert (none.code, "no wave is active" in none.err) == (3, True)


def test_a_finished_wave_never_changes_again(made: Waves, folder: Path) -> None:
    made("complete", "v42")
    for arguments in (["complete", "v42"], ["cancel", "v42"], ["rollout", "v42", "-l", "1"]):
        ran = made(*arguments)
        assert (ran.code, "is complete" in ran.err) == (4, True)
    assert made("sign", "v42", "-k", folder / "targets.tgz").code == 4


def test_wave_is_another_word_for_waves(run: Run, made: Waves, folder: Path) -> None:
    assert run("-C", folder / "acme", "wave", "list").out == made("list").out


def test_why_says_how_a_wave_is_named(made: Waves) -> None:
    ran = made("why", "v42", "device-000001")
    assert (ran.code, "--wave v42" in ran.err, ran.out) == (3, True, "")
    for words in ([""], [" "], ["device-000001", ""]):
        ran = made("why", *words)
        assert (ran.code, "a device is given, but it is empty" in ran.err) == (2, True)
        assert "omit the list" not in ran.err


def on_a_terminal(folder: Path, *arguments: str, answer: bytes) -> tuple[int, str]:
    return terminals.run(folder / "acme", "waves", *arguments, answer=answer)


def test_ctrl_c_at_a_question_ends_its_line_and_says_that_nothing_changed(made: Waves, folder: Path) -> None:
    before = data(made("show", "v42", "--json"))
    code, seen = on_a_terminal(folder, "complete", answer=b"\x03")
    assert code == 130
    assert seen.splitlines()[-1] == "interrupted: the factory was not changed"
    assert "Aborted" not in seen
    assert data(made("show", "v42", "--json")) == before


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("answer", [b"maybe\nno\n", b"\xff\nN\n"])
def test_an_answer_that_is_neither_yes_nor_no_is_asked_for_again(folder: Path, answer: bytes) -> None:
    code, seen = on_a_terminal(folder, "complete", answer=answer)
    assert (code, seen.count("[y/N]"), "answer y or n" in seen, "Error" in seen) == (4, 2, True, False)


@pytest.mark.parametrize("arguments", [["complete"], ["cancel"], ["rollout", "v42", "canary"]])
def test_on_a_terminal_what_cannot_be_undone_is_asked_first(made: Waves, folder: Path, arguments: list[str]) -> None:
    before = data(made("show", "v42", "--json"))
    code, seen = on_a_terminal(folder, *arguments, answer=b"n\n")
    assert "[y/N]" in seen
    assert (code, "nothing was changed: the answer was no" in seen, "interrupted" in seen) == (4, True, False)
    assert data(made("show", "v42", "--json")) == before
    code, seen = on_a_terminal(folder, *arguments, answer=b"y\n")
    assert code == 0, seen
    assert data(made("show", "v42", "--json")) != before


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (b"\n", 4, "the answer was no"),
        (b"\x04", 4, "the input ended without an answer"),
        (b"\x03", 130, "interrupted"),
        (b"perhaps\nno\n", 4, "the answer was no"),
    ],
    ids=["enter", "end of input", "Ctrl-C", "neither"],
)
def test_only_a_yes_goes_on(made: Waves, folder: Path, answer: bytes, code: int, said: str) -> None:
    before = data(made("show", "v42", "--json"))
    found, seen = on_a_terminal(folder, "cancel", answer=answer)
    assert (found, said in seen) == (code, True), seen
    assert data(made("show", "v42", "--json")) == before


def test_a_no_has_a_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "confirm", lambda _: False)
    with pytest.raises(StateError) as caught:
        questions.ask("Go on?")
    assert (caught.value.code, caught.value.exit_code) == ("not-confirmed", 4)


def test_the_question_before_complete_shows_the_progress_of_the_wave(made: Waves, folder: Path) -> None:
    made("rollout", "v42", "canary")
    _, seen = on_a_terminal(folder, "complete", answer=b"n\n")
    assert "wave v42 brings version 42 to tag production: 120 devices" in seen
    assert "0 updated, 5 scheduled, 115 unscheduled, 0 unsupported" in seen
    assert "0 devices on a later version" in seen


@pytest.mark.parametrize("command", ["complete", "cancel"])
def test_without_a_terminal_a_decision_requires_the_name_or_yes(made: Waves, folder: Path, command: str) -> None:
    before = data(made("show", "v42", "--json"))
    ran = made(command)
    assert (ran.code, ran.slug) == (2, "confirmation-required")
    assert f"groundswell waves {command} v42" in ran.err
    assert data(made("show", "v42", "--json")) == before
    made("init", "-k", folder / "targets.tgz", "b42", 42, "beta")
    several = made(command)
    assert (several.slug, "v42" in several.err, "b42" in several.err) == ("several-active-waves", True, True)
    assert made(command, "b42").code == 0
    assert made(command, "--yes").code == 0
    assert made(command).slug == "no-active-wave"


def test_no_command_asks_without_a_terminal(made: Waves) -> None:
    assert made("rollout", "v42", "canary").code == 0


def test_a_tag_that_is_probably_a_typo_is_refused_until_it_is_confirmed(waves: Waves, folder: Path) -> None:
    words = ("init", "-k", folder / "targets.tgz", "v42", 42, "prodution")
    ran = waves(*words)
    assert (ran.code, ran.slug, "`production` (120 production devices)" in ran.err) == (4, "tag-without-devices", True)
    assert waves(*words, "--dry-run").slug == "tag-without-devices"
    confirmed = waves(*words, "--new-tag")
    assert (confirmed.code, "no production device listens to the tag prodution yet" in confirmed.err) == (0, True)
    far = waves("init", "-k", folder / "targets.tgz", "b42", 42, "beta")
    assert (far.code, "no production device listens to the tag beta yet" in far.err) == (0, True)


def test_a_completion_that_downgrades_is_refused_until_it_is_allowed(made: Waves, folder: Path) -> None:
    with Factory.open(folder / "acme") as factory:
        ahead = factory.devices.list_uuids(group="canary")
        factory.devices.import_(pa.table({"uuid": ahead, "last_seen": [releases.NOW] * 5, "target_version": [43] * 5}))
    assert "5 devices report a later version than 42: 43 (5)" in made("status").out
    refused = made("complete", "v42", "--yes")
    assert (refused.code, refused.slug) == (4, "would-downgrade")
    assert "5 devices report a later version than 42: 43 (5)" in refused.err
    code, seen = on_a_terminal(folder, "complete", answer=b"y\n")
    assert (code, "[y/N]" in seen) == (4, False)
    assert made("complete", "v42", "--allow-downgrade").code == 0


def test_a_whole_group_is_capped_by_a_setting_of_the_factory(made: Waves, run: Run, folder: Path) -> None:
    def setting(*words: object) -> Ran:
        return run("-C", folder / "acme", "settings", *words)

    assert data(setting("show", "--json")) == {"max_whole_group": None}
    assert setting("max-whole-group", 10).code == 0
    assert "max-whole-group  10" in setting("show").out
    refused = made("rollout", "v42", "us-east")
    assert (refused.code, refused.slug) == (4, "whole-group-too-large")
    assert "would take in 60 devices, and the setting max-whole-group allows 10" in refused.err
    assert made("rollout", "v42", "us-east", "--dry-run").slug == "whole-group-too-large"
    assert made("rollout", "v42", "us-east", "-l", 50).code == 0
    # What is in the wave already does not count.
    assert made("rollout", "v42", "us-east").code == 0
    assert made("rollout", "v42", "us-west").slug == "whole-group-too-large"
    assert setting("max-whole-group", "off").code == 0
    assert made("rollout", "v42", "us-west").code == 0


@pytest.mark.parametrize("value", ["0", "-1", "", "ten", "1e3", "99999999999999999999999"])
def test_a_cap_is_a_count(run: Run, folder: Path, value: str) -> None:
    ran = run("-C", folder / "acme", "settings", "max-whole-group", "--", value)
    assert (ran.code, ran.slug) == (2, "bad-setting")


def test_yes_skips_the_question(made: Waves, folder: Path) -> None:  # noqa: ARG001
    code, seen = on_a_terminal(folder, "complete", "--yes", answer=b"")
    assert (code, "[y/N]" in seen) == (0, False)


# --- goals, online devices, breakdowns -------------------------------------------------------------------------------


def test_a_goal_is_reached_once(made: Waves) -> None:
    first = data(made("rollout", "v42", "--to", "25%", "--now", NOW, "--json"))
    assert (first["goal"], first["count"], first["matching"]) == (30, 30, 120)
    assert (first["asked"]["to"], first["asked"]["limit"], first["candidates_rule"]) == ("25%", None, 2)
    again = made("rollout", "v42", "--to", "25%", "--now", NOW)
    assert again.code == 0
    assert "30 of the 120 matching devices are covered or updated already; the goal is 30" in again.err
    assert len(data(made("history", "v42", "--json"))["rollouts"]) == 1
    assert "to 25%" in made("history", "v42").out


@pytest.mark.parametrize(
    "words",
    [
        ("--to", "25%", "--limit", "5"),
        ("--to", "25%", "--percent-of", "matching"),
        ("--to", ""),
        ("--to", "0"),
        ("--to", "25%", "--uuids", "6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11"),
        ("--group", "canary", "--online-only"),
        ("--online-only",),
    ],
    ids=str,
)
def test_what_contradicts_a_goal_or_is_no_sample_is_refused(made: Waves, words: tuple[str, ...]) -> None:
    ran = made("rollout", "v42", *words, "--yes")
    assert ran.code == 2, ran.err
    assert data(made("history", "v42", "--json"))["rollouts"] == []


def test_a_sample_is_broken_down_on_a_few_lines_and_in_json(made: Waves) -> None:
    ran = made("rollout", "v42", "--limit", "12", "--seed", "1", "--dry-run", "--now", NOW)
    lines = ran.err.splitlines()
    assert len(lines) < 24
    for label in ("seen", "group", "hardware"):
        assert any(line.split()[:1] == [label] for line in lines), label
    found = data(made("rollout", "v42", "--limit", "12", "--seed", "1", "--dry-run", "--now", NOW, "--json"))
    for parts in found["breakdown"].values():
        assert sum(part["picked"] for part in parts) == found["count"] == 12
        assert sum(part["candidates"] for part in parts) == found["candidates"] == 120
        assert abs(sum(part["picked_share"] for part in parts) - 1) < 1e-9


def test_only_online_devices_are_sampled_where_that_is_asked_for(made: Waves) -> None:
    wide = data(made("rollout", "v42", "--limit", "100%", "--online-only", "--dry-run", "--now", NOW, "--json"))
    assert wide["count"] == wide["online_candidates"] == wide["breakdown"]["bands"][0]["picked"]
    late = str(releases.NOW + 365 * 86_400)
    none = made("rollout", "v42", "--limit", "5", "--online-only", "--now", late)
    assert none.code == 0
    assert "no candidate was seen within the online threshold" in none.err
