"""Law: a hint fits its surface. The library speaks Python or neutral words; the command line, commands and options.

What the library says about an error or a warning has an entry in `groundswell.cli.hints` where a shell user needs other
words.
"""

from __future__ import annotations

import ast
import functools
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import InputError, NotFoundError
from groundswell.cli.hints import HINTS, REMEDIES, advice, hint_for
from groundswell.hints import HINTS as PYTHON_HINTS
from groundswell.hints import python_hint
from groundswell.text import Notice
from support.commands import EXIT_CODES
from support.surfaces import ALL_OPTIONS, COMMAND, OPTION, PYTHON, SHELL, check_command_line, check_shell_text

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CODES = sorted(EXIT_CODES)
FAMILIES = {"InputError", "NotFoundError", "StateError", "TrustError", "StorageError"}
PACKAGE = ROOT / "python/groundswell"
SKINS = {"cli", "api", "web", "gate.py"}
LIBRARY = [path for path in sorted(PACKAGE.rglob("*.py")) if not SKINS & set(path.relative_to(PACKAGE).parts)]
CLI = sorted(set((PACKAGE / "cli").rglob("*.py")) - {PACKAGE / "cli/examples.py"})  # those are parsed by their own test
NO_HINTS = {"groundswell init", "groundswell restore", "groundswell check --repair", "fioup --tuf", "__main__.py"}
"""Texts of the library that name a command and are not advice: who owns the lock, and other people's programs."""
NOT_FROM_A_SHELL = {
    "bad-argument", "bad-threads", "bad-sql", "bad-source", "factory-closed", "unlike-selections", "short-selection",
    "bad-device-set",
    "bad-whole-group", "bad-check-in", "bad-columns", "bad-key-uri", "unknown-table", "no-table-named",
}  # fmt: skip
"""Codes of calls that no command makes, so that nobody in a shell reads their hints."""
EXAMPLE_FIELDS: list[dict[str, Any]] = [
    {},
    {"nearest": ["canary"]},
    {"nearest": ["a", "b", "c", "d"]},
    {"column": "group"},
    {"column": "production"},
    {"wave": "v2.0"},
    {"remedy": "restore"},
    {"denied": True},
    {"allowed": True},
    {"is_table": True},
    {"known": [1]},
]


def texts(tree: ast.AST) -> Iterator[str]:
    """The texts of a source: without docstrings, the parts of an f-string joined."""
    prose = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) else []:
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                prose.add(id(each.value))
        if isinstance(node, ast.JoinedStr):
            prose |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def constants(tree: ast.AST) -> dict[str, ast.expr]:
    """What is assigned to each name in a module."""
    named: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                named[target.id] = node.value
    return named


def calls(tree: ast.AST, names: set[str]) -> Iterator[tuple[str, ast.Call]]:
    """Calls of these names whose first argument is a text, each with the text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in names:
                yield str(node.args[0].value), node


def hints(path: Path) -> Iterator[tuple[str, str]]:
    """The codes and the hints in a module of the library, those in its constants included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = constants(tree)
    for code, call in calls(tree, FAMILIES):
        given = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
        used = {node.id for value in given for node in ast.walk(value) if isinstance(node, ast.Name)}
        for value in (*given, *(named[name] for name in used & set(named))):
            yield from ((code, text) for text in texts(value))


@functools.cache
def all_hints() -> tuple[tuple[str, str], ...]:
    """The codes and the hints of the whole library."""
    return tuple(pair for path in LIBRARY for pair in hints(path))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_library_knows_no_option_and_no_command(path: Path) -> None:
    for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
        if text.lstrip().startswith(("SELECT", "CREATE", "CASE", "-name", "-last-seen")) or text in NO_HINTS:
            continue
        assert not SHELL.search(re.sub(r"`(ostree|ulimit) [^`]*`", "", text)), (  # other programs
            f"{path.name} speaks to a shell user: {text!r}. Write it for Python, and the command line's words into"
            " groundswell/cli/hints.py: HINTS by the code of the error, or a Notice and REMEDIES for a warning"
        )


def test_the_core_knows_no_option_and_no_command() -> None:
    source = (ROOT / "rust/py/src/convert/errors.rs").read_text(encoding="utf-8")
    assert not OPTION.search(source)
    assert not COMMAND.search(source)


@pytest.mark.parametrize("code", CODES)
def test_a_shell_user_reads_no_python(code: str) -> None:
    if code in NOT_FROM_A_SHELL:
        return
    said = [text for of, text in all_hints() if of == code]
    for fields in EXAMPLE_FIELDS:
        entry = HINTS.get(code)
        hint = entry(fields | {"command": None}) if callable(entry) else entry
        for text in said if hint is None and entry is None else [hint or ""]:
            assert not PYTHON.search(text), (
                f"the hint of `{code}` is Python: {text!r}. Write one for shell users into groundswell/cli/hints.py"
            )
            check_shell_text(text)


def test_hints_are_found() -> None:
    assert len({code for code, _ in all_hints()}) > len(CODES) / 2


def test_every_entry_is_of_a_code_that_exists() -> None:
    assert set(HINTS) <= set(CODES)
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in LIBRARY]
    assert {code for tree in trees for code, _ in calls(tree, {"Notice"})} <= set(REMEDIES)
    for text in REMEDIES.values():
        check_shell_text(text)


@pytest.mark.parametrize("path", CLI, ids=lambda path: path.name)
def test_commands_and_options_in_texts_of_the_command_line_exist(path: Path) -> None:
    for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
        for option in OPTION.findall(text):
            assert option in ALL_OPTIONS, f"no command has the option {option}: {text!r}"
        for quoted, bare in COMMAND.findall(text):
            if not {"X", "["} & set(quoted or bare):  # completed at run time, or a pattern
                check_command_line(quoted or bare)


def test_a_hint_of_the_library_is_replaced() -> None:
    error = InputError("mismatched-devices", "1 device", hint="skip_mismatched=True")
    assert hint_for(error) == "take them off the list, or skip them with --skip-mismatched"


def test_a_remedy_of_the_library_is_replaced() -> None:
    notice = Notice("no-targets", "there are no targets yet", "`targets.import_` imports them")
    assert advice(notice) == "there are no targets yet: `groundswell targets import` imports them"
    assert advice("a plain warning") == "a plain warning"


@pytest.mark.parametrize(
    "text",
    ["pass skip_mismatched=True", "give a `timedelta(hours=4)`", "call Factory.repair", "`waves.list` lists them"],
)
def test_python_is_recognised(text: str) -> None:
    assert PYTHON.search(text)


@pytest.mark.parametrize("text", ["use --colour", "`groundswell waves lost`", "`groundswell check --rebuild`"])
def test_what_does_not_exist_is_recognised(text: str) -> None:
    with pytest.raises(AssertionError):
        check_shell_text(text)


def test_a_whole_group_as_advice_is_recognised() -> None:
    with pytest.raises(AssertionError, match="whole group"):
        check_shell_text("widen it: `groundswell waves rollout v2.0 canary`")


# --- the table of Python --------------------------------------------------------------------------------------------

PYTHON_ONLY = {"bad-argument", "unlike-selections", "bad-source"}
"""Codes of wrong types in a call, which no surface but Python has: their errors speak Python themselves."""
NO_PLACE: list[dict[str, Any]] = [
    {},
    {"place": "factory"},
    {"type": "datetime"},
    {"remedy": "repair"},
    {"path": "x"},
    {"item": 1},
]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_raised_below_the_skins_is_neutral(path: Path) -> None:
    """No Python and no shell: each skin puts its own words in by its table."""
    for code, text in hints(path):
        assert code in PYTHON_ONLY or not PYTHON.search(text), (
            f"{path.name} speaks Python: `{code}`: {text!r}. Write it into groundswell/hints.py, by its code"
        )


@pytest.mark.parametrize("code", CODES)
def test_a_python_caller_reads_no_option_and_no_command(code: str) -> None:
    for fields in (*EXAMPLE_FIELDS, *NO_PLACE):
        hint = python_hint(code, fields)
        assert hint is None or (hint and not SHELL.search(hint)), hint


def test_every_entry_for_python_is_of_a_code_that_exists() -> None:
    assert set(PYTHON_HINTS) <= set(CODES)


def test_each_skin_has_its_own_words_for_one_error() -> None:
    error = NotFoundError("unknown-wave", "no wave is named `x`", hint="neutral", fields={"place": "factory"})
    assert error.hint == "`waves.list` lists the waves"
    assert hint_for(error) == "`groundswell waves list` lists the waves"
    assert error.neutral_hint == "neutral"
    other = pickle.loads(pickle.dumps(error))
    assert (other.hint, other.neutral_hint, other.fields) == (error.hint, error.neutral_hint, error.fields)
