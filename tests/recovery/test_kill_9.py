"""kill -9 at any instant leaves a factory as it was before an act or as it is after it.

Every command is killed in two ways. *At every step*: before each call that changes the disk, of Python's and of
DuckDB's, and in the middle of each write. *At a hundred moments*, spread over the time that the command takes. A run
tries a twelfth of them, each time another; `crashes.drawn` tells how to try all, or the same again. Then the
place is looked at: what was acknowledged is there, at most one act more, nothing half, no litter; and the same command
can be run again. What it should come to is the command's own rehearsal, which nobody killed, and rows written here.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from support import crashes
from support.crash_scenes import ACME, uuid
from support.crashes import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.crashes import Servers

STEPS, MOMENTS = "at every step", "at a hundred moments"
SEED = 20_261_125


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with crashes.running() as running:
        yield running


def requests(
    rehearsal: Any, when: str, *, resume: str = "made", every: int = 3, check: bool = False, staged: bool = False
) -> list[dict[str, Any]]:
    """When to kill, and what to do after it.

    Args:
        rehearsal: what the command comes to when nobody kills it.
        when: at every step, or at a hundred moments.
        resume: as `crash_server.Server.crash` has it.
        every: how many steps lie between two after which the command is resumed.
        check: whether the factory proves itself sound afterwards.
        staged: whether all writes go to a place that is put in order only when it is whole: then none is cut in two.
    """
    if when == MOMENTS:
        chances = random.Random(SEED)
        return [{"kill_after": chances.uniform(0, 1.1 * rehearsal["took"])} for _ in range(100)]
    acme = rehearsal["stages"][0][ACME]
    base = acme["revision"] if acme and "revision" in acme else 0
    killed: list[dict[str, Any]] = []
    for step, what in enumerate(rehearsal["steps"], start=1):
        then = {"resume": resume, "base": base} if every and step % every == 0 else {}
        killed.append({"mode": "kill", "step": step, "check": check} | then)
        if what.startswith("write") and not staged:
            killed.append({"mode": "tear", "step": step, "check": check} | then)
    return killed


def kinds_of(rehearsal: Any, kills: list[dict[str, Any]]) -> list[str]:
    """What each kill interrupts: each such kind is tried in every run."""
    kinds = []
    for kill in kills:
        # Names with a digest, a pid or a random part are of one kind.
        what = re.sub("[0-9a-f]{16,}|[0-9]+", "…", rehearsal["steps"][kill["step"] - 1]) if "step" in kill else ""
        kinds.append(f"{kill.get('mode')} {what}")
    return kinds


def crashed(servers: Servers, scene: str, when: str, **how: Any) -> Iterator[tuple[Any, Any]]:
    """The rehearsal of a command, and what is there after each kill."""
    rehearsal = servers.rehearsed(scene)
    kills = 0
    all_of_them = requests(rehearsal, when, **how)
    for request, found in servers.ask_all("crash", scene, drawn(all_of_them, kinds_of(rehearsal, all_of_them))):
        what = rehearsal["steps"][request["step"] - 1] if "step" in request else f"{request['kill_after']:.4f} s"
        found["when"] = f"{request.get('mode', 'killed after')} {request.get('step', '')} {what}"
        assert found["error"] == "", found
        kills += found["killed"]
        yield rehearsal, found
    assert kills > 0


@pytest.mark.parametrize("when", [STEPS, MOMENTS])
@pytest.mark.parametrize("scene", ["import", "groups", "waves", "canceled wave"])
def test_a_factory_is_as_before_or_after_each_act(servers: Servers, scene: str, when: str) -> None:
    judge_acts(servers, scene, when)


@pytest.mark.parametrize("scene", ["large import", "targets", "recovery", "migration"])
def test_a_factory_is_as_before_or_after_each_act_of_other_kinds(servers: Servers, scene: str) -> None:
    judge_acts(servers, scene, STEPS)


def test_a_rollout_whose_answer_was_lost_can_be_repeated(servers: Servers) -> None:
    """What was not acknowledged is called again, made or not: the end is that of a life without a kill."""
    judge_acts(servers, "retries", STEPS, resume="acknowledged")


def judge_acts(servers: Servers, scene: str, when: str, **how: Any) -> None:
    for rehearsal, found in crashed(servers, scene, when, **how):
        stages, acknowledged = rehearsal["stages"], found["acknowledged"]
        assert found["seen"] in stages[acknowledged : acknowledged + 2], found
        if "seen after" in found:
            assert found["seen after"] == stages[-1], found


def test_the_rehearsals_come_to_what_the_acts_say(servers: Servers) -> None:
    stages = [stage[ACME] for stage in servers.rehearsed("import")["stages"]]
    canary = {uuid(n): [n, None, "canary", "main", True, 41] for n in (0, 1)}
    field = {uuid(n): [n, None, "field", "main", True, 41] for n in (2, 3)}
    lab = {uuid(n): [n, None, "lab", "main", True, 42] for n in (4, 5, 6, 7)}
    assert stages[1]["devices"] == canary | field | lab
    assert stages[2]["devices"] == {d: row for d, row in (canary | field | lab).items() if d not in {uuid(0), uuid(7)}}
    assert stages[3]["devices"] == stages[2]["devices"]
    assert stages[4]["devices"] == stages[3]["devices"] | {uuid(0): [0, "back", None, None, True, None]}
    stages = [stage[ACME] for stage in servers.rehearsed("groups")["stages"]]
    assert [stage["groups"] for stage in stages] == [
        {"canary": [1, 2], "field": [2, 4]},
        {"canary": [1, 2], "field": [2, 4], "lab": [3, 0]},
        {"canary": [1, 1], "field": [2, 3], "lab": [3, 2]},
        {"bench": [3, 2], "canary": [1, 1], "field": [2, 3]},
        {"bench": [3, 2], "canary": [1, 1]},
    ]
    for scene in ("import", "groups", "targets", "waves", "canceled wave", "retries"):
        for before, after in zip(*[iter(servers.rehearsed(scene)["stages"])] * 2, strict=False):
            assert before[ACME]["faults"] == after[ACME]["faults"] == []
            assert before[ACME]["tables"] != after[ACME]["tables"]


@pytest.mark.parametrize("when", [STEPS, MOMENTS])
def test_keys_and_tarballs_never_part(servers: Servers, when: str) -> None:
    offline = [(0, 0), (1, 1), (1, 2), (1, 2), (1, 2), (1, 2)]
    for rehearsal, found in crashed(servers, "keys", when, resume="acknowledged", every=2, check=True, staged=True):
        stages, acknowledged = [stage[ACME] for stage in rehearsal["stages"]], found["acknowledged"]
        seen = found["seen"][ACME]
        done = seen["revision"] - stages[0]["revision"]
        assert done in {acknowledged, acknowledged + 1}, found
        assert seen["root"] == stages[done]["root"], found
        assert (len(seen["active"]["root"]), len(seen["active"]["targets"])) == offline[done], found
        in_hand = {keyid for keyids in found["seen"]["tarballs"].values() for keyid in keyids}
        assert in_hand >= {keyid for keyids in seen["active"].values() for keyid in keyids}, found
        assert seen["devices"] == stages[0]["devices"]
        assert_keyring(seen)
        if "seen after" in found:
            # A rotation that was made and not acknowledged is made again; what only adds keys is not.
            again = done > acknowledged and done > 2
            assert found["seen after"][ACME]["root"] == stages[-1]["root"] + again, found
            assert_keyring(found["seen after"][ACME])


def assert_keyring(seen: Any) -> None:
    """The online keys are here, one for each role that the factory signs, and no other file is."""
    online = dict(seen["online"])
    assert len(online) == len(seen["online"])
    assert set(online) == {"targets", "snapshot", "timestamp"} | ({"root"} if seen["root"] == 2 else set())
    assert [file for file in seen["files"] if file.startswith("keys/")] == sorted(
        f"keys/{keyid}.sec" for keyid in online.values()
    )
    assert seen["faults"] == []


def test_a_factory_is_made_whole_or_not_at_all(servers: Servers) -> None:
    for _, found in crashed(servers, "create", STEPS, every=0, check=True, staged=True):
        made = found["seen"][ACME]
        assert made is not None or found["acknowledged"] == 0, found
        if made is not None:
            assert made["revision"] == 1
            assert made["root"] == 2
            assert_keyring(made)


def test_a_factory_is_restored_whole_or_not_at_all(servers: Servers) -> None:
    for rehearsal, found in crashed(servers, "restore", STEPS, every=0, check=True, staged=True):
        before, after = rehearsal["stages"]
        assert found["seen"][ACME] == before[ACME]
        assert found["seen"]["backup"] == before["backup"]
        assert found["seen"]["restored"] in (None, after["restored"]), found
        assert found["seen"]["restored"] is not None or found["acknowledged"] == 0, found


@pytest.mark.parametrize("scene", ["create", "restore"])
def test_making_it_again_removes_what_a_kill_left(servers: Servers, scene: str) -> None:
    name = ACME if scene == "create" else "restored"
    rehearsal = servers.rehearsed(scene)
    steps = drawn(range(2, len(rehearsal["steps"]), 7), share=1 / 2)
    littered = 0
    for _, found in servers.ask_all(
        "crash", scene, [{"mode": "kill", "step": step, "resume": "acknowledged"} for step in steps]
    ):
        if found["seen"][name] is None:
            littered += bool(found["seen"]["litter"])
            assert found["seen after"]["litter"] == [], found
            assert found["seen after"][name]["revision"] == rehearsal["stages"][-1][name]["revision"]
    assert littered > 0


@pytest.mark.parametrize("when", [STEPS, MOMENTS])
def test_a_killed_backup_leaves_the_old_file_or_a_whole_new_one(servers: Servers, when: str) -> None:
    for rehearsal, found in crashed(servers, "backup", when, resume="acknowledged"):
        before = rehearsal["stages"][0]
        assert found["seen"][ACME] | {"faults": []} == before[ACME], found
        assert found["seen"]["backup"]["whole"], found
        if found["acknowledged"]:
            assert found["seen"]["backup"] != before["backup"], found
        # A file has no name until it is whole, so a kill leaves none; but for the instant between two names.
        assert found["seen"]["litter"] == [] or "rename to backup" in found["when"] or when == MOMENTS, found


def test_a_killed_repair_can_be_run_again(servers: Servers) -> None:
    for rehearsal, found in crashed(servers, "repair", STEPS, resume="acknowledged", staged=True):
        _, after = rehearsal["stages"]
        seen = found["seen"][ACME]
        assert seen == {"refused": "store-damaged"} or without_kept(seen) == without_kept(after[ACME]), found
        assert "refused" not in seen or found["acknowledged"] == 0, found
        if "seen after" in found:
            assert without_kept(found["seen after"][ACME]) == without_kept(after[ACME]), found


def without_kept(seen: Any) -> Any:
    return seen | {"files": [file for file in seen["files"] if ".damaged-" not in file], "faults": []}


def test_a_killed_export_can_be_run_again(servers: Servers) -> None:
    for rehearsal, found in crashed(servers, "export", STEPS, resume="acknowledged", every=1, staged=True):
        whole = rehearsal["stages"][-1]["exported"]
        there = {name: digest for name, digest in found["seen"].get("exported", {}).items() if name[0] != "."}
        assert there.items() <= whole.items(), found
        assert found["seen after"]["exported"] == whole, found
