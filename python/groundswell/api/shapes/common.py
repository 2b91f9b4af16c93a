"""What several shapes share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["change_meta", "documents_by_name", "instant_text", "to_bytes", "version_of"]


def instant_text(when: datetime | None) -> str:
    """An instant in RFC 3339, UTC; empty for None.

    >>> from datetime import UTC, datetime
    >>> instant_text(datetime(2026, 11, 24, tzinfo=UTC)), instant_text(None)
    ('2026-11-24T00:00:00Z', '')
    """
    return "" if when is None else when.isoformat(timespec="seconds").replace("+00:00", "Z")


def change_meta(
    created_at: datetime | None, created_by: str, updated_at: datetime | None = None, updated_by: str | None = None
) -> dict[str, str]:
    """Who made something and changed it last, and when."""
    return {
        "created-at": instant_text(created_at),
        "created-by": created_by,
        "updated-at": instant_text(updated_at),
        "updated-by": updated_by or "",
    }


def to_bytes(value: Any) -> bytes:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def documents_by_name(documents: Mapping[str, bytes]) -> bytes:
    """An object of signed documents, each with exactly the bytes that were signed.

    >>> documents_by_name({"main": b'{"signed": {}}'})
    b'{"main":{"signed": {}}}'
    """
    return b"{" + b",".join(to_bytes(name) + b":" + document for name, document in documents.items()) + b"}"


def version_of(target_version: int | None) -> int:
    """A version as a number; 0 where it is unknown."""
    return 0 if target_version is None else target_version
