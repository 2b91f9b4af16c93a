"""Imports between the files of a Rust crate form no cycle, nor do imports between its rooms."""

from __future__ import annotations

import re
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

RUST = Path(__file__).parents[2] / "rust"

Module = tuple[str, ...]
"""The path of a module within its crate: ``("sets", "words")``."""

Graph = dict[str, set[str]]

_NOISE = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | b?r(\#*)".*?"\1 | b?"(?:\\.|[^"\\])*" | b?'(?:\\[^']+|[^'\\\n])'""",
    re.DOTALL | re.VERBOSE,
)
_TOKEN = re.compile(r"[A-Za-z_]\w*|::|[{}();,*]|\S")


def modules_of(source: Path) -> dict[Module, Path]:
    """The module of each file: ``lib.rs`` is the root, ``a/mod.rs`` is ``a``, ``a/b.rs`` is ``a::b``."""
    found = {}
    for path in sorted(source.rglob("*.rs")):
        parts = path.relative_to(source).with_suffix("").parts
        found[parts[:-1] if parts[-1] in ("lib", "mod") else parts] = path
    return found


def paths_in(text: str, module: Module) -> Iterator[Module]:
    """The absolute form of each path in a file: of `use` declarations with their groups, and of expressions.

    `module` is the module of the file. A path that begins with another name than ``crate``, ``super`` or ``self`` is
    taken as relative to the module that it is in: if it is not, no file has that name.
    """
    tokens = _TOKEN.findall(_NOISE.sub(" ", text))
    scopes: list[Module | None] = []  # the inline module that each open brace begins, if it begins one
    at = 0
    while at < len(tokens):
        current = next((scope for scope in reversed(scopes) if scope is not None), module)
        match tokens[at]:
            case "mod" if tokens[at + 2 : at + 3] == ["{"]:
                scopes.append((*current, tokens[at + 1]))
                at += 3
            case "mod":  # a declaration is not an import
                at += 2
            case "{":
                scopes.append(None)
                at += 1
            case "}":
                scopes.pop()
                at += 1
            case "::":  # `<T>::name`, or an external crate
                at += 2
            case token if token.isidentifier():
                found, at = _path(tokens, at)
                yield from (_absolute(path, current) for path in found if path != ("super",))  # `pub(super)`
            case _:
                at += 1


def _path(tokens: list[str], at: int) -> tuple[list[Module], int]:
    """The paths that begin at a token, more than one where the path ends in a group; and the place after them."""
    prefix: Module = (tokens[at],)
    at += 1
    while tokens[at : at + 1] == ["::"]:
        following = tokens[at + 1 : at + 2]
        if following == ["{"]:
            found, at = [], at + 2
            while tokens[at] != "}":
                if tokens[at] == ",":
                    at += 1
                    continue
                inner, at = ([("*",)], at + 1) if tokens[at] == "*" else _path(tokens, at)
                found += [prefix + path for path in inner]
                if tokens[at] == "as":
                    at += 2
            return found, at + 1
        if not following or not (following[0].isidentifier() or following == ["*"]):
            return [prefix], at + 1
        prefix += (following[0],)
        at += 2
    return [prefix], at


def _absolute(path: Module, module: Module) -> Module:
    match path:
        case ("crate", *rest):
            return tuple(rest)
        case ("self", *rest):
            return (*module, *rest)
        case ("super", *rest):
            return _absolute(tuple(rest), module[:-1]) if rest[:1] == ["super"] else (*module[:-1], *rest)
    return (*module, *path)


def imports_of(source: Path) -> Graph:
    """The files that each file of a crate imports from: a path stands for the deepest file that it names."""
    modules = modules_of(source)

    def name(module: Module) -> str:
        return modules[module].relative_to(source).as_posix()

    graph: Graph = {name(module): set() for module in modules}
    for module, path in modules.items():
        for target in paths_in(path.read_text(encoding="utf-8"), module):
            if target[: len(module)] == module and target[: len(module) + 1] not in modules:
                continue  # its own items
            deepest = next((target[:n] for n in range(len(target), 0, -1) if target[:n] in modules), None)
            if deepest is not None and deepest != module:
                graph[name(module)].add(name(deepest))
    return graph


def rooms_of(graph: Graph) -> Graph:
    """The same graph with each folder as one node; a file beside ``lib.rs`` is a room of its own."""
    rooms: defaultdict[str, set[str]] = defaultdict(set)
    for file, imported in graph.items():
        room = file.split("/")[0]
        rooms[room] |= {other.split("/")[0] for other in imported} - {room}
    return dict(rooms)


def cycle_in(graph: Graph) -> list[str]:
    """A cycle of the graph, its first node repeated at the end; empty if it has none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


@pytest.mark.parametrize("crate", ["core", "py"])
def test_no_file_imports_itself_through_others(crate: str) -> None:
    cycle = cycle_in(imports_of(RUST / crate / "src"))
    assert not cycle, "these files import each other: " + " -> ".join(cycle)


@pytest.mark.parametrize("crate", ["core", "py"])
def test_no_room_imports_itself_through_others(crate: str) -> None:
    cycle = cycle_in(rooms_of(imports_of(RUST / crate / "src")))
    assert not cycle, "these rooms import each other: " + " -> ".join(cycle)


def test_known_imports_are_found() -> None:
    graph = imports_of(RUST / "core/src")
    assert "fleet/fleet.rs" in graph["waves/status.rs"]
    assert "select/selection.rs" in graph["lib.rs"]
    assert "machine/kernel.rs" in graph["uuid_list/clean.rs"]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_cycle_is_found_and_listed(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {
            "lib.rs": "mod a;\nmod b;\nmod c;",
            "a.rs": "use crate::b::B;\npub struct A(B);",
            "b.rs": "pub struct B;\nfn f() { crate::c::g() }",
            "c.rs": "pub fn g() {}\n#[cfg(test)]\nmod tests { use super::super::a::A; }",
        },
    )
    cycle = cycle_in(imports_of(source))
    assert len(cycle) == 4
    assert set(cycle) == {"a.rs", "b.rs", "c.rs"}


def test_a_facade_that_its_own_room_imports_from_is_a_cycle(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {"lib.rs": "mod a;", "a/mod.rs": "mod x;\nmod y;\npub use x::X;", "a/x.rs": "pub struct X;", "a/y.rs": ""},
    )
    assert cycle_in(imports_of(source)) == []
    write(source, {"a/y.rs": "use super::X;"})
    assert cycle_in(imports_of(source)) == []
    write(source, {"a/x.rs": "use crate::a::y::Y;\npub struct X;"})
    assert set(cycle_in(imports_of(source))) == {"a/mod.rs", "a/x.rs", "a/y.rs"}


def test_rooms_can_form_a_cycle_where_files_do_not(tmp_path: Path) -> None:
    files = {"a/x.rs": "use crate::b::x::X;", "b/x.rs": "", "b/y.rs": "use crate::a::y::Y;", "a/y.rs": ""}
    graph = imports_of(write(tmp_path, {"lib.rs": "", **files}))
    assert cycle_in(graph) == []
    assert set(cycle_in(rooms_of(graph))) == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "imported"),
    [
        ("use crate::{b::{B, C as D}, c};", {"b.rs", "c.rs"}),
        ("use super::b::*;", {"b.rs"}),
        ("use super::{self, b};", {"b.rs"}),
        ("pub(super) use super::b::B;", {"b.rs"}),
        ("mod tests { use super::*; fn f() { super::super::b::f(); } }", {"b.rs"}),
        ("mod tests { mod deeper {} use super::b; }", set()),
        ("fn f() -> crate::c::C { todo!() }", {"c.rs"}),
        ('// use crate::b::B;\n/* crate::c */ const TEXT: &str = "crate::b"; const QUOTE: char = \'"\';', set()),
        ("use std::b::B; use serde::c;", set()),
        ("fn f<'a>(x: &'a str) -> Vec<crate::b::B<'a>> {}", {"b.rs"}),
        ("fn f() { let x = '{'; } use crate::c::C;", {"c.rs"}),
    ],
)
def test_paths_are_read_as_the_compiler_reads_them(tmp_path: Path, text: str, imported: set[str]) -> None:
    source = write(tmp_path, {"lib.rs": "", "a.rs": text, "b.rs": "", "c.rs": ""})
    assert imports_of(source)["a.rs"] == imported


def test_rust_files_and_folders_are_small() -> None:
    for path in sorted(RUST.rglob("*.rs")):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 400 or "lines because" in lines[0], f"{path} has {len(lines)} lines and no reason for it"
    for folder in {path.parent for path in RUST.rglob("*.rs")}:
        modules = [path for path in folder.glob("*.rs") if path.name not in ("mod.rs", "lib.rs", "tests.rs")]
        assert len(modules) <= 16, f"{folder} has {len(modules)} modules"
