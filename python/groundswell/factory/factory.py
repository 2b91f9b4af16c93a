"""A factory: one tenant's fleet, groups, targets and keys, in one directory. What an application embeds."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from groundswell.arguments import checks_arguments
from groundswell.errors import GroundswellError
from groundswell.factory.access.tokens import Tokens
from groundswell.factory.access.users import Users
from groundswell.factory.audit import Audit
from groundswell.factory.context import Context, of_one_process, online_since, seconds
from groundswell.factory.devices.devices import Devices
from groundswell.factory.devices.groups import Groups
from groundswell.factory.internals import Internals
from groundswell.factory.metadata import Metadata
from groundswell.factory.names import check_name, login_or
from groundswell.factory.placing import placed, refuse_taken
from groundswell.factory.settings import Settings
from groundswell.factory.status import FactoryStatus, TagStatus, factory_status, tags_by_wave
from groundswell.factory.trust.first_roots import first_roots
from groundswell.factory.trust.keys import Keys
from groundswell.factory.trust.online_keys import KEYS_FOLDER, OnlineKeyring, remove_retired
from groundswell.factory.trust.targets import Targets
from groundswell.factory.waves.waves import Waves
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD
from groundswell.outputs import check_output, factory_around
from groundswell.store import DuckDBStore, Entry, put, rebuild
from groundswell.values import any_seconds

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from groundswell.factory.backup import Restored
    from groundswell.factory.checks.checks import CheckReport
    from groundswell.factory.compaction import CompactReport

__all__ = ["DEFAULT_WAIT", "Factory"]

DEFAULT_WAIT: Final = timedelta(seconds=10)


@of_one_process
@checks_arguments
class Factory:
    """An open factory. Threads may share it; it is its directory's one owner until it is closed.

    A forked process cannot use it: everything that reaches the factory raises `StateError` ``forked-factory`` there.
    Fleets, selections, lists, plans and results work in any process.

    Made by `create` or `open`; use it in a ``with`` block. What a method has returned from is on the disk.

    >>> import tempfile, pyarrow as pa
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Factory.create(folder.name + "/acme", name="acme") as factory:
    ...     table = pa.table({"uuid": [f"{i:032x}" for i in range(1, 101)], "production": [True] * 100})
    ...     report = factory.devices.import_(table)
    ...     report.new, len(factory.devices.fleet().select(limit="10%"))
    (100, 10)
    >>> folder.cleanup()

    Attributes:
        devices: importing, listing, grouping, deleting devices, and the fleet to select from.
        groups: making, renaming, describing, deleting groups.
        targets: importing, adding, listing, pruning targets.
        keys: offline keys, rotation, what the roots say.
        metadata: what devices are served.
        waves: making waves, rolling them out, following and ending them.
        settings: what holds for all of its clients.
        users: who may use the API.
        tokens: what lets them in, and what each token allows.
        audit: who did what; whether the log is sound.
    """

    def __init__(self, context: Context, shared: Internals, *, owner: bool = True) -> None:
        """Make the views of one user; callers use `create`, `open` or `acting_as`."""
        self.path: Final = context.path
        self._context: Final = context
        self._internals: Final = shared
        self._owner: Final = owner
        self.settings: Final = Settings(context)
        self.users: Final = Users(context)
        self.tokens: Final = Tokens(context)
        self.audit: Final = Audit(context)
        self.groups: Final = Groups(context, shared.fleets, shared.book)
        self.devices: Final = Devices(context, shared.fleets, shared.book, shared.devices_in_state)
        self.targets: Final = Targets(context, shared.ci_roles)
        self.keys: Final = Keys(context, shared.roots, shared.keyring, shared.offline, shared.publisher)
        self.metadata: Final = Metadata(
            context,
            roots=shared.roots,
            publisher=shared.publisher,
            devices=self.devices,
            fleets=shared.fleets,
            ci_roles=shared.ci_roles,
            production=shared.production,
        )
        self.waves: Final = Waves(
            context,
            book=shared.book,
            roots=shared.roots,
            publisher=shared.publisher,
            production=shared.production,
            devices=self.devices,
            targets=self.targets,
            offline=shared.offline,
        )

    @classmethod
    def create(cls, path: str | Path, *, name: str, user: str | None = None, now: datetime | None = None) -> Self:
        """Make a factory: a directory that appears as a whole or not at all, with online keys and the first two roots.

        Args:
            path: the directory; it must not exist, or be empty.
            name: the factory's name: up to 64 letters, digits and ``_ . + -``.
            user: who does it, for the audit log and the roots (default: the login name).
            now: the instant of the first roots (default: now).

        Raises:
            InputError: ``bad-name``.
            StateError: ``factory-exists``, ``folder-not-empty``.
            StorageError: ``cannot-write``.
        """
        check_name("factory", name)
        folder, who, at = Path(path), login_or(user), seconds(now)
        if factory_around(folder.parent) is not None:  # the folder itself is a matter of `refuse_taken`
            check_output(folder)
        refuse_taken(folder)
        with placed(folder, refuse_taken) as fresh:
            changes = [put("meta", [{"key": "name", "value": name}, {"key": "created_at", "value": str(at)}])]
            changes.append(first_roots(OnlineKeyring(fresh / KEYS_FOLDER), at))
            entry = Entry(at, who, "init", f"made the factory {name}", {"name": name})
            DuckDBStore.create(fresh, owner="groundswell init", entry=entry, changes=changes).close()
        return cls.open(folder, user=who)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        user: str | None = None,
        wait: timedelta = DEFAULT_WAIT,
        owner: str = "groundswell",
    ) -> Self:
        """Open a factory, and finish what a crash may have interrupted.

        Where nothing can be written (a read-only disk, another user's directory), it is open for reading.

        Args:
            path: its directory.
            user: who is at work, for the audit log (default: the login name).
            wait: how long to wait for whoever has it open.
            owner: what to call this process to others that wait for it.

        Raises:
            NotFoundError: ``no-factory``.
            StateError: ``factory-in-use``, ``forked-factory``, ``newer-factory``.
            StorageError: ``store-damaged``, ``unsafe-lock``, ``cannot-read``, ``cannot-write``.
        """
        folder = Path(path)
        store = DuckDBStore.open(folder, owner=owner, wait=any_seconds(wait, "wait"))
        try:
            context = Context(store, folder, login_or(user))
            factory = cls(context, Internals.of(context, folder))
            # Where the roots can't be read, the command that needs them says so; what cannot be removed does not keep
            # anybody from reading. `check` tells all of it.
            with contextlib.suppress(GroundswellError):
                if store.read_only is None:
                    parts = factory._internals
                    remove_retired(parts.keyring, parts.roots.root("ci"))
        except BaseException:
            store.close()
            raise
        return factory

    @classmethod
    def restore(
        cls,
        backup: str | Path,
        path: str | Path,
        *,
        last_timestamp_version: int | None = None,
        user: str | None = None,
        now: datetime | None = None,
        accept_clock: bool = False,
    ) -> Restored:
        """Make a factory out of a backup.

        Devices refuse metadata older than what they have seen, and the backup does not know what was served after it
        was made. So the epochs jump: past `last_timestamp_version`, or by a million.

        Args:
            backup: a file that `backup` wrote.
            path: the directory; it must not exist, or be empty.
            last_timestamp_version: the highest version of ``timestamp.json`` that devices have seen, if it is known.
            user: who does it (default: the login name).
            now: the instant of the new metadata (default: now).
            accept_clock: as for `Metadata.refresh`.

        Raises:
            InputError: ``bad-backup``, ``bad-timestamp-version``.
            NotFoundError: ``file-not-found``.
            StateError: ``folder-not-empty``, ``newer-factory``; ``clock-behind`` where `now` is more than a day before
                the newest record in the backup.
            StorageError: ``cannot-write``, ``cannot-read``. ``unsound-backup`` if the audit log in the backup is not
                valid: the factory is made all the same, and needs a look.
        """
        from groundswell.factory.backup import restore_backup

        return restore_backup(
            Path(backup),
            Path(path),
            last_timestamp_version=last_timestamp_version,
            user=login_or(user),
            now=now,
            accept_clock=accept_clock,
        )

    @staticmethod
    def repair(path: str | Path, *, wait: timedelta = DEFAULT_WAIT) -> tuple[int, Path | None]:
        """Rebuild a damaged store from the factory's audit log; what is damaged is kept beside it.

        Returns:
            The revision that was reached, and where the damaged file is now; None if there was none.

        Raises:
            NotFoundError: ``no-factory``.
            StateError: ``factory-in-use``.
            StorageError: ``store-damaged`` where the log itself is damaged; nothing was changed.
        """
        return rebuild(Path(path), owner="groundswell check --repair", wait=any_seconds(wait, "wait"))

    def acting_as(self, user: str) -> Factory:
        """The same open factory for another user, whom the audit log and the metadata name for its changes.

        A view is light: it shares the store, the lock and all caches, so a service makes one for each call. It does not
        own the factory: its `close`, and the end of a ``with`` block, do nothing. It ends with the factory.

        Args:
            user: who is at work; not empty.

        Raises:
            InputError: ``empty-user``.

        Cost: a few objects; nothing is read.

        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with Factory.create(folder.name + "/acme", name="acme", user="root") as factory:
        ...     factory.acting_as("alice").groups.create("canary").created_by
        'alice'
        >>> folder.cleanup()
        """
        return Factory(self._context.acting_as(login_or(user)), self._internals, owner=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._context.store.home.is_here:
            self.close()

    def close(self) -> None:
        """Close the factory, for others to open. A second call does nothing, nor does one on a view of `acting_as`.

        Raises:
            StateError: ``forked-factory``: only the process that opened it can close it. The end of a ``with`` block
                in another process does nothing.
        """
        if self._owner:
            self._context.store.close()

    def __repr__(self) -> str:
        return f"<Factory {self.path}>"

    @property
    def name(self) -> str:
        """The factory's name."""
        return self._context.meta("name")

    @property
    def revision(self) -> int:
        """The number of changes made so far: the last line of the audit log."""
        return self._context.store.revision

    def status(
        self, *, now: datetime | None = None, online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD
    ) -> FactoryStatus:
        """Count devices by tag, group and version, and say what wants attention.

        Args:
            now: the instant that ages are counted to (default: now).
            online_threshold: devices seen within it are online.

        Cost: one pass over the devices.
        """
        parts = self._internals
        return factory_status(self._context, parts.roots, parts.publisher, now=now, online_threshold=online_threshold)

    def tags_by_wave(
        self, *, now: datetime | None = None, online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD
    ) -> tuple[tuple[TagStatus, ...], tuple[TagStatus, ...]]:
        """Count production devices by tag: those outside of active waves, and those that one covers.

        Args:
            now: the instant that ages are counted to (default: now).
            online_threshold: devices seen within it are online.

        Returns:
            The tags of the devices outside; the tags of the covered ones. Each device is counted once.

        Cost: a few passes over the columns of the fleet.
        """
        at, parts = seconds(now), self._internals
        with self._context.store.reading():
            active = {wave.tag: parts.book.core(wave) for wave in parts.book.all() if wave.active}
            fleet = self.devices.fleet(now=now).core
            since = online_since(at, online_threshold)
            return tags_by_wave(parts.publisher, fleet, active, seen_since=since)

    def backup(self, path: str | Path | IO[bytes], *, now: datetime | None = None) -> int:
        """Write the whole factory to one file, readable by its owner only: it holds the online keys.

        Args:
            path: the file, not inside a factory; or a binary stream, which is written to from where it is.
            now: the instant of the backup (default: now).

        Returns:
            The size of the file in bytes.

        Raises:
            InputError: ``backup-inside``; ``would-overwrite`` for a file of keys, a database or an audit log.
            StorageError: ``cannot-write``, ``cannot-read``; an old file of that name is as it was. ``unsound-backup``
                if the audit log is not valid: then a new file is written, and an old one is left as it is.
        """
        from groundswell.factory.backup import write_backup

        return write_backup(self._context, Path(path) if isinstance(path, str) else path, now=now)

    def compact(self, *, now: datetime | None = None) -> CompactReport:
        """Write a checkpoint of the audit log, and remove the rows of older changes.

        The entries of the log (who, when, what, and the digest of the rows) stay for ever, and so does their chain.
        The rows are replaced by two snapshots of all tables, each read back from the disk before any row is removed.
        So `repair` still works if one of them is damaged. A factory does this by itself when the rows take more than
        twice the space of its database, and more than 8 MiB.

        Args:
            now: the instant of the entries (default: now).

        Raises:
            StorageError: ``cannot-write``, ``cannot-read``; ``store-damaged`` if the tables are not what the log says.
                No row was removed.

        Cost: that of replaying what was changed since the last checkpoint, and of writing all tables twice.

        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with Factory.create(folder.name + "/acme", name="acme") as factory:
        ...     report = factory.compact()
        ...     report.snapshots, report.payload_bytes
        (('00000001.snapshot', '00000002.snapshot'), 0)
        >>> folder.cleanup()
        """
        from groundswell.factory.compaction import compact_factory

        return compact_factory(self._context, now=now)

    def check(self, *, now: datetime | None = None) -> CheckReport:
        """Prove that the factory is what its rules say: its rows, waves, keys, what it serves, and its audit log.

        Returns:
            What each check found. If there are faults, checks that could not be made say so beside them.

        Raises:
            StorageError: ``could-not-check`` if no fault was found, but not everything could be looked at: a full
                disk, no permission, too little memory. That says nothing about the factory.

        Cost: reads everything, and replays what was changed since the newest checkpoint.
        """
        from groundswell.factory.checks.checks import check_factory

        parts = self._internals
        report = check_factory(self._context, parts.roots, parts.keyring, parts.publisher, parts.wave_checks, now=now)
        report.require_complete()
        return report
