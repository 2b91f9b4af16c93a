"""A factory's devices are what domain.md makes of any history of imports, group changes and deletions.

A state machine runs random commands on a factory and on `reference_registry`, which states the rules in plain
dictionaries, and compares everything after each step: devices, groups, ordinals, the fleet's sets, counts and refusals.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import groundswell
from groundswell.errors import GroundswellError
from groundswell.factory import Factory
from reference.registry import COLUMNS, DAY, Outcome, RefusedError, Registry, Row
from support import factories, profiles
from support.factories import ALL_COLUMNS, KINDS, NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from groundswell.factory import ImportReport

UUIDS = [UUID(int=number << shift) for number in range(1, 7) for shift in (0, 96)]
GROUPS = ("alpha", "Beta-2", "g.3_x+", "delta")
TAGS = ("main", "beta", "42")
NAMES = ("one", "two", 'the "third", of\nfour', "Größe ☃ 日本", " blanks ", "NULL", "'; DROP TABLE devices", "0")
AGES = (10 * DAY, 5 * DAY + 1, 100, 100, 1, 0, -3600)

_devices = st.sampled_from(UUIDS)
_groups = st.sampled_from(GROUPS)
_seen = st.one_of(st.none(), st.sampled_from(AGES))


@st.composite
def _rows(draw: st.DrawFn) -> list[tuple[Row, int | None]]:
    """Rows, and the age of each; a few uuids stand twice, seldom with different data, and seldom is a cell bad."""
    uuids = draw(st.lists(_devices, min_size=1, max_size=8, unique=True))
    spoilt = draw(st.sampled_from((None,) * 9 + ("group", "tag", "production", "last_seen", "target_version")))
    rows = []
    for uuid in uuids:
        row = Row(
            uuid,
            name=draw(st.one_of(st.none(), st.sampled_from(NAMES))),
            group=draw(st.one_of(st.none(), _groups)),
            tag=draw(st.one_of(st.none(), st.sampled_from(TAGS))),
            production=draw(st.sampled_from((None, None, uuid.int % 4 > 0, uuid.int % 4 > 0, True, False))),
            target_version=draw(st.one_of(st.none(), st.integers(40, 43), st.just(2**31 - 1), st.just(0))),
            hardware_id=draw(st.sampled_from((None, "pi", 'a "b", c'))),
        )
        rows.append((row, draw(_seen)))
    if spoilt and draw(st.booleans()):
        at = draw(st.integers(0, len(rows) - 1))
        rows[at] = (replace(rows[at][0], bad=spoilt), rows[at][1])
    if draw(st.integers(0, 3)) == 0:
        rows.append(rows[draw(st.integers(0, len(rows) - 1))])
    if draw(st.integers(0, 9)) == 0:
        rows.append((replace(rows[0][0], name="another name", production=rows[0][0].production), rows[0][1]))
    return rows


@st.composite
def _files(draw: st.DrawFn) -> tuple[list[tuple[Row, int | None]], tuple[str, ...], str]:
    """Rows, the columns that the file has, and its kind."""
    rows = draw(_rows())
    columns = tuple(column for column in ALL_COLUMNS if draw(st.integers(0, 4)) > 0)
    rows = [(_only(row, columns), age if "last_seen" in columns else None) for row, age in rows]
    return rows, columns, draw(st.sampled_from(KINDS))


def _only(row: Row, columns: Sequence[str]) -> Row:
    """The row as a file without the other columns says it."""
    absent: dict[str, Any] = {column: None for column in COLUMNS if column not in columns}
    return replace(row, **absent, bad=row.bad if row.bad in columns else None)


@functools.cache
def _original() -> Path:
    return factories.make(Path(tempfile.mkdtemp(prefix="groundswell-imports-")))


class Imports(RuleBasedStateMachine):
    """A factory beside the reference."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="groundswell-imports-"))
        self.factory = factories.opened(_original(), self.folder)
        self.model = Registry()
        self.now = NOW
        self.files = 0
        self.last: tuple[list[list[Row]], list[Path], tuple[str, ...], bool] | None = None

    def teardown(self) -> None:
        if hasattr(self, "factory"):
            self.factory.close()
            shutil.rmtree(self.folder)

    # --- commands

    @rule(file=_files(), clear=st.sets(st.sampled_from(("name", "group", "tag", "last_seen", "target_version"))))
    def import_one(self, file: Any, clear: set[str]) -> None:
        self._import([file], tuple(sorted(clear)), rejects=False)

    @rule(file=_files())
    def import_setting_bad_rows_aside(self, file: Any) -> None:
        self._import([file], (), rejects=True)

    @rule(files=st.lists(_files(), min_size=2, max_size=3))
    def import_several_as_one(self, files: list[Any]) -> None:
        self._import(files, (), rejects=False)

    @precondition(lambda self: self.last is not None)
    @rule()
    def import_the_same_again(self) -> None:
        assert self.last is not None
        rows, paths, clear, rejects = self.last
        self._compare_import(rows, paths, clear, rejects=rejects, lines=None)

    @rule(seconds=st.sampled_from((1, 3600, DAY)))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds

    @rule(name=_groups)
    def create_group(self, name: str) -> None:
        self._both(lambda: self.factory.groups.create(name, now=self._at()), lambda: self.model.create_group(name))

    @rule(name=_groups, new=_groups)
    def rename_group(self, name: str, new: str) -> None:
        self._both(
            lambda: self.factory.groups.rename(name, new, now=self._at()), lambda: self.model.rename_group(name, new)
        )

    @rule(name=_groups, ungroup=st.booleans())
    def delete_group(self, *, name: str, ungroup: bool) -> None:
        self._both(
            lambda: self.factory.groups.delete(name, ungroup=ungroup, now=self._at()),
            lambda: self.model.delete_group(name, ungroup=ungroup),
        )

    @rule(uuids=st.lists(_devices, min_size=1, max_size=4), group=st.one_of(st.none(), _groups))
    def assign(self, uuids: list[UUID], group: str | None) -> None:
        self._both(
            lambda: self.factory.devices.assign(uuids, group, now=self._at()), lambda: self.model.assign(uuids, group)
        )

    @precondition(lambda self: self.model.devices)
    @rule(chance=st.randoms(use_true_random=False), group=st.one_of(st.none(), _groups))
    def assign_known(self, chance: Any, group: str | None) -> None:
        self.assign(self._some(chance), group)

    @rule(uuids=st.lists(_devices, min_size=1, max_size=3))
    def delete(self, uuids: list[UUID]) -> None:
        self._both(lambda: self.factory.devices.delete(uuids, now=self._at()), lambda: self.model.delete(uuids))

    @precondition(lambda self: self.model.devices)
    @rule(chance=st.randoms(use_true_random=False))
    def delete_known(self, chance: Any) -> None:
        self.delete(self._some(chance))

    @rule(uuids=st.lists(_devices, min_size=1, max_size=3))
    def allow(self, uuids: list[UUID]) -> None:
        self._both(lambda: self.factory.devices.allow(uuids, now=self._at()), lambda: self.model.allow(uuids))

    @precondition(lambda self: self.model.names)
    @rule(chance=st.randoms(use_true_random=False))
    def allow_deleted(self, chance: Any) -> None:
        self.allow([chance.choice(sorted(self.model.names)) for _ in range(chance.randint(1, 3))])

    @rule()
    def reopen(self) -> None:
        revision = self.factory.revision
        self.factory.close()
        self.factory = Factory.open(self.folder / "acme")
        assert self.factory.revision == revision

    @rule()
    def back_up_and_restore(self) -> None:
        backup, restored = self.folder / "backup", self.folder / "restored"
        self.factory.backup(backup)
        self.factory.close()
        Factory.restore(backup, restored, now=self._at())
        shutil.rmtree(self.folder / "acme")
        restored.rename(self.folder / "acme")
        self.factory = Factory.open(self.folder / "acme")

    def _some(self, chance: Any) -> list[UUID]:
        return [chance.choice(sorted(self.model.devices)) for _ in range(chance.randint(1, 3))]

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self.now, tz=UTC)

    # --- comparing what a command comes to

    def _both(self, ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
        before = self.factory.revision
        expected, refused = attempt(theirs)
        if refused is not None:
            with pytest.raises(GroundswellError) as caught:
                ours()
            assert caught.value.code == refused.code
            if refused.code in {"unknown-devices", "not-denied"}:
                named = caught.value.fields[refused.code.removesuffix("-devices").replace("-", "_")]
                assert named == [str(uuid) for uuid in refused.about]
            assert self.factory.revision == before
            return
        found = ours()
        if isinstance(expected, int):
            assert found == expected
            assert self.factory.revision == before + (expected > 0)

    def _import(self, files: list[Any], clear: tuple[str, ...], *, rejects: bool) -> None:
        rows: list[list[Row]] = []
        paths: list[Path] = []
        lines: list[list[int] | None] = []
        for drawn, columns, kind in files:
            rows.append([replace(row, last_seen=None if age is None else self.now - age) for row, age in drawn])
            self.files += 1
            written = factories.write_rows(self.folder, f"devices-{self.files}", rows[-1], columns, kind)
            paths.append(written.path)
            lines.append(written.lines)
        self.last = rows, paths, clear, rejects
        self._compare_import(rows, paths, clear, rejects=rejects, lines=lines)

    def _compare_import(
        self,
        rows: list[list[Row]],
        paths: list[Path],
        clear: tuple[str, ...],
        *,
        rejects: bool,
        lines: list[list[int] | None] | None,
    ) -> None:
        before = self.factory.revision
        set_aside = self.folder / "rejects.csv"

        def ours(*, dry_run: bool) -> ImportReport:
            return self.factory.devices.import_(
                *paths, clear=clear, rejects=set_aside if rejects else None, now=self._at(), dry_run=dry_run
            )

        trial = replace(
            self.model,
            devices=dict(self.model.devices),
            ordinals=list(self.model.ordinals),
            groups=dict(self.model.groups),
            names=dict(self.model.names),
            allowed=set(self.model.allowed),
        )
        expected, refused = attempt(lambda: trial.import_files(rows, now=self.now, clear=clear, rejects=rejects))
        if refused is not None:
            with pytest.raises(GroundswellError) as caught:
                ours(dry_run=False)
            self._compare_refusal(caught.value, refused, rows, lines)
            assert self.factory.revision == before
            return
        tried = ours(dry_run=True)
        assert outcome(tried) == replace(expected, confirmed=False)
        assert len(tried.denied_devices) == tried.denied
        assert {(UUID(one.uuid), one.name) for one in tried.denied_devices} <= set(self.model.denied)
        assert self.factory.revision == before
        self.everything_is_as_the_reference_says()
        done = ours(dry_run=False)
        assert done == replace(tried, dry_run=False)
        # An import that changes nothing leaves no line in the audit log.
        assert self.factory.revision == before + (expected.unchanged < expected.devices or expected.confirmed)
        self.model = trial

    def _compare_refusal(
        self,
        error: GroundswellError,
        refused: RefusedError,
        rows: list[list[Row]],
        lines: list[list[int] | None] | None,
    ) -> None:
        assert error.code == refused.code
        if refused.code == "bad-rows" and lines is not None:
            # The first file with bad rows is the one that is told of.
            file = next(at for at, one in enumerate(rows) if self.model.faults(one, now=self.now))
            if (places := lines[file]) is not None:
                wanted = {(places[row], column) for row, column in refused.about.items()}
                assert {(bad["line"], bad["column"]) for bad in error.fields["bad"]} >= wanted
                assert {bad["line"] for bad in error.fields["bad"]} == {line for line, _ in wanted}
        elif refused.code == "repeated-uuid":
            assert UUID(error.fields["repeated"][0]["uuid"]) in refused.about

    # --- comparing everything

    @invariant()
    def everything_is_as_the_reference_says(self) -> None:
        if not hasattr(self, "factory"):
            return
        known = self.model.devices
        page = self.factory.devices.list(limit=1000)
        assert page.total == len(page.devices) == len(self.factory.devices) == len(known)
        assert {UUID(one.uuid): one.ordinal for one in page.devices} == {
            uuid: ordinal for ordinal, uuid in enumerate(self.model.ordinals) if uuid in known
        }
        for one in page.devices:
            says = {column: getattr(one, column) for column in COLUMNS}
            says["last_seen"] = None if one.last_seen is None else int(one.last_seen.timestamp())
            assert says == {column: getattr(known[UUID(one.uuid)], column) for column in COLUMNS}
        assert [(UUID(one.uuid), one.name) for one in self.factory.devices.denied()] == self.model.denied
        counts = {group.name: (group.devices, group.production_devices) for group in self.factory.groups.list()}
        assert counts == {
            name: (
                len(self.model.members(name)),
                sum(known[uuid].production for uuid in self.model.members(name)),
            )
            for name in self.model.groups
        }
        assert {group.name: group.group_id for group in self.factory.groups.list()} == self.model.groups
        self._compare_fleet()

    def _compare_fleet(self) -> None:
        fleet, known = self.factory.devices.fleet(now=self._at()), self.model.devices
        assert len(fleet) == len(known)
        assert fleet.production_devices == sum(one.production for one in known.values())
        assert fleet.target_versions == tally(one.target_version for one in known.values())
        assert {group: n for group, n in fleet.groups.items() if n} == tally(one.group for one in known.values())
        assert set(fleet.groups) == set(self.model.groups)
        assert {tag: n for tag, n in fleet.tags.items() if n} == tally(one.tag for one in known.values())
        assert fleet.ordinals(self.model.ordinals).tolist() == [
            at if uuid in known else groundswell._core.NO_ORDINAL for at, uuid in enumerate(self.model.ordinals)
        ]
        wanted: list[dict[str, Any]] = [{"group": group} for group in self.model.groups]
        wanted += [{"tag": tag} for tag in {one.tag for one in known.values()} - {None}]
        for selector in wanted:
            ((column, value),) = selector.items()
            picked = fleet.select(**selector, now=self._at(), include_test=True)
            assert {UUID(uuid) for uuid in picked.uuids} == {
                uuid for uuid, one in known.items() if getattr(one, column) == value
            }


def attempt(command: Callable[[], Any]) -> tuple[Any, RefusedError | None]:
    """What the reference answers, or why it refuses."""
    try:
        return command(), None
    except RefusedError as refused:
        return None, refused


def outcome(report: ImportReport) -> Outcome:
    return Outcome(**{name: getattr(report, name) for name in asdict(Outcome()) if name != "confirmed"})


def tally(values: Any) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for value in values:
        if value is not None:
            found[value] = found.get(value, 0) + 1
    return found


def test_a_factory_has_the_devices_that_the_reference_has() -> None:
    run_state_machine_as_test(
        Imports,
        settings=settings(
            max_examples=profiles.examples(25),
            stateful_step_count=20,
            deadline=None,
            # Each step writes, reads and syncs files: slow on a busy machine, and no sign of anything.
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
