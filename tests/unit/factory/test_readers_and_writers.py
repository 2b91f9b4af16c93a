"""Readers run alongside the one writer: each sees one state, never a mixture, and does not wait for the writer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import NotFoundError, StateError
from groundswell.store.duckdb import database
from groundswell.store.duckdb.readers import Exclusion
from support.factories import AT, device, devices, embedded_store

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from groundswell.factory import Factory

LONG = 30
"""Seconds after which a test gives up."""


def test_a_hundred_reads_finish_while_an_import_is_about_to_commit(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory.devices.import_(devices(10, tag="main"), now=AT)
    at_commit, go_on = threading.Event(), threading.Event()
    apply = database.apply

    def held(connection: Any, changes: Any, revision: int, head: Any, **words: Any) -> None:
        def line() -> str:
            at_commit.set()
            assert go_on.wait(LONG)
            return str(head())

        apply(connection, changes, revision, line, **words)

    monkeypatch.setattr("groundswell.store.duckdb.store.apply", held)
    with ThreadPoolExecutor(1) as beside:
        writing = beside.submit(factory.devices.import_, devices(500, first=5, tag="next"), now=AT)
        assert at_commit.wait(LONG)
        try:
            for _ in range(25):
                assert len(factory.devices) == 10
                assert factory.devices.list().total == 10
                assert len(factory.devices.fleet()) == 10
                assert [tag.tag for tag in factory.status(now=AT).tags] == ["main"]
            assert not writing.done()
        finally:
            go_on.set()
        writing.result()
    assert len(factory.devices) == len(factory.devices.fleet()) == 504


def test_a_reader_sees_one_state_to_the_end_of_its_block(factory: Factory) -> None:
    store = embedded_store(factory)
    factory.devices.import_(devices(3), now=AT)
    with ThreadPoolExecutor(1) as beside, store.reading():
        before = store.revision, store.changed_at("devices")
        beside.submit(factory.devices.import_, devices(5, first=10), now=AT).result()
        with store.reading():
            assert len(factory.devices) == len(factory.devices.fleet()) == 3
        assert (store.revision, store.changed_at("devices")) == before
    assert len(factory.devices) == len(factory.devices.fleet()) == 8
    assert store.revision == before[0] + 1


def test_readers_never_see_a_part_of_a_change(factory: Factory) -> None:
    """Each import brings as many devices to `left` as to `right`; groups and devices are two tables."""
    store, wrong = embedded_store(factory), list[Any]()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            with store.reading():
                groups = {group.name: group.devices for group in factory.groups.list()}
                sizes = groups.get("left", 0), groups.get("right", 0), len(factory.devices)
                fleet = factory.devices.fleet()
                if sizes[0] != sizes[1] or sum(sizes[:2]) != sizes[2] or len(fleet) != sizes[2]:
                    wrong.append((sizes, len(fleet)))

    readers = [threading.Thread(target=watch) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for step in range(20):
            table = devices(8, first=1 + step * 8, group=["left", "right"] * 4)
            factory.devices.import_(table, now=AT)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert len(factory.devices) == 160


class Interfering:
    """A table that somebody else acts upon while it is read."""

    def __init__(self, table: pa.Table, act: Callable[[], object]) -> None:
        self._table, self._act = table, act

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        with ThreadPoolExecutor(1) as beside:
            beside.submit(self._act).result()
        return self._table.__arrow_c_stream__(requested_schema)


def test_files_are_read_while_others_write_and_merged_with_what_they_wrote(factory: Factory) -> None:
    def meanwhile() -> None:
        factory.devices.import_(devices(2, group="early", production=True), now=AT)

    report = factory.devices.import_(Interfering(devices(4, tag="main"), meanwhile), now=AT)
    assert (report.new, report.changed) == (2, 2)
    shown = factory.devices.show(device(1))
    assert (shown.group, shown.tag, shown.production) == ("early", "main", True)


def test_a_flip_that_came_about_while_a_file_was_read_is_refused(factory: Factory) -> None:
    def meanwhile() -> None:
        factory.devices.import_(devices(2, production=True), now=AT)

    with pytest.raises(StateError, match="2 devices of it changed") as caught:
        factory.devices.import_(Interfering(devices(4, production=False), meanwhile), now=AT)
    assert caught.value.code == "revision-changed"
    assert len(factory.devices) == 2


def test_closing_waits_for_readers(factory: Factory) -> None:
    store, inside, go_on = embedded_store(factory), threading.Event(), threading.Event()

    def read() -> int:
        with store.reading():
            inside.set()
            assert go_on.wait(LONG)
            return len(factory.devices)

    with ThreadPoolExecutor(2) as beside:
        reading = beside.submit(read)
        assert inside.wait(LONG)
        closing = beside.submit(factory.close)
        go_on.set()
        assert reading.result() == 0
        closing.result()
    with pytest.raises(StateError) as caught:
        len(factory.devices)
    assert caught.value.code == "factory-closed"


def test_a_change_is_not_worked_out_of_a_snapshot(factory: Factory) -> None:
    with embedded_store(factory).reading(), pytest.raises(AssertionError, match="newest state"):
        factory.groups.create("late", now=AT)
    assert factory.groups.list() == []


def test_an_error_inside_a_snapshot_ends_it(factory: Factory) -> None:
    store = embedded_store(factory)
    with pytest.raises(NotFoundError, match="device"), store.reading():
        factory.devices.show(device(1))
    factory.devices.import_(devices(1), now=AT)
    assert factory.devices.show(device(1)).uuid == device(1)


def test_errors_leave_no_cursors_behind(factory: Factory) -> None:
    store = embedded_store(factory)
    for _ in range(20):
        with pytest.raises(NotFoundError):
            factory.devices.show(device(1))
        with pytest.raises(RuntimeError), store.reading():
            raise RuntimeError
    connections, _ = store._connections.current or ([], "")
    assert len(connections) <= 3  # the writer, and a cursor or two


def test_alone_waits_for_those_inside_and_lets_a_thread_in_again() -> None:
    exclusion, order = Exclusion(), list[str]()
    inside, go_on = threading.Event(), threading.Event()

    def read() -> None:
        with exclusion.shared():
            inside.set()
            assert go_on.wait(LONG)
            with exclusion.shared():
                order.append("read")

    def alone() -> None:
        with exclusion.alone(), exclusion.shared(), exclusion.alone():
            order.append("alone")

    with ThreadPoolExecutor(2) as beside:
        reading = beside.submit(read)
        assert inside.wait(LONG)
        waiting = beside.submit(alone)
        go_on.set()
        reading.result(LONG)
        waiting.result(LONG)
    assert order == ["read", "alone"]
