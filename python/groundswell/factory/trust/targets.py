"""The targets of a factory: what may be installed, and the CI roles that test devices see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, NotFoundError, StateError
from groundswell.factory.context import Context, of_one_process, refuse_own_database, seconds
from groundswell.factory.devices.tag_facts import require_tag
from groundswell.factory.names import check_name, storable
from groundswell.ingest.cells import cropped
from groundswell.store import put, remove
from groundswell.text import MAX_NAMED, count, joined, named
from groundswell.tuf import parse_document
from groundswell.tuf.canonical import canonical, parse
from groundswell.tuf.targets import Target, read_targets, read_targets_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from groundswell.factory.trust.ci_roles import CiRoles
    from groundswell.store import Change

    Changes = list[Change]  # inside `Targets`, `list` is a method

__all__ = ["ProductionRole", "Targets", "TargetsReport"]

_CI: Final = "ci"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsReport:
    """What an import of targets came to.

    Args:
        added: names of new targets.
        retagged: names of known targets whose tags changed, or the date of that (``updatedAt``).
        unchanged: names of targets that were known just so.
        foreign_signatures: signatures of others, which were dropped: the factory signs with its own key.
        notes: sentences for a person.
    """

    added: tuple[str, ...]
    retagged: tuple[str, ...]
    unchanged: tuple[str, ...]
    foreign_signatures: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionRole:
    """The production targets of a tag.

    Args:
        tag: the tag.
        role_version: the version of the role.
        expires: when it expires.
        targets: its targets, by version and name.
        document: the role as it is served.
    """

    tag: str
    role_version: int
    expires: datetime
    targets: tuple[Target, ...]
    document: bytes


@of_one_process
@checks_arguments
class Targets:
    """``factory.targets``."""

    def __init__(self, context: Context, ci_roles: CiRoles) -> None:
        self._context: Final = context
        self._ci_roles: Final = ci_roles

    def list(self, *, tag: str | None = None) -> Sequence[Target]:
        """The CI targets, by version and name.

        Args:
            tag: only targets that carry this tag.

        Raises:
            NotFoundError: ``unknown-tag`` for a tag that no device, target or wave has.
        """
        if tag is not None:
            require_tag(self._context.store, tag)
        found = []
        for row in self._context.store.trust.ci_targets():
            name, document = row["name"], parse(bytes(row["document"]), row["name"])
            tags = tuple(document["custom"].get("tags", ()))
            found.append(Target(name, row["target_version"], row["hardware_id"], tags, document))
        return [target for target in found if tag is None or tag in target.tags]

    def show(self, target_version: int) -> Sequence[Target]:
        """The CI targets of one version, one for each hardware.

        Raises:
            NotFoundError: ``unknown-version``, with the nearest versions.
        """
        every = self.list()
        found = [target for target in every if target.target_version == target_version]
        if not found:
            raise _unknown_versions([target_version], every)
        return found

    def list_production(self, tag: str) -> ProductionRole:
        """The production targets of a tag.

        Raises:
            NotFoundError: ``no-production-targets``.
        """
        roles = self._context.store.trust.targets_roles("production")
        if tag not in roles:
            tags = list(roles)
            raise NotFoundError(
                "no-production-targets",
                f"the tag `{tag}` has no production targets",
                hint=f"these tags have: {joined(tags[:MAX_NAMED], more=len(tags) - MAX_NAMED)}"
                if tags
                else "a wave that is completed makes the first",
                fields={"tag": tag, "tags": tags},
            )
        document = parse_document(roles[tag], "Targets", f"the production targets of {tag}")
        targets, _ = read_targets(document.signed["targets"], f"the production targets of {tag}")
        return ProductionRole(
            tag=tag,
            role_version=document.version,
            expires=document.expires,
            targets=tuple(sorted(targets, key=lambda target: (target.target_version, target.name))),
            document=document.raw,
        )

    def production_documents(self) -> Mapping[str, bytes]:
        """The production targets roles as they are served, by tag."""
        return self._context.store.trust.targets_roles("production")

    def import_(self, source: str | Path | bytes, *, now: datetime | None = None) -> TargetsReport:
        """Take targets in from a ``targets.json``, its signed part or an object of targets by name; all or none.

        Args:
            source: a path, or the bytes. Signatures in it are counted and dropped.
            now: the instant of the new roles (default: now).

        Raises:
            InputError: ``bad-targets``, ``not-targets``, ``no-targets``, ``broken-json``, ``ambiguous-json``.
            StateError: ``target-differs`` where a target of that name is something else; ``hardware-taken`` where the
                version has another target for the hardware; ``role-too-large``. Targets are immutable but for their
                tags.

        Cost: linear in the targets of the factory.
        """
        refuse_own_database(self._context, source)
        file = read_targets_file(Path(source) if isinstance(source, str) else source)
        return self._take(file.targets, file.foreign_signatures, file.notes, "targets import", now)

    def add(self, name: str, document: Mapping[str, Any], *, now: datetime | None = None) -> TargetsReport:
        """Add one target.

        Args:
            name: its name, by convention ``{hardware}-{name}-{version}``.
            document: ``{"custom", "hashes", "length"}``.
            now: the instant of the new roles (default: now).

        Raises:
            InputError, StateError: as `import_`.
        """
        targets, notes = read_targets({name: dict(document)}, name)
        return self._take(targets, 0, notes, "targets add", now)

    def prune(self, target_versions: Iterable[int], *, now: datetime | None = None) -> Sequence[str]:
        """Remove the CI targets of these versions; production targets keep theirs.

        Returns:
            The names of what was removed.

        Raises:
            NotFoundError: ``unknown-version``; nothing was removed.
        """
        wanted = sorted(set(target_versions))
        if not wanted:
            raise InputError("no-versions", "no version is named", hint="name the target versions to be pruned")
        at = seconds(now)
        with self._context.store.changing():
            known = self.list()
            missing = [version for version in wanted if all(target.target_version != version for target in known)]
            if missing:
                raise _unknown_versions(missing, known)
            gone = [target for target in known if target.target_version in wanted]
            details: dict[str, object] = {"versions": wanted}
            return self._remove(known, gone, f" of the versions {', '.join(map(str, wanted))}", details, at)

    def prune_names(self, names: Iterable[str], *, now: datetime | None = None) -> Sequence[str]:
        """Remove the CI targets of these names; production targets keep theirs.

        Args:
            names: which.
            now: the instant of the new roles (default: now).

        Returns:
            The names of what was removed.

        Raises:
            InputError: ``no-targets`` without a name.
            NotFoundError: ``unknown-target``; nothing was removed.
        """
        wanted = sorted(set(names))
        if not wanted:
            raise InputError("no-targets", "no target is named", hint="name the targets to be pruned")
        at = seconds(now)
        with self._context.store.changing():
            known = self.list()
            gone = _named(known, wanted)
            return self._remove(known, gone, "", {}, at)

    def retag(self, tags: Mapping[str, Sequence[str]], *, now: datetime | None = None) -> TargetsReport:
        """Give CI targets other tags: all of them or, with an error, none.

        Args:
            tags: the new tags of each target, by its name.
            now: the instant of the new roles (default: now).

        Raises:
            NotFoundError: ``unknown-target``.
            InputError: ``no-targets``, ``bad-targets``, ``bad-name``.
        """
        if not tags:
            raise InputError("no-targets", "no target is named", hint="name the targets to be tagged")
        with self._context.store.changing():
            found = _named(self.list(), list(tags))
            documents = {
                target.name: target.document | {"custom": target.document["custom"] | {"tags": list(tags[target.name])}}
                for target in found
            }
            targets, notes = read_targets(documents, "the tags")
            return self._take(targets, 0, notes, "targets tag", now)

    def add_all(self, documents: Mapping[str, Any], *, now: datetime | None = None) -> TargetsReport:
        """Add targets: all of them or, with an error, none.

        Args:
            documents: ``{"custom", "hashes", "length"}`` of each, by its name.
            now: the instant of the new roles (default: now).

        Raises:
            InputError, StateError: as `import_`.
        """
        targets, notes = read_targets(documents, "the targets")
        return self._take(targets, 0, notes, "targets add", now)

    def _remove(
        self, known: Sequence[Target], gone: Sequence[Target], what: str, details: Mapping[str, object], at: int
    ) -> Sequence[str]:
        names = [target.name for target in gone]
        kept = [target for target in known if target.name not in set(names)]
        changes = [remove("ci_targets", [{"name": name} for name in names])]
        changes += self._ci_roles.republished(known, kept, at)
        self._context.commit(
            "targets prune",
            f"pruned {count(len(gone), 'CI target')}{what}",
            changes,
            at=at,
            details={**details, "targets": names},
        )
        return names

    def _take(
        self, targets: Sequence[Target], foreign: int, notes: Sequence[str], action: str, now: datetime | None
    ) -> TargetsReport:
        at = seconds(now)
        with self._context.store.changing():
            known = self.list()
            by_name = {target.name: target for target in known}
            hardware = {(target.target_version, target.hardware_id): target.name for target in known}
            added, retagged, unchanged = [], [], []
            for target in targets:
                old = by_name.get(target.name)
                if old is None:
                    other = hardware.get((target.target_version, target.hardware_id))
                    if other is not None:
                        raise _hardware_taken(target, other)
                    added.append(target)
                elif canonical(old.document) == canonical(target.document):
                    unchanged.append(target)
                elif _untagged(old) == _untagged(target):
                    retagged.append(target)
                else:
                    raise _differs(old, target)
            report = TargetsReport(
                added=tuple(target.name for target in added),
                retagged=tuple(target.name for target in retagged),
                unchanged=tuple(target.name for target in unchanged),
                foreign_signatures=foreign,
                notes=tuple(notes),
            )
            touched = [*added, *retagged]
            if not touched:
                return report
            known_tags = {tag for target in known for tag in target.tags}
            for tag in sorted({tag for target in touched for tag in target.tags} - known_tags):
                check_name("tag", tag)
            origins = self._origins()
            rows = []
            for target in touched:
                added_at, added_by = origins.get(target.name, (at, self._context.user))
                rows.append(
                    {
                        "name": target.name,
                        "target_version": target.target_version,
                        "hardware_id": target.hardware_id,
                        "document": canonical(target.document),
                        "added_at": added_at,
                        "added_by": added_by,
                    }
                )
            after = [*(by_name | {target.name: target for target in touched}).values()]
            changes = [put("ci_targets", rows), *self._ci_roles.republished(known, after, at)]
            summary = f"added {count(len(added), 'CI target')} and changed the tags of {len(retagged)}"
            details = {"added": list(report.added), "retagged": list(report.retagged)}
            self._context.commit(action, summary, changes, at=at, details=details)
            return report

    def _origins(self) -> dict[str, tuple[int, str]]:
        """When and by whom each target was added."""
        return {row["name"]: (row["added_at"], row["added_by"]) for row in self._context.store.trust.ci_targets()}


def _named(known: Sequence[Target], names: Sequence[str]) -> Sequence[Target]:
    by_name = {target.name: target for target in known}
    missing = [name for name in names if name not in by_name]
    if missing:
        near = _core.nearest(storable(missing[0]), list(by_name), at_most=1)
        raise NotFoundError(
            "unknown-target",
            f"no CI target is named {named([cropped(name) for name in missing])}",
            hint=f"did you mean `{near[0]}`?" if near else "look the names up in the list of targets",
            fields={"targets": missing[:100], "nearest": near},
        )
    return [by_name[name] for name in names]


def _untagged(target: Target) -> bytes:
    custom = {key: value for key, value in target.document["custom"].items() if key not in {"tags", "updatedAt"}}
    return canonical(target.document | {"custom": custom})


def _differs(old: Target, new: Target) -> StateError:
    parts = [part for part in ("hashes", "length") if old.document[part] != new.document[part]]
    custom = old.document["custom"], new.document["custom"]
    parts += [
        f"custom.{key}"
        for key in sorted(set(custom[0]) | set(custom[1]))
        if key not in {"tags", "updatedAt"} and custom[0].get(key) != custom[1].get(key)
    ]
    return StateError(
        "target-differs",
        f"the target `{new.name}` is known and is something else: {', '.join(parts)}",
        hint="a target never changes but for its tags; give the new build a new version",
        fields={"target": new.name, "differing": parts},
    )


def _hardware_taken(target: Target, other: str) -> StateError:
    return StateError(
        "hardware-taken",
        f"version {target.target_version} has the target `{other}` for the hardware `{target.hardware_id}` already,"
        f" so `{target.name}` cannot be one, too",
        hint="give the new build a new version, or prune the old one first",
        fields={"target": target.name, "other": other, "hardware_id": target.hardware_id},
    )


def _unknown_versions(versions: Sequence[int], known: Sequence[Target]) -> NotFoundError:
    have = sorted({target.target_version for target in known})
    below = [version for version in have if version < versions[0]][-1:]
    above = [version for version in have if version > versions[0]][:1]
    hint = f"the nearest that there are: {', '.join(map(str, below + above))}" if have else "import targets first"
    return NotFoundError(
        "unknown-version",
        f"there are no CI targets of version {named(versions)}",
        hint=hint,
        fields={"versions": list(versions), "known": have[-100:]},
    )
