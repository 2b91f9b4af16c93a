"""Listing, showing, grouping and deleting the devices of a factory."""

from __future__ import annotations

import fnmatch
import itertools
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest

from groundswell.errors import GroundswellError, InputError, NotFoundError
from groundswell.factory.devices.devices import SORTS
from support.factories import AT, NOW, device, devices

if TYPE_CHECKING:
    from groundswell.factory import Factory
    from groundswell.factory.devices.devices import Device

HOUR = 3600
STRANGER = "00000000-0000-4000-8000-00000000ffff"
ODD_NAMES = (
    "device-1",
    "device-10",
    "Device-1",
    "a*b",
    "a?b",
    "a[b]",
    "[x]",
    "a\\b",
    "a%b",
    "a_b",
    "a\nb",
    'say "hi", now',
    "'; DROP TABLE devices; --",
    "Größe",
    "日本",
    "🎉",
    "\\",
    "%",
    "NULLS",
    "-",
)


def refusal(command: Any, *arguments: Any, **options: Any) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        command(*arguments, **options)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


def numbers(found: Any) -> list[int]:
    """Which of `device(1)`, `device(2)` … these are."""
    return [UUID(one.uuid).int & 0xFFFF for one in found.devices]


@pytest.fixture
def registry(factory: Factory) -> Factory:
    """Eight devices of which everything that a filter asks for is different."""
    table = pa.table(
        {
            "uuid": [device(number) for number in range(1, 9)],
            "name": ["h", "g", "f", "e", None, "c", "b", "a"],
            "group": ["canary", "canary", "beta", None, None, "beta", "beta", None],
            "tag": ["main", "main", "main", "next", "next", None, None, None],
            "production": [True, False, True, False, True, False, True, False],
            "last_seen": [NOW, NOW - 4 * HOUR, NOW - 4 * HOUR - 1, NOW - 999 * HOUR, None, NOW, NOW - 5, NOW - 7],
            "target_version": pa.array([41, 42, 41, None, 0, 2**31 - 1, 41, 42]),
            "hardware_id": ["pi", "pi", "x86", "pi", None, "x86", "pi", 'odd "one"'],
        }
    )
    factory.devices.import_(table, now=AT)
    return factory


# --- filters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"group": "beta"}, [3, 6, 7]),
        ({"no_group": True}, [4, 5, 8]),
        ({"tag": "next"}, [4, 5]),
        ({"no_tag": True}, [6, 7, 8]),
        ({"production": True}, [1, 3, 5, 7]),
        ({"production": False}, [2, 4, 6, 8]),
        ({"target_version": 41}, [1, 3, 7]),
        ({"target_version": 0}, [5]),
        ({"target_version": 2**31 - 1}, [6]),
        ({"target_version": 43}, []),
        ({"hardware_id": 'odd "one"'}, [8]),
        ({"hardware_id": "nothing"}, []),
        ({"online": True}, [1, 2, 6, 7, 8]),
        ({"online": False}, [3, 4, 5]),
        ({"online": True, "online_threshold": timedelta(0)}, [1, 6]),
        ({"online": True, "online_threshold": timedelta(days=365 * 200)}, [1, 2, 3, 4, 6, 7, 8]),
        ({"uuid_prefix": "a0000000-0000-4000-8000-"}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"uuid_prefix": "A0000000-0000-4000-8000-000000000005"}, [5]),
        ({"uuid_prefix": "a00000000000"}, []),
        ({"name": "?"}, [1, 2, 3, 4, 6, 7, 8]),
        ({"group": "beta", "production": True, "target_version": 41, "hardware_id": "pi"}, [7]),
        ({"no_tag": True, "no_group": True, "online": True}, [8]),
    ],
)
def test_a_filter_leaves_the_devices_that_it_says(registry: Factory, filters: Any, expected: list[int]) -> None:
    found = registry.devices.list(**filters, now=AT)
    assert numbers(found) == expected
    assert found.total == len(expected)
    assert (found.page, found.pages) == (1, 1)
    assert registry.devices.list_uuids(**filters, now=AT) == [device(number) for number in expected]


@pytest.mark.parametrize("argument", ["group", "tag", "uuid_prefix", "hardware_id", "wave", "state"])
@pytest.mark.parametrize("value", ["", " \t"])
def test_a_filter_that_is_given_but_empty_is_refused(registry: Factory, argument: str, value: str) -> None:
    filters: Any = {argument: value}
    with pytest.raises(InputError) as caught:
        registry.devices.list(**filters)
    assert (caught.value.code, caught.value.fields) == ("empty-text", {"argument": argument})


@pytest.mark.parametrize("kind", ["group", "tag"])
def test_a_group_or_tag_and_none_of_them_exclude_each_other(registry: Factory, kind: str) -> None:
    filters: Any = {kind: "beta" if kind == "group" else "next", f"no_{kind}": True}
    with pytest.raises(InputError) as caught:
        registry.devices.list(**filters)
    assert (caught.value.code, caught.value.fields) == ("bad-option", {"options": [kind, f"no_{kind}"]})


def test_deleted_devices_are_in_no_list(registry: Factory) -> None:
    registry.devices.delete([device(3)], now=AT)
    assert numbers(registry.devices.list()) == [1, 2, 4, 5, 6, 7, 8]
    assert len(registry.devices) == 7
    # What is known of a deleted device is forgotten: it has no tag, and is not listed with those that have none.
    assert 3 not in numbers(registry.devices.list(no_tag=True))
    assert 3 not in numbers(registry.devices.list(production=False))


@pytest.mark.parametrize(
    ("filters", "code", "near"),
    [({"group": "canery"}, "unknown-group", "canary"), ({"tag": "mian"}, "unknown-tag", "main")],
)
def test_an_unknown_group_or_tag_is_told_with_the_nearest(
    registry: Factory, filters: Any, code: str, near: str
) -> None:
    error = refusal(registry.devices.list, **filters)
    assert isinstance(error, NotFoundError)
    assert error.code == code
    assert near in error.hint
    assert error.fields["nearest"] == [near]


@pytest.mark.parametrize("pattern", ["*", "a*b", "a?b", "?", "??", "[x]", "a[b]", "*\\*", "\\", "%", "a_b", "*[*", ""])
def test_a_pattern_of_names_means_what_it_does_in_a_shell(factory: Factory, pattern: str) -> None:
    factory.devices.import_(devices(len(ODD_NAMES), name=list(ODD_NAMES)), now=AT)
    found = {one.name for one in factory.devices.list(name=pattern).devices}
    # Brackets stand for themselves here; `fnmatch` has to be told so.
    assert found == {name for name in ODD_NAMES if fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))}


# --- order and pages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("ordinal", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("name", [8, 7, 6, 4, 3, 2, 1, 5]),
        ("-name", [1, 2, 3, 4, 6, 7, 8, 5]),
        ("last-seen", [5, 4, 3, 2, 8, 7, 1, 6]),
        ("-last-seen", [1, 6, 7, 8, 2, 3, 4, 5]),
        ("uuid", [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_a_list_is_in_the_order_that_is_asked_for(registry: Factory, sort: Any, expected: list[int]) -> None:
    assert numbers(registry.devices.list(sort=sort)) == expected


def test_every_order_is_tried_above() -> None:
    assert set(SORTS) == {"ordinal", "name", "-name", "last-seen", "-last-seen", "uuid"}


@pytest.mark.parametrize("sort", sorted(SORTS))
@pytest.mark.parametrize("limit", [1, 3, 8, 100])
def test_the_pages_are_the_whole_list_cut_up(registry: Factory, sort: Any, limit: int) -> None:
    whole = numbers(registry.devices.list(sort=sort))
    first = registry.devices.list(sort=sort, limit=limit)
    assert first.total == 8
    assert first.pages == -(-8 // limit)
    pages = [registry.devices.list(sort=sort, limit=limit, page=page) for page in range(1, first.pages + 1)]
    assert list(itertools.chain.from_iterable(map(numbers, pages))) == whole
    assert all(page.total == 8 and page.pages == first.pages for page in pages)


def test_a_page_beyond_the_last_has_no_devices(registry: Factory) -> None:
    for page in (2, 10**9):
        found = registry.devices.list(page=page, limit=1_000_000)
        assert (found.devices, found.total, found.page, found.pages) == ((), 8, page, 1)


def test_a_list_of_an_empty_factory_is_one_empty_page(factory: Factory) -> None:
    found = factory.devices.list()
    assert (found.devices, found.total, found.page, found.pages) == ((), 0, 1, 1)
    assert factory.devices.list_uuids() == []
    assert len(factory.devices.fleet()) == 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"limit": 0}, "bad-page"),
        ({"limit": 1_000_001}, "bad-page"),
        ({"limit": 2.5}, "bad-argument"),
        ({"limit": True}, "bad-argument"),
        ({"page": 0}, "bad-page"),
        ({"page": -1}, "bad-page"),
        ({"page": 2**70}, "bad-page"),
        ({"sort": "size"}, "bad-sort"),
        ({"target_version": -1}, "bad-version"),
        ({"target_version": 2**31}, "bad-version"),
        ({"target_version": 2**200}, "bad-version"),
        ({"online": True, "online_threshold": timedelta(seconds=-1)}, "bad-duration"),
        ({"online": True, "now": AT.replace(tzinfo=None)}, "bad-instant"),
    ],
)
def test_what_no_list_can_be_asked_is_refused(registry: Factory, options: Any, code: str) -> None:
    error = refusal(registry.devices.list, **options)
    assert isinstance(error, InputError)
    assert error.code == code


def test_bytes_that_are_no_text_find_nothing(registry: Factory) -> None:
    odd = "caf\udce9"  # what Python makes of an argument that is no UTF-8
    assert registry.devices.list(name=odd).total == 0
    assert registry.devices.list(hardware_id=odd).total == 0
    assert registry.devices.list(uuid_prefix=odd).total == 0
    assert refusal(registry.devices.show, odd).code == "unknown-device"
    assert refusal(registry.devices.list, group=odd).code == "unknown-group"
    assert refusal(registry.devices.list, tag=odd).code == "unknown-tag"


# --- one device ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        "a0000000-0000-4000-8000-000000000003",
        "A0000000-0000-4000-8000-000000000003",
        "a0000000000040008000000000000003",
        "{a0000000-0000-4000-8000-000000000003}",
        "urn:uuid:A0000000-0000-4000-8000-000000000003",
        "f",
    ],
)
def test_a_device_is_shown_by_its_uuid_in_any_spelling_or_by_its_name(registry: Factory, spelling: str) -> None:
    found = registry.devices.show(spelling)
    assert (found.ordinal, found.uuid, found.name, found.group, found.tag) == (2, device(3), "f", "beta", "main")
    assert (found.production, found.target_version, found.hardware_id) == (True, 41, "x86")
    assert found.last_seen == AT - timedelta(hours=4, seconds=1)


def test_what_is_unknown_of_a_device_is_none(registry: Factory) -> None:
    found = registry.devices.show(device(5))
    assert (found.name, found.group, found.last_seen, found.hardware_id) == (None, None, None, None)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_device_is_shown_by_a_name_of_any_text(factory: Factory, name: str) -> None:
    factory.devices.import_(devices(len(ODD_NAMES), name=list(ODD_NAMES)), now=AT)
    assert factory.devices.show(name).name == name


def test_a_name_that_looks_like_the_uuid_of_no_device_is_a_name(factory: Factory) -> None:
    factory.devices.import_(devices(2, name=[STRANGER, device(1)]), now=AT)
    assert factory.devices.show(STRANGER).uuid == device(1)
    # The uuid of a device is that device, whatever others are named.
    assert factory.devices.show(device(1)).uuid == device(1)


@pytest.mark.parametrize("text", [STRANGER, "nobody", "", "uuid", "a0000000-0000-4000-8000-000000000001,"])
def test_a_device_that_is_not_there_is_told(registry: Factory, text: str) -> None:
    error = refusal(registry.devices.show, text)
    assert isinstance(error, NotFoundError)
    assert error.code == "unknown-device"


def test_a_deleted_device_is_not_shown(registry: Factory) -> None:
    registry.devices.delete([device(3)], now=AT)
    assert refusal(registry.devices.show, device(3)).code == "unknown-device"
    assert refusal(registry.devices.show, "f").code == "unknown-device"
    assert registry.devices.find(device(3)) is None


@pytest.mark.parametrize("count", [2, 3, 150])
def test_a_name_of_several_devices_is_told_with_their_uuids(factory: Factory, count: int) -> None:
    factory.devices.import_(devices(count, name="twin"), now=AT)
    error = refusal(factory.devices.show, "twin")
    assert isinstance(error, InputError)
    assert error.code == "ambiguous-name"
    assert error.message.startswith(f"{count} devices ")
    assert error.fields["uuids"] == [device(number) for number in range(1, count + 1)]
    assert device(1) in error.hint
    assert ("…" in error.hint) == (count > 3)


# --- grouping and deleting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "devices_given",
    [
        f"{device(1)}, {device(4).upper()}\n",
        [device(1), UUID(device(4))],
        [UUID(device(1)).bytes, device(4), device(1)],
    ],
)
def test_devices_are_put_into_a_group_in_any_form_of_list(registry: Factory, devices_given: Any) -> None:
    before = registry.revision
    assert registry.devices.assign(devices_given, "beta", now=AT) == 2
    assert numbers(registry.devices.list(group="beta")) == [1, 3, 4, 6, 7]
    # All of them are there already: nothing to be done, and no line in the audit log.
    assert registry.devices.assign(devices_given, "beta", now=AT) == 0
    assert registry.revision == before + 1


def test_only_devices_that_were_elsewhere_are_counted(registry: Factory) -> None:
    assert registry.devices.assign([device(3), device(4)], "beta", now=AT) == 1
    assert registry.devices.assign([device(3), device(5)], None, now=AT) == 1
    assert numbers(registry.devices.list(no_group=True)) == [3, 5, 8]


def test_a_selection_can_be_put_into_a_group(registry: Factory) -> None:
    picked = registry.devices.fleet().select(limit=2, group="beta", seed=1, now=AT)
    assert registry.devices.assign(picked, "canary", now=AT) == 2
    assert {one.uuid for one in registry.devices.list(group="canary").devices} >= set(picked.uuids)


@pytest.mark.parametrize("command", ["assign", "delete"])
def test_devices_are_changed_all_or_none_and_every_unknown_one_is_named(registry: Factory, command: str) -> None:
    registry.devices.delete([device(8)], now=AT)
    strangers = [str(UUID(int=number)) for number in range(1, 121)]
    listed = [device(1), *strangers, device(8), device(2), strangers[0]]
    before, revision = registry.devices.list(), registry.revision
    arguments = [listed, "beta"] if command == "assign" else [listed]
    error = refusal(getattr(registry.devices, command), *arguments)
    assert isinstance(error, NotFoundError)
    assert error.code == "unknown-devices"
    assert error.fields["unknown"] == [*strangers, device(8)]
    assert "and 116 more" in error.message
    assert registry.devices.list() == before
    assert registry.revision == revision


@pytest.mark.parametrize(
    ("given", "code"), [([], "empty-list"), ("", "empty-list"), ("one", "bad-uuid"), (["one"], "bad-uuid")]
)
@pytest.mark.parametrize("command", ["assign", "delete"])
def test_an_empty_or_broken_list_is_refused(registry: Factory, command: str, given: Any, code: str) -> None:
    arguments = [given, "beta"] if command == "assign" else [given]
    before = registry.revision
    assert refusal(getattr(registry.devices, command), *arguments).code == code
    assert registry.revision == before


def test_a_group_that_does_not_exist_is_not_made_by_grouping(registry: Factory) -> None:
    assert refusal(registry.devices.assign, [device(1)], "gamma").code == "unknown-group"
    assert {group.name for group in registry.groups.list()} == {"beta", "canary"}


def test_a_deleted_device_keeps_nothing_but_its_ordinal_and_its_name(registry: Factory) -> None:
    assert registry.devices.delete([device(1), device(3), device(3)], now=AT) == 2
    registry.devices.allow([device(3)], now=AT)
    report = registry.devices.import_(devices(1, first=3), now=AT)
    assert (report.new, report.returned, report.test_by_default) == (0, 1, 1)
    assert facts(registry.devices.show(device(3))) == (2, "f", None, None, False, None, None, None)


def facts(one: Device) -> tuple[Any, ...]:
    return (
        one.ordinal, one.name, one.group, one.tag, one.production, one.last_seen, one.target_version, one.hardware_id,
    )  # fmt: skip


# --- the fleet -----------------------------------------------------------------------------------------------------


def test_the_fleet_is_loaded_once_for_each_state_of_the_devices(registry: Factory) -> None:
    first = registry.devices.fleet()
    assert registry.devices.fleet() is first
    registry.devices.assign([device(1)], None, now=AT)
    second = registry.devices.fleet()
    assert second is not first
    # Frozen: what was loaded before is as it was.
    assert (first.groups["canary"], second.groups["canary"]) == (2, 1)


def test_threads_that_ask_for_the_fleet_while_others_change_it_do_not_wait_for_each_other(registry: Factory) -> None:
    """One thread loads while another, whose turn it is, asks for the fleet, too: neither may wait for ever."""
    wrong: list[BaseException] = []

    def change() -> None:
        for number in range(60):
            with registry._context.store.changing():
                registry.devices.assign([device(1)], ("beta", "canary")[number % 2], now=AT)
                assert registry.devices.fleet().device(0)["group"] == ("beta", "canary")[number % 2]

    def load() -> None:
        for _ in range(300):
            fleet = registry.devices.fleet()
            assert sum(fleet.groups.values()) == 5

    def watched(work: Any) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told below, in the test's own thread
            wrong.append(error)

    threads = [threading.Thread(target=watched, args=[work], daemon=True) for work in (change, load, load)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive(), "two threads wait for each other"
    assert wrong == []
