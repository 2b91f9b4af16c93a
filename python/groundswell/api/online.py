"""The online threshold that a request names."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from groundswell.api.problems import RefusedError
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["threshold_of"]

_MAX_HOURS: Final = 24 * 366 * 10


def threshold_of(request: Request) -> timedelta:
    """The threshold in hours that fioctl sends as ``offline-threshold`` (default: 4 hours).

    Raises:
        RefusedError: 400.
    """
    text = request.query_params.get("offline-threshold")
    if text is None:
        return DEFAULT_ONLINE_THRESHOLD
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:10]) <= _MAX_HOURS:
        raise RefusedError(
            400, "bad-duration", f"the offline-threshold `{text[:40]}` is not a number of hours", "give 1 or more"
        )
    return timedelta(hours=int(text))
