"""The CI targets roles: one for each tag, which the factory signs by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.factory.trust.publisher import TAG_VARIANT, Served
from groundswell.store import put
from groundswell.tuf import parse_document
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.factory.context import Context
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Roots
    from groundswell.store import Change
    from groundswell.tuf import Target

__all__ = ["CiRoles"]

_CI: Final = "ci"


class CiRoles:
    """Reads the CI roles, and makes their next versions."""

    def __init__(self, context: Context, roots: Roots, publisher: Publisher) -> None:
        self._context: Final = context
        self._roots: Final = roots
        self._publisher: Final = publisher

    def renewed(self, at: datetime, *, due_before: datetime) -> dict[str, bytes]:
        """The roles that expire before an instant, signed anew with the next version; by tag."""
        root = self._roots.root(_CI)
        renewed = {}
        for tag, document in self.all().items():
            parsed = parse_document(document, "Targets", f"the CI targets of {tag}")
            if parsed.expires < due_before:
                renewed[tag] = self._publisher.targets_role(parsed.signed["targets"], parsed.version + 1, root, now=at)
        return renewed

    def all(self) -> dict[str, bytes]:
        """The CI roles by tag."""
        return dict(self._context.store.trust.targets_roles(_CI))

    def republished(self, before: Sequence[Target], after: Sequence[Target], at: int) -> list[Change]:
        """The CI roles of tags whose targets change, with the next version, and everything published anew."""
        when, root = instant(at), self._roots.root(_CI)
        old, new = _by_tag(before), _by_tag(after)
        roles = self.all()
        # A tag that has lost its last target has an empty role from now on: its version must not start again.
        tags = sorted(set(roles) | set(new))
        rows = []
        for tag in tags:
            documents = new.get(tag, {})
            if tag in roles and documents == old.get(tag, {}):
                continue
            version = parse_document(roles[tag], "Targets", "a CI role").version + 1 if tag in roles else 1
            role = self._publisher.targets_role(documents, version, root, now=when)
            roles[tag] = role
            rows.append({"repository": _CI, "tag": tag, "role_version": version, "document": role})
        if not rows:
            return []
        served = [Served(tag, TAG_VARIANT, roles[tag]) for tag in tags]
        return [put("targets_roles", rows), *self._publisher.publish(_CI, served, root, now=when)]


def _by_tag(targets: Sequence[Target]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for target in targets:
        for tag in target.tags:
            found.setdefault(tag, {})[target.name] = target.document
    return found
