"""A user's mapping of fleet columns to source columns, for sources whose column names are not known spellings."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.ingest.cells import cropped
from groundswell.ingest.spellings import canonical_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NAMESPACES", "NO_MAPPING", "ColumnMapping", "ColumnSource"]

NAMESPACES: Final = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}
"""The predefined name spaces of RFC 9562."""
UNITS: Final = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
"""Unit of a numeric `last_seen` → units per second."""

_UNIT: Final = re.compile(r"(?P<path>.+):(?P<unit>s|ms|us|ns)", re.DOTALL)
_MAX_LENGTH: Final = 1000


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """The source of one fleet column.

    Args:
        text: as the user wrote it: ``Release Tag``, ``attributes[name=mac].value``, ``lastSeen:ms``, ``=true``.
        path: the name of a column, or a path, without the unit; empty for a constant.
        constant: the value of every row; None if the source is not a constant.
        unit: the unit of a number: a key of `UNITS`. Always ``s`` except for `last_seen`.
    """

    text: str
    path: str
    constant: str | None = None
    unit: str = "s"

    @property
    def is_path(self) -> bool:
        """Whether `path` has the syntax of a JSON path."""
        return _core.check_json_path(self.path) is None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """A user's mapping for a source. Columns that it does not mention are matched by their spellings.

    Args:
        columns: canonical name → source of the column.
        rows_at: the path of the array of devices in a JSON object. None: the document is an array or one object per
            line, or the array's key is ``devices``.
        namespace: derive UUIDs of version 5 in this name space from the column `uuid`; None to read UUIDs.

    >>> mapping = ColumnMapping.of({"tag": "Release Tag", "last-seen": "polled:ms"}, uuid5="dns")
    >>> mapping.columns["last_seen"].unit, str(mapping.namespace)[:8]
    ('ms', '6ba7b810')
    """

    columns: Mapping[str, ColumnSource] = field(default_factory=dict)
    rows_at: str | None = None
    namespace: uuid.UUID | None = None

    @classmethod
    def of(
        cls,
        columns: Mapping[str, str] | None = None,
        *,
        rows_at: str | None = None,
        uuid5: str | uuid.UUID | None = None,
    ) -> ColumnMapping:
        """Parse and check a user's mapping.

        Args:
            columns: name of a column, in any of its spellings → its source.
            rows_at: a path.
            uuid5: a name space: a UUID, or ``dns``, ``url``, ``oid``, ``x500``.

        Raises:
            InputError: ``bad-column`` for an unknown column name; ``bad-mapping``; ``bad-rows-at``; ``bad-namespace``.
        """
        if columns is not None and not isinstance(columns, AbstractMapping):
            raise _bad_mapping("columns", repr(columns), "does not map names of columns to their sources")
        sources: dict[str, ColumnSource] = {}
        for name, text in (columns or {}).items():
            column = canonical_name(name)
            if column in sources:
                raise _bad_mapping(name, str(text), f"maps {column} a second time")
            sources[column] = _source(column, text)
        if rows_at is not None:
            _check_rows_at(rows_at)
        return cls(sources, rows_at, None if uuid5 is None else _namespace(uuid5))

    def __bool__(self) -> bool:
        return bool(self.columns) or self.rows_at is not None or self.namespace is not None

    def over(self, other: ColumnMapping) -> ColumnMapping:
        """This mapping; what it leaves open comes from `other`."""
        return ColumnMapping(
            {**other.columns, **self.columns},
            other.rows_at if self.rows_at is None else self.rows_at,
            other.namespace if self.namespace is None else self.namespace,
        )

    def to_data(self) -> dict[str, Any]:
        """Serialise to JSON types; `of_data` is the inverse."""
        return {
            "columns": {column: source.text for column, source in self.columns.items()},
            "rows_at": self.rows_at,
            "uuid5": None if self.namespace is None else str(self.namespace),
        }

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> ColumnMapping:
        """Deserialise the result of `to_data`."""
        return cls.of(data["columns"], rows_at=data["rows_at"], uuid5=data["uuid5"])


NO_MAPPING: Final = ColumnMapping()


def _source(column: str, text: object) -> ColumnSource:
    if not isinstance(text, str) or not text.strip() or len(text) > _MAX_LENGTH:
        raise _bad_mapping(column, str(text), "does not name a source column")
    if text.startswith("="):
        if column == "uuid" or not text[1:].strip():
            raise _bad_mapping(column, text, "is not a valid constant for all devices")
        return ColumnSource(text, "", constant=text[1:])
    found = _UNIT.fullmatch(text) if column == "last_seen" else None
    return ColumnSource(text, found["path"], unit=found["unit"]) if found else ColumnSource(text, text)


def _bad_mapping(name: str, text: str, reason: str) -> InputError:
    return InputError(
        "bad-mapping",
        f"the source `{cropped(text)}` of the column `{cropped(str(name))}` {reason}",
        hint="name a column of the source, a path in JSON, or a constant such as =true;"
        " omit the option to match the column by its spellings",
        fields={"column": cropped(str(name)), "source": cropped(text), "reason": reason},
    )


def _check_rows_at(path: object) -> None:
    reason = "is not a text" if not isinstance(path, str) else _core.check_json_path(path)
    if reason is not None:
        raise InputError(
            "bad-rows-at",
            f"the path `{cropped(str(path))}` of the array of devices {reason}",
            hint='write it like things, data.items or "a.b".items[0]',
            fields={"rows_at": cropped(str(path)), "reason": reason},
        )


def _namespace(text: object) -> uuid.UUID:
    if isinstance(text, uuid.UUID):
        return text
    if (known := NAMESPACES.get(str(text).strip().lower())) is not None:
        return known
    try:
        return uuid.UUID(str(text).strip())
    except ValueError as error:
        raise InputError(
            "bad-namespace",
            f"the name space `{cropped(str(text))}` is not a UUID",
            hint=f"give a UUID that belongs to your registry, or {', '.join(NAMESPACES)}",
            fields={"namespace": cropped(str(text)), "known": list(NAMESPACES)},
        ) from error
