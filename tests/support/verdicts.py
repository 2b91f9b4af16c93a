"""Calls the judge and returns its refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import GroundswellError, tuf

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def refusal(folder: Path, **asked: Any) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        tuf.judge_directory(folder, **({"now": NOW} | asked))
    return caught.value
