"""Groundswell: which devices of a large fleet see an update next, exactly and reproducibly.

>>> import groundswell
>>> sorted(groundswell.__all__)[:3]
['Explanation', 'Fleet', 'GroundswellError']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from groundswell._core import __version__
from groundswell.errors import (
    GroundswellError,
    InputError,
    NotFoundError,
    StateError,
    StorageError,
    TrustError,
)

if TYPE_CHECKING:
    from groundswell.fleet import Explanation, Fleet, ReadReport, Selection, UuidList, UuidListCheck

__all__ = [
    "Explanation",
    "Fleet",
    "GroundswellError",
    "InputError",
    "NotFoundError",
    "ReadReport",
    "Selection",
    "StateError",
    "StorageError",
    "TrustError",
    "UuidList",
    "UuidListCheck",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import the public classes on first use, so that `groundswell --help` need not wait for them."""
    if name in __all__:
        return getattr(importlib.import_module("groundswell.fleet"), name)
    message = f"module 'groundswell' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
