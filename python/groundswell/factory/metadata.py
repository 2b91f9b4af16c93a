"""What devices are served: exported to a directory, renewed, and told."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, NotFoundError, StorageError
from groundswell.factory.clock import ACCEPTED_CLOCK
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.trust.expiries import RENEW_BELOW, remedy_for
from groundswell.factory.trust.publisher import TARGETS_LIFE, Publication, Served
from groundswell.factory.trust.roots import REPOSITORIES
from groundswell.files import LEFTOVER
from groundswell.outputs import check_output, output_file
from groundswell.store import put
from groundswell.text import Notice, count
from groundswell.tuf import parse_document
from groundswell.tuf.documents import format_instant
from groundswell.values import instant

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.factory.devices.devices import Device, Devices
    from groundswell.factory.devices.fleet_loader import FleetCache
    from groundswell.factory.trust.ci_roles import CiRoles
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Repository, Roots
    from groundswell.factory.waves.serving import Production
    from groundswell.store import Change

__all__ = ["Exported", "Metadata", "Renewed"]

_TARGETS_RENEW_BELOW: Final = TARGETS_LIFE / 2
_ROLE_FILES: Final = ("targets.json", "snapshot.json", "timestamp.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written for a device.

    Args:
        device: the device.
        repository: whose metadata it is served: ``ci`` or ``production``.
        roots: how many links the root chain has.
        publication: the other three roles; None if the device is served none (404).
        why_none: why it is served none, as a sentence.
        directory: where the files are.
        warnings: sentences about what has expired in it, and about a clock that is behind.
    """

    device: Device
    repository: Repository
    roots: int
    publication: Publication | None
    why_none: str | None
    directory: Path
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What a renewal came to.

    Args:
        epochs: the new epoch of each repository that has something to serve.
        publications: how many sets of documents were signed.
        targets_roles: how many CI targets roles were signed anew, since they would have expired.
    """

    epochs: dict[str, int]
    publications: int
    targets_roles: int


@of_one_process
@checks_arguments
class Metadata:
    """``factory.metadata``."""

    def __init__(
        self,
        context: Context,
        *,
        roots: Roots,
        publisher: Publisher,
        devices: Devices,
        fleets: FleetCache,
        ci_roles: CiRoles,
        production: Production,
    ) -> None:
        self._context: Final = context
        self._roots: Final = roots
        self._publisher: Final = publisher
        self._devices: Final = devices
        self._fleets: Final = fleets
        self._ci_roles: Final = ci_roles
        self._production: Final = production

    def _served(self, device: Device) -> tuple[Repository, Publication | None]:
        """What a device is served now, of what its tag has: CI targets, a wave's targets, production targets, nothing.

        Source: domain.md, "Which metadata a device is served".
        """
        repository: Repository = "production" if device.production else "ci"
        with self._context.store.reading():
            wanted = self._production.served_to(UUID(device.uuid).bytes, self._fleets.fleet())
            found = self._publisher.publications(repository)
        return repository, next((one for one in found if (repository, one.tag, one.variant) == wanted), None)

    def root(self, repository: Repository, version: int | None = None) -> bytes:
        """A root as it is served.

        Args:
            repository: ``ci`` or ``production``.
            version: its version; None for the latest.

        Raises:
            NotFoundError: ``unknown-root`` past the end of the chain.
        """
        if version is None:
            return self._roots.latest(repository).raw
        chain = self._roots.chain(repository)
        if not 1 <= version <= len(chain):
            raise NotFoundError(
                "unknown-root",
                f"the {repository} root has no version {version}",
                hint=f"its versions are 1 to {len(chain)}",
                fields={"repository": repository, "version": version, "latest": len(chain)},
            )
        return chain[version - 1]

    def export(self, device: str, directory: str | Path, *, now: datetime | None = None) -> Exported:
        """Write what a device is served now: its root chain, and timestamp, snapshot and targets.

        Files of an earlier export that are served no more are removed; other files in the directory make it refused.
        What has less than half of its life left is signed anew first, for all devices, in one transaction.

        Args:
            device: its uuid or name.
            directory: made if it does not exist.
            now: the instant (default: now).

        Raises:
            NotFoundError: ``unknown-device``.
            InputError: ``foreign-files``, ``not-a-folder``.
            StorageError: ``cannot-write``.
        """
        at, folder = seconds(now), Path(directory)
        not_renewed: tuple[str, ...] = ()
        with self._context.store.changing():
            found = self._devices.show(device)
            _check_folder(folder)
            repository, publication = self._served(found)
            if publication is not None and publication.expiries()["timestamp"] - instant(at) < RENEW_BELOW:
                not_renewed = self._refresh_for_export(now)
                repository, publication = self._served(found)
            chain = self._roots.chain(repository)
        documents = {f"{number}.root.json": link for number, link in enumerate(chain, start=1)}
        if publication is not None:
            documents |= {
                "targets.json": publication.targets,
                "snapshot.json": publication.snapshot,
                "timestamp.json": publication.timestamp,
            }
        _write_folder(folder, documents)
        return Exported(
            device=found,
            repository=repository,
            roots=len(chain),
            publication=publication,
            why_none=None if publication is not None else _why_none(found, repository),
            directory=folder,
            warnings=(*not_renewed, *self._export_warnings(repository, publication, at)),
        )

    def _refresh_for_export(self, now: datetime | None) -> tuple[str, ...]:
        """Sign anew what an export is made of; where nothing can be written, a sentence that says so."""
        try:
            self.refresh(now=now)
        except StorageError as error:
            if error.code != "cannot-write":
                raise
            return (f"what is served is past half of its life and cannot be signed anew: {error.message}",)
        return ()

    def _export_warnings(self, repository: Repository, publication: Publication | None, at: int) -> tuple[str, ...]:
        behind = self._context.clock.warning(at)
        expiries = {"root": self._roots.latest(repository).expires}
        expiries |= {} if publication is None else publication.expiries()
        warnings: list[str] = [] if behind is None else [behind]
        for role, expires in expiries.items():
            if expires <= instant(at):
                code, remedy = remedy_for(repository, role)
                what = f"the {repository} {role} expired {format_instant(expires)}, so that devices refuse it"
                warnings.append(Notice(code, what, remedy))
        return tuple(warnings)

    def refresh(self, *, now: datetime | None = None, accept_clock: bool = False) -> Renewed:
        """Sign snapshots and timestamps anew, with a new epoch, and CI targets roles past half of their life.

        Where no service runs, do this at least once a week: timestamps live for seven days.

        Args:
            now: the instant of the new documents (default: now).
            accept_clock: take `now` for the present although records are newer; they count no longer. The audit log
                says so.

        Raises:
            StateError: ``clock-behind`` where `now` is more than a day before the newest record.
            TrustError: ``online-key-missing``.
        """
        at = seconds(now) if accept_clock else self._context.signing_seconds(now)
        when = instant(at)
        with self._context.store.changing():
            renewed = self._ci_roles.renewed(when, due_before=when + _TARGETS_RENEW_BELOW)
            changes: list[Change] = []
            if renewed:
                rows = [
                    {
                        "repository": "ci",
                        "tag": tag,
                        "role_version": parse_document(role, "Targets", "a CI role").version,
                        "document": role,
                    }
                    for tag, role in renewed.items()
                ]
                changes.append(put("targets_roles", rows))
            epochs: dict[str, int] = {}
            signed = 0
            for repository in REPOSITORIES:
                served = self._publisher.served(repository)
                if repository == "ci":
                    served = [Served(one.tag, one.variant, renewed.get(one.tag, one.targets)) for one in served]
                if not served:
                    continue
                changes += self._publisher.publish(
                    repository, served, self._roots.root(repository), now=when, accept_clock=accept_clock
                )
                epochs[repository] = self._publisher.epoch(repository) + 1
                signed += len(served)
            if changes or accept_clock:
                summary = f"signed {count(signed, 'set')} of metadata anew"
                details: dict[str, object] = {"epochs": epochs}
                if accept_clock:
                    summary += "; accepted the clock"
                    details[ACCEPTED_CLOCK] = True
                self._context.commit("metadata refresh", summary, changes, at=at, details=details)
            return Renewed(epochs=epochs, publications=signed, targets_roles=len(renewed))


def _why_none(device: Device, repository: Repository) -> str:
    if device.tag is None:
        return "the device has no tag"
    what = "production targets, and no wave covers the device" if repository == "production" else "CI targets"
    return f"the tag {device.tag} has no {what}"


def _is_ours(name: str) -> bool:
    leftover = LEFTOVER.fullmatch(name)
    if leftover:  # of an export that a crash cut off
        name = leftover["name"]
    number, _, rest = name.partition(".")
    return name in _ROLE_FILES or (rest == "root.json" and number.isdecimal())


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        check_output(folder)
        return
    if not folder.is_dir():
        raise InputError("not-a-folder", f"`{folder}` is a file", hint="name a folder", fields={"path": str(folder)})
    foreign = sorted(path.name for path in folder.iterdir() if not _is_ours(path.name))
    if foreign:
        raise InputError(
            "foreign-files",
            f"`{folder}` holds other files than metadata, such as `{foreign[0]}`",
            hint="name a folder that is empty or does not exist",
            fields={"path": str(folder), "files": foreign[:100]},
        )
    check_output(folder)


def _write_folder(folder: Path, documents: dict[str, bytes]) -> None:
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        _fill(folder, documents)
    except BaseException:
        # Folders that hold nothing go again, the innermost first.
        for one in made:
            with contextlib.suppress(OSError):
                one.rmdir()
        raise


def _fill(folder: Path, documents: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The timestamp vouches for the rest, so it comes last.
        for name, data in documents.items():
            with output_file(folder / name) as file:
                file.write(data)
        for path in folder.iterdir():
            if _is_ours(path.name) and path.name not in documents:
                path.unlink()
    except OSError as error:
        raise StorageError(
            "cannot-write",
            f"`{folder}` cannot be written: {error.strerror or error}",
            hint="free space, get permission, or name another folder",
            fields={"path": str(folder), "reason": error.strerror or str(error)},
        ) from error
