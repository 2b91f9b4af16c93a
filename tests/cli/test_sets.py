"""``groundswell sets``: algebra on files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from groundswell.cli import run

if TYPE_CHECKING:
    from pathlib import Path

A = "aaaaaaaa-0000-0000-0000-000000000000"
B = "bbbbbbbb-0000-0000-0000-000000000000"
C = "cccccccc-0000-0000-0000-000000000000"
D = "dddddddd-0000-0000-0000-000000000000"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").write_text(f"{C};{A};{B};{A}")
    (tmp_path / "two").write_text(f"uuid\n{B}\n{D}\n{C}\n")
    (tmp_path / "three").write_text(B)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bad").write_text(f"{A}\nzebra")
    return tmp_path


def sets(*arguments: str, stdin: str = "") -> tuple[int, list[str], str]:
    with CliRunner().isolation(input=stdin) as streams:
        code = run(["sets", *arguments])
        return code, streams[0].getvalue().decode().splitlines(), streams[1].getvalue().decode()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["one", "two", "--union"], [C, A, B, D]),
        (["--union", "two", "one"], [B, D, C, A]),
        (["one", "two", "--intersect"], [C, B]),
        (["one", "two", "three", "--intersect"], [B]),
        (["one", "three", "--minus"], [C, A]),
        (["one", "three", "two", "--minus"], [A]),
        (["one", "--union"], [C, A, B]),
        (["@one", "@three", "--minus"], [C, A]),
    ],
)
def test_results_are_in_order_of_first_appearance(arguments: list[str], expected: list[str]) -> None:
    code, lines, _ = sets(*arguments)
    assert (code, lines) == (0, expected)


def test_the_summary_counts_what_went_in_and_what_came_out() -> None:
    _, _, stderr = sets("one", "two", "--union")
    assert stderr == "3 in `one` and 1 repeated, 3 in `two`: 4 in the union\n"


@pytest.mark.parametrize("name", ["-", "@-"])
def test_one_file_may_be_stdin(name: str) -> None:
    code, lines, stderr = sets("one", name, "--minus", stdin=A)
    assert (code, lines) == (0, [C, B])
    assert "1 in `stdin`" in stderr


def test_stdin_is_read_once() -> None:
    code, lines, stderr = sets("-", "@-", "--union", stdin=A)
    assert (code, lines) == (2, [])
    assert "stdin can be read once only" in stderr


def test_the_output_may_be_one_of_the_files(folder: Path) -> None:
    code, lines, _ = sets("one", "two", "--minus", "-o", "one")
    assert (code, lines) == (0, [])
    assert (folder / "one").read_text() == f"{A}\n"
    assert sorted(path.name for path in folder.iterdir()) == ["bad", "empty", "one", "three", "two"]


def test_an_empty_result_is_written_and_told(folder: Path) -> None:
    code, _, stderr = sets("three", "one", "--minus", "-o", "out")
    assert code == 0
    assert (folder / "out").read_bytes() == b""
    assert "0 in the difference\nnote: the result is an empty list, which other commands refuse" in stderr


@pytest.mark.parametrize("operation", ["--union", "--intersect", "--minus"])
@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("empty", 2, "error: the UUID list `empty` is empty"),
        ("bad", 2, "error: `zebra` in line 2, column 1 of `bad` is not a UUID"),
        ("there", 3, "error: there is no file `there`\n hint: did you mean `three`?"),
        ("@", 2, "error: there is no name after `@`"),
    ],
)
def test_a_list_that_is_none_is_refused_and_nothing_written(
    folder: Path, operation: str, name: str, code: int, message: str
) -> None:
    for files in (["one", name], [name, "one"]):
        result, lines, stderr = sets(*files, operation, "-o", "out")
        assert (result, lines) == (code, [])
        assert stderr.startswith(message)
        assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one", "two"], "use one of --union, --intersect and --minus"),
        (["one", "two", "--union", "--minus"], "use one of --union, --intersect and --minus"),
        (["one", "--minus"], "--minus takes two files or more"),
        (["one", "--intersect"], "--intersect takes two files or more"),
        (["--union"], "missing argument 'FILE...'"),
    ],
)
def test_exactly_one_operation_on_enough_files(arguments: list[str], message: str) -> None:
    code, lines, stderr = sets(*arguments)
    assert (code, lines) == (2, [])
    assert message in stderr
