"""Groups: their names, what refers to them, and what goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError, InputError, NotFoundError, StateError
from groundswell.factory import Factory
from support import factories
from support.factories import AT, device, devices, later

if TYPE_CHECKING:
    from pathlib import Path

WELL_FORMED = ["a", "A", "0", "us-east-1", "a.b_c+d", "a" * 64]
ILL_FORMED = ["", " ", "-a", ".a", "_a", "+a", "a b", "a/b", "a?x", "ä", "a\n", "a\0", "a" * 65, "$active$", "\udce9"]


def refusal(command: Any, *arguments: Any, **options: Any) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        command(*arguments, **options)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_name_of_the_allowed_set_is_taken(factory: Factory, name: str) -> None:
    group = factory.groups.create(name, now=AT)
    assert (group.name, group.description, group.devices, group.production_devices) == (name, "", 0, 0)
    assert (group.created_at, group.created_by, group.updated_at, group.updated_by) == (AT, "alice", None, None)
    assert factory.devices.import_(devices(1, group=name), now=AT).groups_created == ()


@pytest.mark.parametrize("name", ILL_FORMED)
def test_a_name_outside_of_it_is_refused_wherever_it_is_given(factory: Factory, tmp_path: Path, name: str) -> None:
    factory.groups.create("ok", now=AT)
    revision = factory.revision
    for command, arguments in (
        (factory.groups.create, [name]),
        (factory.groups.rename, ["ok", name]),
    ):
        error = refusal(command, *arguments)
        assert isinstance(error, InputError)
        assert (error.code, error.fields["kind"], error.fields["name"]) == ("bad-name", "group", name)
    assert refusal(Factory.create, tmp_path / "other", name=name).fields["kind"] == "factory"
    assert not (tmp_path / "other").exists()
    if name.strip() and not name.endswith(("\n", "\udce9")):  # blanks around a cell are no part of it
        error = refusal(factory.devices.import_, devices(1, group=name), now=AT)
        assert (error.code, error.fields["bad"][0]["column"]) == ("bad-rows", "group")
    assert factory.revision == revision


def test_a_group_is_itself_whatever_it_is_called(factory: Factory) -> None:
    factory.devices.import_(devices(3, group="old", production=[True, False, True]), now=AT)
    before = factory.groups.show("old")
    after = factory.groups.rename("old", "new", now=later(hours=1))
    assert (after.group_id, after.name) == (before.group_id, "new")
    assert (after.devices, after.production_devices) == (3, 2)
    assert (after.created_at, after.created_by) == (AT, "alice")
    assert (after.updated_at, after.updated_by) == (later(hours=1), "alice")
    assert factory.devices.fleet().groups == {"new": 3}
    assert refusal(factory.groups.show, "old").code == "unknown-group"


def test_a_new_group_of_an_old_name_is_another_group(factory: Factory) -> None:
    first = factory.groups.create("canary", now=AT)
    factory.groups.delete("canary", now=AT)
    second = factory.groups.create("canary", now=AT)
    factory.groups.delete("canary", now=AT)
    factory.devices.import_(devices(1, group="canary"), now=AT)
    third = factory.groups.show("canary")
    assert first.group_id < second.group_id < third.group_id


def test_a_group_number_is_never_given_again_after_reopening(factory: Factory) -> None:
    first = factory.groups.create("one", now=AT)
    factory.groups.delete("one", now=AT)
    factory.close()
    with Factory.open(factory.path) as again:
        assert again.groups.create("two", now=AT).group_id > first.group_id


def test_renaming_a_group_to_its_own_name_changes_nothing(factory: Factory) -> None:
    before = factory.groups.create("same", now=AT)
    revision = factory.revision
    assert factory.groups.rename("same", "same", now=later(hours=1)) == before
    assert factory.revision == revision


def test_a_name_is_taken_once(factory: Factory) -> None:
    factory.groups.create("one", now=AT)
    factory.groups.create("two", now=AT)
    for command, arguments in ((factory.groups.create, ["one"]), (factory.groups.rename, ["two", "one"])):
        error = refusal(command, *arguments)
        assert isinstance(error, StateError)
        assert (error.code, error.fields) == ("group-exists", {"group": "one"})
    # Names that differ in case differ.
    assert factory.groups.create("One", now=AT).name == "One"


@pytest.mark.parametrize("command", ["show", "delete", "rename", "describe", "find"])
def test_an_unknown_group_is_told_with_the_nearest(factory: Factory, command: str) -> None:
    factory.groups.create("canary", now=AT)
    arguments = {"rename": ["canery", "x"], "describe": ["canery", "x"]}.get(command, ["canery"])
    error = refusal(getattr(factory.groups, command), *arguments)
    assert isinstance(error, NotFoundError)
    fields = {"group": "canery", "nearest": ["canary"], "place": "factory"}
    assert (error.code, error.fields) == ("unknown-group", fields)
    assert "`canary`" in error.hint


@pytest.mark.parametrize("text", ["", "plain", 'a "b", c', "two\nlines", "Größe ☃", "'; DROP TABLE groups", "x" * 1000])
def test_a_description_is_any_text(factory: Factory, text: str) -> None:
    assert factory.groups.create("one", text, now=AT).description == text
    factory.groups.create("two", now=AT)
    after = factory.groups.describe("two", text, now=later(hours=1))
    assert (after.description, after.updated_at) == (text, later(hours=1))
    assert [group.description for group in factory.groups.list()] == [text, text]


@pytest.mark.parametrize("text", ["x" * 1001, "caf\udce9"])
def test_a_description_that_cannot_be_kept_is_refused(factory: Factory, text: str) -> None:
    factory.groups.create("one", "before", now=AT)
    assert refusal(factory.groups.describe, "one", text).code == "bad-description"
    assert refusal(factory.groups.create, "two", text).code == "bad-description"
    assert [group.description for group in factory.groups.list()] == ["before"]


def test_groups_are_listed_by_name_with_their_counts(factory: Factory) -> None:
    factory.devices.import_(
        devices(6, group=["b", "b", "a", None, "b", "a"], production=[True, False, True, True, True, True]), now=AT
    )
    factory.groups.create("C", now=AT)
    factory.devices.delete([device(1)], now=AT)
    assert [(group.name, group.devices, group.production_devices) for group in factory.groups.list()] == [
        ("C", 0, 0),
        ("a", 2, 2),
        ("b", 2, 1),
    ]


def test_a_group_with_devices_is_deleted_only_when_they_may_be_without_one(factory: Factory) -> None:
    factory.devices.import_(devices(3, group=["a", "a", "b"]), now=AT)
    error = refusal(factory.groups.delete, "a")
    assert isinstance(error, StateError)
    assert (error.code, error.fields) == ("group-not-empty", {"group": "a", "devices": 2})
    assert factory.groups.delete("a", ungroup=True, now=AT) == 2
    assert [one.group for one in factory.devices.list().devices] == [None, None, "b"]
    assert [group.name for group in factory.groups.list()] == ["b"]


def test_a_group_whose_devices_were_deleted_is_empty(factory: Factory) -> None:
    factory.devices.import_(devices(2, group="a"), now=AT)
    factory.devices.delete([device(1), device(2)], now=AT)
    assert factory.groups.delete("a", now=AT) == 0
    factory.devices.allow([device(1), device(2)], now=AT)
    # They come back without a group: what was known of them is forgotten.
    factory.devices.import_(devices(2), now=AT)
    assert [one.group for one in factory.devices.list().devices] == [None, None]


# --- words for nothing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["null", "NULL", "None", "nil", "NaN", "n/a", "#N/A"])
def test_a_word_for_nothing_becomes_neither_a_group_nor_a_tag(factory: Factory, word: str) -> None:
    factory.groups.create("canary", now=AT)
    commands: list[tuple[Any, tuple[Any, ...]]] = [
        (factory.groups.create, (word,)),
        (factory.groups.rename, ("canary", word)),
        (factory.targets.add, ("pi-1", factories.target(1, tags=(word,))["pi-lmp-1"])),
    ]
    for command, arguments in commands:
        with pytest.raises(InputError) as caught:
            command(*arguments)
        assert caught.value.code in {"bad-name", "bad-targets"}
    assert [group.name for group in factory.groups.list()] == ["canary"]


def test_an_import_warns_of_a_group_that_an_older_version_made_of_such_a_word(factory: Factory) -> None:
    factory.groups.create("canary", now=AT)
    factories.past_the_store(factory, "UPDATE groups SET name = 'NULL'")
    report = factory.devices.import_(devices(1, production=True), now=AT)
    assert [note for note in report.notes if "`NULL`" in note] == [
        "the group `NULL` was made from a word for nothing: imports read such cells as absent values"
    ]
