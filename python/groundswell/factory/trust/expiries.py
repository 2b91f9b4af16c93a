"""Warnings about what is served and expires soon."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from groundswell.factory.context import Context, seconds
from groundswell.factory.trust.publisher import TAG_VARIANT
from groundswell.factory.trust.roots import REPOSITORIES
from groundswell.text import Notice
from groundswell.tuf.documents import format_instant
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Roots

__all__ = ["RENEW_BELOW", "expiry_warnings", "remedy_for"]

RENEW_BELOW: Final = timedelta(days=3, hours=12)
"""Half of a timestamp's life."""

_WEEK: Final = timedelta(days=7)
_REFRESH: Final = ("metadata-expires", "`metadata.refresh` signs it again")
_NEW_ROOT: Final = ("root-expires", "rotating any key makes the next root, which is valid for a year")
_NEW_WAVE: Final = ("production-targets-expire", "only a new wave renews them, because an offline key signs them")


def expiry_warnings(
    context: Context, roots: Roots, publisher: Publisher, *, now: datetime | None = None, within: timedelta = _WEEK
) -> Sequence[str]:
    """Sentences about what is served and has expired or soon expires, the most urgent first.

    A clock that is behind has the first sentence.

    Args:
        context: the factory's.
        roots: its root chains.
        publisher: says what is served.
        now: the instant (default: now).
        within: how soon. A timestamp, which lives for seven days, is due once half of them are over.
    """
    at = seconds(now)
    when = instant(at)
    behind = context.clock.warning(at)
    found: list[tuple[datetime, str, tuple[str, str]]] = []
    for repository in REPOSITORIES:
        found.append((roots.latest(repository).expires, f"the {repository} root", _NEW_ROOT))
        for one in publisher.publications(repository):
            variant = "" if one.variant == TAG_VARIANT else f" ({one.variant})"
            for role, expires in one.expiries().items():
                due = when + (RENEW_BELOW if role == "timestamp" else within)
                if expires < due:
                    what = f"the {repository} {role} of tag {one.tag}{variant}"
                    found.append((expires, what, remedy_for(repository, role)))
    warnings: list[str] = [] if behind is None else [behind]
    return warnings + [
        Notice(code, f"{what} {'expired' if expires <= when else 'expires'} {format_instant(expires)}", remedy)
        for expires, what, (code, remedy) in sorted(found)
        if expires < when + within
    ]


def remedy_for(repository: str, role: str) -> tuple[str, str]:
    """What to do about a document that expires: the code and the text of a `groundswell.text.Notice`."""
    if role == "root":
        return _NEW_ROOT
    return _NEW_WAVE if (repository, role) == ("production", "targets") else _REFRESH
