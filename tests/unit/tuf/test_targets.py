"""Targets files: every form is read, every fault is named, what agents pass over is noted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import InputError, NotFoundError, tuf
from groundswell.tuf.canonical import canonical

if TYPE_CHECKING:
    from pathlib import Path


def target(version: str = "42", hardware: str = "pi", **custom: Any) -> dict[str, Any]:
    members = {"hardwareIds": [hardware], "tags": ["main"], "targetFormat": "OSTREE", "version": version} | custom
    return {"custom": members, "hashes": {"sha256": "ab" * 32}, "length": 0}


ONE = {"pi-42": target()}


def read(document: Any) -> tuf.TargetsFile:
    return tuf.read_targets_file(json.dumps(document).encode(), "targets.json")


def refusal(document: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read(document)
    assert "`targets.json`" in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("document", "foreign"),
    [
        (ONE, 0),
        ({"targets": ONE}, 0),
        ({"_type": "Targets", "version": 1, "expires": "x", "targets": ONE}, 0),
        ({"_type": "targets", "spec_version": "1", "targets": ONE}, 0),
        ({"signatures": [{}, {}], "signed": {"_type": "Targets", "targets": ONE}}, 2),
        ({"signed": {"targets": ONE}}, 0),
    ],
)
def test_every_form_of_a_targets_file_is_read(document: Any, foreign: int) -> None:
    file = read(document)
    assert file.foreign_signatures == foreign
    (found,) = file.targets
    assert (found.name, found.target_version, found.hardware_id, found.tags) == ("pi-42", 42, "pi", ("main",))
    assert found.document == ONE["pi-42"]


def test_a_target_that_is_called_targets_is_one() -> None:
    assert read({"targets": target()}).targets[0].name == "targets"


def test_a_path_is_read_with_an_editors_mark_before_it(tmp_path: Path) -> None:
    path = tmp_path / "targets.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ONE).encode())
    assert len(tuf.read_targets_file(path).targets) == 1
    with pytest.raises(NotFoundError):
        tuf.read_targets_file(tmp_path / "target.json")


def test_targets_come_in_the_order_of_their_names() -> None:
    names = [f"pi-{version}" for version in (43, 9, 42)]
    assert [found.name for found in read({name: target(name[3:]) for name in names}).targets] == sorted(names)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("length", {"length": -1}),
        ("length", {"length": True}),
        ("length", {"length": "0"}),
        ("length", {"length": None}),
        ("hashes.sha256", {"hashes": {}}),
        ("hashes.sha256", {"hashes": {"sha256": "AB" * 32}}),
        ("hashes.sha256", {"hashes": {"sha256": "ab" * 31}}),
        ("hashes.sha512", {"hashes": {"sha256": "ab" * 32, "sha512": "xyz"}}),
        ("custom", {"custom": None}),
        ("custom.version", {"custom": {"version": 42}}),
        ("custom.version", {"custom": {"version": "latest"}}),
        ("custom.version", {"custom": {"version": "0"}}),
        ("custom.version", {"custom": {"version": "042"}}),
        ("custom.version", {"custom": {"version": "-1"}}),
        ("custom.version", {"custom": {"version": "2147483648"}}),
        ("custom.version", {"custom": {"version": "9" * 5000}}),
        ("custom.hardwareIds", {"custom": {"hardwareIds": []}}),
        ("custom.hardwareIds", {"custom": {"hardwareIds": ["a", "b"]}}),
        ("custom.hardwareIds", {"custom": {"hardwareIds": "pi"}}),
        ("custom.hardwareIds", {"custom": {"hardwareIds": ["p i"]}}),
        ("custom.hardwareIds", {"custom": {"hardwareIds": [7]}}),
        ("custom.tags", {"custom": {"tags": "main"}}),
        ("custom.tags", {"custom": {"tags": ["main", "m/n"]}}),
        ("custom.tags", {"custom": {"tags": ["t" * 65]}}),
        ("custom.tags", {"custom": {"tags": ["main", "main"]}}),
        ("custom.targetFormat", {"custom": {"targetFormat": "BINARY"}}),
        ("custom.targetFormat", {"custom": {"targetFormat": None}}),
        ("custom.uri", {"custom": {"uri": "http://x/?a=1&b=2"}}),
        ("custom.uri", {"custom": {"uri": "grün"}}),
        ("custom.note[1]", {"custom": {"note": ["ok", "two\nlines"]}}),
        ("custom.a.b", {"custom": {"a": {"b": "<"}}}),
    ],
)
def test_each_fault_is_named_with_its_field(field: str, change: dict[str, Any]) -> None:
    spoilt = target()
    spoilt |= change if not isinstance(change.get("custom"), dict) else {"custom": spoilt["custom"] | change["custom"]}
    error = refusal({"pi-42": spoilt})
    assert error.code == "bad-targets"
    assert [(fault["target"], fault["field"]) for fault in error.fields["faults"]] == [("pi-42", field)]
    assert f"`{field}` of `pi-42`" in error.message
    assert error.message.isprintable()


@pytest.mark.parametrize("name", ["", "pi 42", "a/b-42", "-pi-42", "pi?42", "grün-42", "x" * 161])
def test_a_name_that_could_not_travel_in_a_url_is_refused(name: str) -> None:
    error = refusal({name: target()})
    assert error.code == "bad-targets"
    assert "is not a name of a target" in error.fields["faults"][0]["reason"]


def test_two_targets_of_one_version_for_one_hardware_are_refused() -> None:
    error = refusal({"a-42": target(), "b-42": target(), "b-43": target("43"), "c-42": target(hardware="x86")})
    (fault,) = error.fields["faults"]
    assert (fault["target"], fault["field"]) == ("b-42", "custom.hardwareIds")
    assert "as `a-42` is" in fault["reason"]


def test_all_faults_are_data_and_the_first_three_are_told() -> None:
    error = refusal({f"pi-{i}": target("x") for i in range(50)} | {"z": 7})
    assert len(error.fields["faults"]) == 51
    assert error.message.endswith("; and 48 more")
    assert error.message.count("custom.version") == 3


@pytest.mark.parametrize(
    "document", [{}, {"targets": {}}, {"signatures": [], "signed": {"_type": "Targets", "targets": {}}}]
)
def test_a_file_without_targets_is_told_as_such(document: Any) -> None:
    assert refusal(document).code == "no-targets"


@pytest.mark.parametrize(
    "document",
    [
        [],
        "targets",
        {"signed": []},
        {"_type": "Root", "targets": {}},
        {"signatures": [], "signed": {"_type": "Snapshot", "meta": {}}},
        {"_type": "Targets"},
        {"_type": "Targets", "targets": []},
    ],
)
def test_json_of_another_kind_is_told_as_such(document: Any) -> None:
    assert refusal(document).code == "not-targets"


def test_json_that_is_broken_or_ambiguous_is_told_as_such() -> None:
    for data, code in ((b"{", "broken-json"), (b'{"a":1,"a":2}', "ambiguous-json"), (b'{"a":1.5}', "ambiguous-json")):
        with pytest.raises(InputError) as caught:
            tuf.read_targets_file(data, "targets.json")
        assert caught.value.code == code


def test_an_absent_list_of_tags_is_an_empty_one() -> None:
    untagged = target()
    del untagged["custom"]["tags"]
    assert read({"pi-42": untagged}).targets[0].tags == ()


def test_what_is_dropped_and_what_agents_pass_over_is_noted() -> None:
    apps = {"shellhttpd": {"uri": "hub/acme/other@sha256:" + "ab" * 32}}
    document = {
        "_type": "Targets",
        "targets": {"pi": target(docker_compose_apps=apps) | {"extra": 1}},
        "delegations": {"a": 1},
    }
    notes = "\n".join(read(document).notes)
    for told in ("delegations", "`extra` of `pi` is dropped", "does not end in `-42`", "its app `shellhttpd`"):
        assert told in notes
    assert "extra" not in read(document).targets[0].document


def test_retagging_changes_the_tags_alone_and_nothing_that_is_shared() -> None:
    (before,) = read(ONE).targets
    spelled = canonical(before.document)
    after = tuf.retagged(before, "production")
    assert canonical(before.document) == spelled
    assert canonical(after.document) == spelled.replace(b'["main"]', b'["production"]')
    assert (after.tags, after.name, after.target_version) == (("production",), "pi-42", 42)
