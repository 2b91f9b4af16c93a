"""What a device takes, the judge takes: audiences, tags, histories, chains."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import NotFoundError, tuf
from support import recorded
from support.corruptions import LAST_ROOT, ci_copy, other_targets, with_rsa
from support.tuf_forge import ONLINE_AND_OFFLINE, Repository, key_document, keyid
from support.verdicts import NOW, refusal

if TYPE_CHECKING:
    from pathlib import Path


def test_ci_metadata_is_taken_by_test_devices_alone(tmp_path: Path) -> None:
    folder = ci_copy().write(tmp_path / "ci")
    assert tuf.judge_directory(folder, now=NOW, audience="ci").audience == "ci"
    error = refusal(folder, audience="production")
    assert (error.code, error.fields["audience"]) == ("wrong-audience", "ci")
    error = refusal(recorded.gateway("prod-41"), audience="ci")
    assert (error.code, error.fields["audience"]) == ("wrong-audience", "production")


def test_ci_targets_in_a_production_directory_lack_the_offline_signature(tmp_path: Path) -> None:
    repository, ci = Repository(), ci_copy()
    repository.files |= {name: ci.files[name] for name in recorded.SERVED}
    assert refusal(repository.write(tmp_path / "mixed")).code == "too-few-signatures"


def test_the_first_two_roots_serve_no_production_targets(tmp_path: Path) -> None:
    repository = ci_copy()
    for version in (3, 4, 5):
        del repository.files[f"{version}.root.json"]
    folder = repository.write(tmp_path / "young")
    assert tuf.judge_directory(folder, now=NOW).audience == "ci"
    assert refusal(folder, audience="production").code == "wrong-audience"


@pytest.mark.parametrize(("roots", "audience"), [(2, None), (5, "production")])
def test_roots_alone_serve_nothing(roots: int, audience: str | None, tmp_path: Path) -> None:
    repository = Repository()
    keep = {f"{version}.root.json" for version in range(1, roots + 1)}
    repository.files = {name: data for name, data in repository.files.items() if name in keep}
    verdict = tuf.judge_directory(repository.write(tmp_path / "r"), now=NOW)
    assert verdict.serves_nothing
    assert (verdict.audience, verdict.root_version, verdict.targets) == (audience, roots, ())
    assert verdict.first_expiry == verdict.expires["root"]


def test_every_target_of_the_newest_version_carries_the_tag(tmp_path: Path) -> None:
    assert refusal(recorded.gateway("wave-42"), tag="main").code == "wrong-tag"
    repository = Repository("wave-42")
    targets = repository.document("targets.json")["signed"]["targets"]
    targets["intel-corei7-64-lmp-41"]["custom"]["tags"] = ["old"]
    repository.edit("targets.json", ONLINE_AND_OFFLINE, targets=targets)
    repository.relink()
    tuf.judge_directory(repository.write(tmp_path / "old"), now=NOW, tag="production")
    targets["intel-corei7-64-lmp-42"]["custom"]["tags"] = ["old"]
    repository.edit("targets.json", ONLINE_AND_OFFLINE, targets=targets)
    repository.relink()
    error = refusal(repository.write(tmp_path / "new"), tag="production")
    assert (error.code, error.fields["target"]) == ("wrong-tag", "intel-corei7-64-lmp-42")


@pytest.mark.parametrize(
    ("member", "value", "why"),
    [
        ("targetFormat", "BINARY", "format"),
        ("hardwareIds", ["a", "b"], "hardware"),
        ("hardwareIds", [], "hardware"),
        ("version", "latest", "version"),
    ],
)
def test_targets_that_agents_pass_over_are_noted(member: str, value: Any, why: str, tmp_path: Path) -> None:
    repository = Repository()
    other_targets(repository, lambda target: target["custom"].update({member: value}))
    notes = tuf.judge_directory(repository.write(tmp_path / "r"), now=NOW).notes
    assert len(notes) == 2
    assert all(why in note for note in notes)


def test_an_rsa_key_is_taken_by_name(tmp_path: Path) -> None:
    repository = Repository()
    with_rsa(repository)
    verdict = tuf.judge_directory(repository.write(tmp_path / "rsa"), now=NOW, allow_rsa=True)
    assert "RSA" in verdict.notes[0]
    assert verdict.signed_by["snapshot"] != (keyid("snapshot"),)


def numbered(tmp_path: Path, gateway: str, timestamp: int, snapshot: int, **changes: Any) -> Path:
    repository = Repository(gateway)
    repository.relink(timestamp=timestamp, snapshot=snapshot)
    if changes:
        repository.edit("timestamp.json", ["timestamp"], **changes)
    return repository.write(tmp_path / f"{gateway}-{timestamp}-{snapshot}-{len(changes)}")


def test_an_epoch_may_stand_or_grow_whatever_the_targets_version_does(tmp_path: Path) -> None:
    """The sequence of wire.md 3.8: production, wave, a cancel in the same epoch, the wave, a cancel in a new one."""
    steps = [("prod-41", 50), ("wave-42", 50), ("prod-41", 50), ("wave-42", 50), ("prod-41", 51), ("prod-41", 52)]
    folders = [numbered(tmp_path, gateway, epoch, epoch) for gateway, epoch in steps]
    for before, folder in itertools.pairwise(folders):
        tuf.judge_directory(folder, now=NOW, previous=before, audience="production")


@pytest.mark.parametrize(
    ("timestamp", "snapshot", "role"), [(49, 50, "timestamp"), (51, 49, "snapshot"), (50, 49, "snapshot")]
)
def test_neither_the_timestamp_nor_the_snapshot_goes_back(
    timestamp: int, snapshot: int, role: str, tmp_path: Path
) -> None:
    before = numbered(tmp_path, "prod-41", 50, 50)
    error = refusal(numbered(tmp_path, "wave-42", timestamp, snapshot), previous=before)
    assert (error.code, error.fields["role"]) == ("rolled-back", role)
    assert error.fields["file"].endswith(f"{role}.json")


def test_a_chain_that_got_shorter_is_a_rollback(tmp_path: Path) -> None:
    repository = Repository()
    del repository.files[LAST_ROOT]
    shorter = repository.write(tmp_path / "shorter")
    tuf.judge_directory(shorter, now=NOW)
    error = refusal(shorter, previous=recorded.gateway("prod-41"))
    assert (error.code, error.fields["role"], error.fields["previous"]) == ("rolled-back", "root", 5)
    error = refusal(shorter, trusted_root=recorded.gateway("prod-41") / LAST_ROOT)
    assert error.code == "rolled-back"


def test_another_chain_is_not_the_one_that_is_trusted(tmp_path: Path) -> None:
    """A chain of the same keys, valid in itself, whose third root says something else: CI instead of production."""
    error = refusal(ci_copy().write(tmp_path / "ci"), trusted_root=recorded.gateway("prod-41") / "3.root.json")
    assert (error.code, error.fields["file"][-11:]) == ("untrusted-root", "3.root.json")
    error = refusal(tmp_path / "ci", previous=recorded.gateway("prod-41"))
    assert error.code == "untrusted-root"


def test_an_expired_timestamp_signed_again_needs_a_new_number(tmp_path: Path) -> None:
    expired = numbered(tmp_path, "prod-41", 50, 50, expires="2026-11-23T00:00:00Z")
    again = numbered(tmp_path, "prod-41", 50, 50, expires="2026-12-01T00:00:00Z", x=1)
    assert refusal(again, previous=expired).code == "not-renumbered"
    renumbered = numbered(tmp_path, "prod-41", 51, 50, expires="2026-12-01T00:00:00Z")
    tuf.judge_directory(renumbered, now=NOW, previous=expired)


def test_a_previous_directory_may_have_expired_and_may_have_served_nothing(tmp_path: Path) -> None:
    repository = Repository()
    repository.files = {name: data for name, data in repository.files.items() if name not in recorded.SERVED}
    repository.edit("2.root.json", ["first-root"], expires="2020-01-01T00:00:00Z")
    del repository.files["3.root.json"], repository.files["4.root.json"], repository.files[LAST_ROOT]
    before = repository.write(tmp_path / "before")
    after = Repository()
    after.files["2.root.json"] = repository.files["2.root.json"]
    tuf.judge_directory(after.write(tmp_path / "after"), now=NOW, previous=before)


def test_a_folder_that_is_not_there_and_a_clock_without_a_zone(tmp_path: Path) -> None:
    error = refusal(tmp_path / "none")
    assert (type(error), error.code) == (NotFoundError, "no-such-directory")
    assert refusal(recorded.gateway("prod-41"), now=NOW.replace(tzinfo=None)).code == "bad-instant"


def test_the_verdict_is_json() -> None:
    verdict = tuf.judge_directory(recorded.gateway("prod-41"), now=NOW)
    said = json.loads(json.dumps(verdict.as_dict()))
    assert said["expires"]["root"] == "2027-11-23T15:44:01Z"
    assert said["targets"] == ["intel-corei7-64-lmp-41", "raspberrypi4-64-lmp-41"]
    assert key_document("targets")["keytype"] == "ED25519"
