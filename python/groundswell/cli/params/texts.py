"""Click parameter types for texts. An empty text is an error, because it is probably an unset shell variable."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from groundswell.arguments import given_but_empty
from groundswell.cli.output.render import printable
from groundswell.errors import InputError

__all__ = ["DIRECTORY", "FILE", "NAME", "OUTPUT", "OUTPUT_OR_STDOUT", "TEXT", "is_utf8", "require_text"]

_MAX_TEXT: Final = 40


class _File(click.ParamType[str]):
    """The name of a file. The empty text is refused."""

    name = "file"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        text = str(value)
        if not text:
            raise InputError(
                "no-file-name",
                f"`{_display_name(param)}` names no file: `` is empty",
                hint="give the name of a file; is a shell variable unset?",
                fields={"option": param.name if param else None},
            )
        return text


class _Output(_File):
    """The name of an output file. A path that must not be overwritten is refused before the command begins.

    `-` is stdout where the command allows it, and refused elsewhere: nobody means a file of that name.
    """

    def __init__(self, *, may_be_stdout: bool = False) -> None:
        self._may_be_stdout = may_be_stdout

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from groundswell.outputs import check_output

        text = super().convert(value, param, ctx)
        if text == "-":
            if self._may_be_stdout:
                return text
            raise InputError(
                "no-file-name",
                f"`{_display_name(param)}` names no file: `-` is stdout, which has other output",
                hint="give the name of a file; a file called - is ./-",
                fields={"option": param.name if param else None},
            )
        check_output(Path(text))
        return text


class _Directory(click.ParamType[str]):
    """The name of a directory. The empty text is refused: it does not mean the current directory."""

    name = "directory"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        text = str(value)
        if not text:
            raise InputError(
                "no-directory-name",
                f"`{_display_name(param)}` names no directory: `` is empty",
                hint="give the name of a directory, such as . for the current one; is a shell variable unset?",
                fields={"option": param.name if param else None},
            )
        return require_text(text, param)


class _Text(click.ParamType[str]):
    """A text; `blank` allows the empty text."""

    name = "text"

    def __init__(self, *, blank: bool) -> None:
        self._blank = blank

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        text = require_text(str(value), param)
        reason = None if self._blank else given_but_empty(f"`{_display_name(param)}`", text)
        if reason is not None:
            raise InputError(
                "empty-text",
                reason,
                hint="give a value, or omit it; is a shell variable unset?",
                fields={"option": param.name if param else None},
            )
        return text


def require_text(text: str, param: click.Parameter | None = None, *, name: str = "") -> str:
    """Refuse a text that is not UTF-8. Python decodes such bytes of an argument to lone surrogates.

    Args:
        text: the text.
        param: its option or argument.
        name: its name in messages, if it does not come from an argument.

    Raises:
        InputError: ``not-text``.
    """
    if is_utf8(text):
        return text
    raise InputError(
        "not-text",
        f"`{name or _display_name(param)}` is `{printable(text[:_MAX_TEXT])}`, which is not UTF-8",
        hint="give it in UTF-8",
        fields={"option": param.name if param else name or None},
    )


def is_utf8(text: str) -> bool:
    r"""Whether a text can be encoded in UTF-8, that is, has no lone surrogates.

    >>> is_utf8("ü"), is_utf8("\udcff")
    (True, False)
    """
    return text.isprintable() or not any("\ud800" <= character <= "\udfff" for character in text)


def _display_name(param: click.Parameter | None) -> str:
    """The name of an option or argument as the user types it."""
    if param is None:
        return "the value"
    return max(param.opts, key=len) if isinstance(param, click.Option) else param.human_readable_name


DIRECTORY: Final = _Directory()
FILE: Final = _File()
OUTPUT: Final = _Output()
OUTPUT_OR_STDOUT: Final = _Output(may_be_stdout=True)
NAME: Final = _Text(blank=False)
TEXT: Final = _Text(blank=True)
