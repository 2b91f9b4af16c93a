"""The exception tree.

::

    GroundswellError            code, message, hint, fields
    ├── InputError              invalid input, in any state                             exit 2
    ├── NotFoundError           a file, device, group or tag does not exist             exit 3
    ├── StateError              valid input, but the present state does not allow it    exit 4
    ├── TrustError              a key, certificate or signature does not allow it       exit 5
    └── StorageError            the disk, the file system or the store failed           exit 6

``code`` is a stable slug that programs may compare. ``message`` is one sentence, with the offending value in
backticks. ``hint`` says what to do next. ``fields`` has the same facts as data.

Python owns these classes; the Rust core raises them through one exhaustive mapping (``rust/py/src/errors.rs``).
Anything else that escapes is a bug.
"""

from __future__ import annotations

from typing import Any, ClassVar

from groundswell.hints import python_hint

__all__ = ["GroundswellError", "InputError", "NotFoundError", "StateError", "StorageError", "TrustError"]


class GroundswellError(Exception):
    """Base class of every error that Groundswell raises on purpose.

    Args:
        code: stable slug, such as ``"unknown-group"``.
        message: one sentence for people, the offending value in backticks.
        hint: what to do next; empty if there is nothing to add.
        fields: the same facts as data (JSON types only).

    >>> error = InputError("bad-limit", "the limit is `0`", hint="give a count of 1 or more")
    >>> error.code, error.exit_code, str(error)
    ('bad-limit', 2, 'the limit is `0`')
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, hint: str = "", fields: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.neutral_hint = hint
        self.fields: dict[str, Any] = fields or {}

    @property
    def hint(self) -> str:
        """What to do next, for a Python caller; empty if there is nothing to add.

        Other skins have their own tables and fall back on `neutral_hint`, which speaks of no surface.
        """
        own = python_hint(self.code, self.fields)
        return self.neutral_hint if own is None else own

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle code, message, hint and fields, so that errors pass between the processes of a pool."""
        return _rebuild, (type(self), self.code, self.message, self.neutral_hint, self.fields)


def _rebuild(
    cls: type[GroundswellError], code: str, message: str, hint: str, fields: dict[str, Any]
) -> GroundswellError:
    return cls(code, message, hint=hint, fields=fields)


class InputError(GroundswellError):
    """The input is invalid in any state: a bad value, file or list."""

    exit_code = 2


class NotFoundError(GroundswellError):
    """Something named in the request does not exist: a file, a device, a group, a tag."""

    exit_code = 3


class StateError(GroundswellError):
    """The request is valid, but the present state does not allow it."""

    exit_code = 4


class TrustError(GroundswellError):
    """A key, a certificate or a signature does not allow the request."""

    exit_code = 5


class StorageError(GroundswellError):
    """The disk, the file system or the store failed."""

    exit_code = 6
