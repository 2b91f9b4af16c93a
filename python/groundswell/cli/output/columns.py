"""Shows from which columns of a source a fleet was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.cli.output.render import printable
from groundswell.cli.output.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["column_lines"]

_COLUMNS: Final = ("uuid", "name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")
_MAX_UNUSED: Final = 20
_MAX_NAME: Final = 40


def column_lines(columns: Mapping[str, str], unused: Sequence[str], *, more: bool) -> list[str]:
    """Lines that list each column with its source column, and the unused source columns.

    >>> column_lines({"uuid": "Serial"}, ["owner", "rack"], more=False)[:3]
    ['column          read from', 'uuid            Serial', 'name            -']
    """
    rows: list[list[Any]] = [[column, _short(columns[column]) if column in columns else None] for column in _COLUMNS]
    lines = table(["column", "read from"], rows)
    if unused:
        shown = ", ".join(_short(name) for name in unused[:_MAX_UNUSED])
        left = len(unused) - _MAX_UNUSED
        rest = f" and {left}{' or' if more else ''} more" if left > 0 else ", and more" if more else ""
        lines.append(f"not used: {shown}{rest}")
    return lines


def _short(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 1] + "…"
