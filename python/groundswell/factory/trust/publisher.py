"""Publishing: which documents are served now, signed as sets that belong together.

All snapshots and timestamps of a repository carry one number, its epoch, whatever their tag. So a device can move from
any tag or variant to any other and never sees a version fall. The epoch grows with everything that is published, and is
stored in the transaction that stores the documents that carry it.

Source: wire.md 3.8, 3.9.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from groundswell.errors import StateError
from groundswell.store import Change, put, remove, set_cells
from groundswell.tuf import Document, assemble, parse_document, sign
from groundswell.tuf.canonical import canonical
from groundswell.tuf.documents import MAX_VERSION
from groundswell.tuf.roles import snapshot, targets, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from groundswell.factory.context import Context
    from groundswell.factory.trust.online_keys import OnlineKeyring
    from groundswell.factory.trust.roots import Repository
    from groundswell.tuf import Root
    from groundswell.tuf.root import RoleName
    from groundswell.tuf.signers import Signer
    from groundswell.waves.records import Wave

__all__ = ["TAG_VARIANT", "TARGETS_LIFE", "Publication", "Publisher", "Served", "check_size", "variant_of"]

TAG_VARIANT: Final = "tag"
"""The variant of documents that are a tag's own, not those of a wave."""

TARGETS_LIFE: Final = timedelta(days=365)
_SNAPSHOT_LIFE: Final = timedelta(days=365)
_TIMESTAMP_LIFE: Final = timedelta(days=7)
_MAX_TARGETS: Final = 5_000_000


def variant_of(wave: Wave) -> str:
    """The variant of the documents of a wave among those of its tag."""
    return f"wave {wave.name}"


class Served(NamedTuple):
    """A targets document that some devices are served."""

    tag: str
    variant: str
    targets: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """A set of documents that belong together, as they are served."""

    repository: Repository
    tag: str
    variant: str
    epoch: int
    targets: bytes
    snapshot: bytes
    timestamp: bytes

    def expiries(self) -> dict[str, datetime]:
        """When each document ceases to be valid."""
        return {
            "targets": parse_document(self.targets, "Targets", "targets.json").expires,
            "snapshot": parse_document(self.snapshot, "Snapshot", "snapshot.json").expires,
            "timestamp": parse_document(self.timestamp, "Timestamp", "timestamp.json").expires,
        }


class Publisher:
    """Reads what is served, and signs what will be."""

    def __init__(self, context: Context, keyring: OnlineKeyring) -> None:
        self._context: Final = context
        self._keyring: Final = keyring

    def publications(self, repository: Repository) -> list[Publication]:
        """What is served now, by tag and variant."""
        return [Publication(repository, *row) for row in self._context.store.trust.publications(repository)]

    def served(self, repository: Repository) -> list[Served]:
        """The targets documents that are served now."""
        found = self._context.store.trust.served_targets(repository)
        return [Served(tag, variant, targets) for (tag, variant), targets in found.items()]

    def epoch(self, repository: Repository) -> int:
        """The number that the documents which are served now carry; 0 if nothing ever was."""
        return int(self._context.meta(f"epoch_{repository}", "0"))

    def publish(
        self,
        repository: Repository,
        served: Sequence[Served],
        root: Root,
        *,
        now: datetime,
        epoch: int | None = None,
        accept_clock: bool = False,
    ) -> list[Change]:
        """Sign the documents of a new epoch, of all that is to be served.

        Args:
            repository: whose.
            served: all targets documents that some devices are served from now on.
            root: the latest root, whose online keys sign.
            now: the instant that lives are counted from.
            epoch: the new epoch (default: the one after the last).
            accept_clock: whether `now` may be before the newest record.

        Returns:
            The changes that make it so.

        Raises:
            StateError: ``clock-behind``, ``epoch-exhausted``, ``role-too-large``.
            TrustError: ``online-key-missing``.
        """
        if not accept_clock:
            self._context.signing_seconds(now)
        for one in served:
            check_size(f"the targets role of tag {one.tag}", one.targets, _MAX_TARGETS, "prune old target versions")
        epoch = epoch or self.epoch(repository) + 1
        if epoch > MAX_VERSION:
            raise StateError(
                "epoch-exhausted",
                f"the epoch `{epoch}` is beyond what every device agent can count",
                hint="one a second lasts 68 years: was a restored factory given a wrong timestamp version?",
                fields={"epoch": epoch, "largest": MAX_VERSION},
            )
        signers = {role: self.signer(root, role) for role in _ONLINE}
        before = self._context.store.trust.served_targets(repository)
        rows, resigned = [], []
        for one in served:
            row = {"repository": repository, "tag": one.tag, "variant": one.variant, "epoch": epoch}
            row |= _documents(one.targets, epoch, signers, now)
            # Targets that are served already are large, and stay as they are.
            if before.get((one.tag, one.variant)) == one.targets:
                resigned.append(row)
            else:
                rows.append(row | {"targets": one.targets})
        kept = {(one.tag, one.variant) for one in served}
        gone = [
            {"repository": repository, "tag": tag, "variant": variant}
            for tag, variant in before
            if (tag, variant) not in kept
        ]
        changes = [put("meta", [{"key": f"epoch_{repository}", "value": str(epoch)}])]
        if gone:
            changes.append(remove("publications", gone))
        if resigned:
            changes.append(set_cells("publications", resigned))
        if rows:
            changes.append(put("publications", rows))
        return changes

    def signer(self, root: Root, role: RoleName) -> Signer:
        """The signer of the online key of a role.

        Raises:
            TrustError: ``online-key-missing``.
        """
        return self._keyring.signer(self._keyring.own_key(root.keys_of(role)))

    def targets_role(self, documents: Mapping[str, Any], role_version: int, root: Root, *, now: datetime) -> bytes:
        """A CI targets role, signed by the online key."""
        signed = canonical(targets(documents, version=role_version, expires=now + TARGETS_LIFE))
        return assemble(signed, [sign(self.signer(root, "targets"), signed)])


def check_size(what: str, document: bytes, most: int, remedy: str) -> None:
    """Refuse a document that is larger than every device agent reads.

    Raises:
        StateError: ``role-too-large``.

    Source: wire.md 3.6.
    """
    if len(document) > most:
        raise StateError(
            "role-too-large",
            f"{what} would have {len(document)} bytes, and `{most}` is the most that every device agent reads",
            hint=f"nothing was changed; {remedy}",
            fields={"bytes": len(document), "most": most},
        )


_ONLINE: Final[tuple[RoleName, ...]] = ("snapshot", "timestamp")


def _documents(targets: bytes, epoch: int, signers: Mapping[RoleName, Signer], now: datetime) -> dict[str, bytes]:
    document: Document = parse_document(targets, "Targets", "targets.json")
    said = canonical(snapshot(targets, document.version, version=epoch, expires=now + _SNAPSHOT_LIFE))
    snapshot_bytes = assemble(said, [sign(signers["snapshot"], said)])
    said = canonical(timestamp(snapshot_bytes, epoch, version=epoch, expires=now + _TIMESTAMP_LIFE))
    return {"snapshot": snapshot_bytes, "timestamp": assemble(said, [sign(signers["timestamp"], said)])}
