"""Checks the argument types of public methods: a wrong type raises an `InputError` that names the argument.

The expected types come from the method's annotations. Only the types in `_KINDS` are checked here. Limits, seeds,
instants, durations and device lists are checked by the functions that parse them.
"""

from __future__ import annotations

import functools
import inspect
import operator
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_keywords", "checks_arguments", "given_but_empty", "refuse_empty"]

_Class = TypeVar("_Class", bound=type)

_MAX_SHOWN: Final = 60
_EMPTY: Final = "give a value, or leave it out; an empty value never stands for all"
_PATHS: Final = frozenset({"Path", "os.PathLike[str]"})
_MAY_BE_EMPTY: Final = frozenset(("description", "name", "request_id", "save_mapping", "user"))
"""Optional texts whose empty value has a meaning or an error of its own."""
_OWN_RULES: Final = frozenset({"request_id"})
"""Text arguments whose characters are checked by the function that parses them, not here."""


def _is_integer(value: object) -> bool:
    if isinstance(value, bool):
        return False
    try:
        operator.index(value)  # type: ignore[arg-type]  # raises TypeError for a non-integer
    except TypeError:
        return False
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_iterable(value: object, is_item: Callable[[object], bool] = _is_text) -> bool:
    """Whether a value is an iterable whose items pass `is_item`. An iterator is not consumed, so its items pass."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return False
    return isinstance(value, Iterator) or all(map(is_item, value))


_KINDS: Final[dict[str, tuple[Callable[[object], bool], str]]] = {
    "None": (lambda value: value is None, "None"),
    "str": (lambda value: isinstance(value, str), "a str"),
    "bytes": (lambda value: isinstance(value, bytes), "bytes"),
    # Recognise numpy's bool by name: importing numpy here would slow down every start.
    "bool": (lambda value: type(value).__name__ in {"bool", "bool_"}, "True or False"),
    "int": (_is_integer, "an int"),
    "Path": (lambda value: isinstance(value, os.PathLike), "a path"),
    "Collection[str]": (lambda value: _is_iterable(value) or isinstance(value, str), "a collection of str"),
    "Iterable[int]": (lambda value: _is_iterable(value, _is_integer), "an iterable of int"),
    "Sequence[RoleName]": (_is_iterable, "a sequence of role names"),
    "PublicKey": (lambda value: type(value).__name__ == "PublicKey", "a PublicKey of groundswell.tuf"),
    "Mapping[str, bytes]": (
        lambda value: isinstance(value, Mapping) and all(isinstance(one, bytes) for one in value.values()),
        "a mapping from names to bytes",
    ),
    "Mapping[str, Any]": (lambda value: isinstance(value, Mapping), "a mapping"),
    "npt.NDArray[np.uint32]": (
        lambda value: getattr(getattr(value, "dtype", None), "kind", "") in {"u", "i"} and hasattr(value, "shape"),
        "a numpy array of ordinals",
    ),
    "os.PathLike[str]": (lambda value: isinstance(value, os.PathLike), "a path"),
    "Sort": (lambda value: isinstance(value, str), "a str"),
    "IO[bytes]": (lambda value: callable(getattr(value, "write", None)), "a binary stream to write to"),
}
"""Annotation → (predicate that recognises a value of the type, the type's name in an error message)."""


def checks_arguments(cls: _Class) -> _Class:
    """Class decorator: check the arguments of every public method against its annotations before the method runs.

    Raises:
        InputError: ``bad-argument``, raised by the methods; the message names the argument.

    Cost: less than a microsecond for each argument.

    >>> @checks_arguments
    ... class Groups:
    ...     def show(self, name: "str", *, page: "int | None" = None) -> None: ...
    >>> Groups().show("canary", page=2)
    >>> Groups().show(7)
    Traceback (most recent call last):
    groundswell.errors.InputError: the argument `name` of `show` is `7`, an int, not a str
    """
    for name, member in list(vars(cls).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, classmethod):
            setattr(cls, name, classmethod(_checked(member.__func__, bound=True)))
        elif isinstance(member, staticmethod):
            setattr(cls, name, staticmethod(_checked(member.__func__, bound=False)))
        elif inspect.isfunction(member):
            setattr(cls, name, _checked(member, bound=True))
    return cls


def check_keywords(method: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keywords that a method with ``**keywords`` does not accept.

    Raises:
        InputError: ``bad-argument``.

    >>> check_keywords("list_uuids", ["limit"], ["group", "tag"])
    Traceback (most recent call last):
    groundswell.errors.InputError: `list_uuids` has no argument `limit`
    """
    names = list(known)
    for name in given:
        if name not in names:
            raise InputError(
                "bad-argument",
                f"`{method}` has no argument `{name}`",
                hint=f"its arguments are {', '.join(names)}",
                fields={"argument": name, "known": names},
            )


def given_but_empty(what: str, value: str, *, verb: str = "given") -> str | None:
    """Why a value that is given is refused: it is empty or blank. Absent is not empty, and empty never means "all".

    Args:
        what: the value in a sentence, such as ``the group``.
        value: the value.
        verb: how it came, such as ``set`` for a variable.

    Returns:
        A sentence; None for a value that is neither empty nor blank.

    >>> given_but_empty("the group", " "), given_but_empty("the group", "beta")
    ('the group is given but empty: ` `', None)
    """
    return None if value.strip() else f"{what} is {verb} but empty: `{value}`"


def refuse_empty(**arguments: str | None) -> None:
    """Refuse texts that are given but empty or blank.

    Args:
        arguments: each by its name; None where it is not given.

    Raises:
        InputError: ``empty-text``.

    >>> refuse_empty(group=None, tag="main")
    >>> refuse_empty(group="")
    Traceback (most recent call last):
    groundswell.errors.InputError: the argument `group` is given but empty: ``
    """
    for name, value in arguments.items():
        reason = None if value is None else given_but_empty(f"the argument `{name}`", value)
        if reason is not None:
            raise InputError("empty-text", reason, hint=_EMPTY, fields={"argument": name})


def _checked(function: Callable[..., Any], *, bound: bool) -> Callable[..., Any]:
    positional, kinds = _rules(function, bound=bound)
    if not kinds:
        return function
    first = 1 if bound else 0
    paths = {name for name, allowed in kinds.items() if not _PATHS.isdisjoint(allowed)}
    optional = {name for name, allowed in kinds.items() if set(allowed) == {"str", "None"}} - _MAY_BE_EMPTY

    def check(name: str, value: object) -> None:
        allowed = kinds.get(name)
        if allowed and not any(_KINDS[kind][0](value) for kind in allowed):
            raise _bad_argument(function, name, value, allowed)
        if name in optional and isinstance(value, str):
            refuse_empty(**{name: value})
        if name in paths and isinstance(value, (str, os.PathLike)):
            _check_path(function, name, os.fspath(value))
        if type(value) is str and not value.isascii() and name not in _OWN_RULES:
            _check_unicode(function, name, value)

    @functools.wraps(function)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        for name, value in zip(positional, arguments[first:], strict=False):
            check(name, value)
        for name, value in keywords.items():
            check(name, value)
        return function(*arguments, **keywords)

    return checked


def _check_path(function: Callable[..., Any], name: str, path: str | bytes) -> None:
    if "\0" in os.fsdecode(path):
        raise InputError(
            "bad-argument",
            f"the argument `{name}` of `{function.__name__}` is {ascii(path)[:_MAX_SHOWN]}: no path has a NUL",
            hint="give the path of a file or a folder",
            fields={"argument": name, "value": ascii(path)[:_MAX_SHOWN], "type": "str"},
        )


def _check_unicode(function: Callable[..., Any], name: str, value: str) -> None:
    try:
        # A command line may contain bytes that are not UTF-8 (surrogateescape); they are checked later.
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InputError(
            "bad-argument",
            f"the argument `{name}` of `{function.__name__}` is `{ascii(value)[:_MAX_SHOWN]}`, which is not Unicode:"
            f" character {error.start + 1} is half of a surrogate pair",
            hint="give a text that can be encoded in UTF-8",
            fields={"argument": name, "value": ascii(value)[:_MAX_SHOWN], "type": "str"},
        ) from error


def _rules(function: Callable[..., Any], *, bound: bool) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The names of the positional parameters, and the accepted types of each parameter that is checked here."""
    parameters = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
    positional = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    kinds = {}
    for one in parameters:
        types = tuple(part.strip() for part in str(one.annotation).strip("'\"").split("|"))
        if one.kind is not one.VAR_POSITIONAL and all(part in _KINDS for part in types):
            kinds[one.name] = types
    return positional, kinds


def _bad_argument(function: Callable[..., Any], name: str, value: object, kinds: tuple[str, ...]) -> InputError:
    shown = ascii(value)
    shown = shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "…"
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    expected = " or ".join(_KINDS[one][1] for one in kinds)
    of_kind = "" if value is None else f", {article} {kind}"
    return InputError(
        "bad-argument",
        f"the argument `{name}` of `{function.__name__}` is `{shown}`{of_kind}, not {expected}",
        hint=f"give {expected}",
        fields={"argument": name, "value": shown, "type": kind, "expected": list(kinds)},
    )
