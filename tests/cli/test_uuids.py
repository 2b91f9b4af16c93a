"""``groundswell uuids check``: what goes where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from groundswell.cli import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.commands import Ran

A = "6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11"
B = "00000000-0000-0000-0000-0000000000ff"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.txt").write_text(f"uuid\r\n{A}\r\n{B}\r\n{A}\r\n")
    (tmp_path / "bad.txt").write_text(f"{A}\nzebra\n\n  {B[:-1]}\n")
    return tmp_path


class Result:
    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code, self.stdout, self.stderr = code, stdout, stderr


def check(*arguments: str, stdin: bytes = b"") -> Result:
    with CliRunner().isolation(input=stdin) as streams:
        code = run(["uuids", "check", *arguments])
        return Result(code, streams[0].getvalue().decode(), streams[1].getvalue().decode())


def test_the_report_of_a_good_list_is_data() -> None:
    result = check("@good.txt")
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout == "UUIDs       2\nduplicates  1\nheader      yes\nbad values  0\n"


def test_bad_values_are_shown_with_line_and_column_and_exit_2() -> None:
    result = check("@bad.txt")
    assert (result.code, result.stderr) == (2, "")
    assert result.stdout.splitlines()[3:] == [
        "bad values  2",
        "  line 2, column 1: `zebra`: `z` at character 1 is no hex digit",
        f"  line 4, column 3: `{B[:-1]}`: 31 hex digits, a UUID has 32",
    ]


def test_five_bad_values_are_shown_and_the_rest_counted() -> None:
    result = check("@-", stdin=b"x\n" * 5000)
    assert result.stdout.count("line ") == 5
    assert result.stdout.splitlines()[-1] == "  and 4995 more"


def test_json_has_every_count_and_bad_value() -> None:
    result = check("@bad.txt", "--json")
    assert result.code == 2
    data = json.loads(result.stdout)
    assert {key: data[key] for key in ("count", "duplicates", "header", "bad_count")} == {
        "count": 1,
        "duplicates": 0,
        "header": False,
        "bad_count": 2,
    }
    assert data["bad"][0] == {
        "line": 2,
        "column": 1,
        "text": "zebra",
        "reason": "`z` at character 1 is no hex digit",
    }


@pytest.mark.parametrize("argument", ["", " ", "@-", "uuid", '""'])
def test_an_empty_list_is_refused(argument: str) -> None:
    result = check(argument)
    assert result.code == 2
    assert result.stdout.startswith("UUIDs       0\n")
    assert result.stderr.startswith("error: the UUID list `")


def test_clean_prints_the_list_and_reports_on_stderr() -> None:
    result = check("@good.txt", "--clean")
    assert (result.code, result.stdout) == (0, f"{A}\n{B}\n")
    assert "duplicates  1" in result.stderr


def test_clean_output_is_a_clean_list() -> None:
    cleaned = check("@good.txt", "--clean").stdout
    assert check("@-", "--clean", stdin=cleaned.encode()).stdout == cleaned


def test_clean_refuses_bad_values_and_writes_nothing(folder: Path) -> None:
    result = check("@bad.txt", "--clean", "-o", "out.txt")
    assert (result.code, result.stdout) == (2, "")
    assert "line 2, column 1: `zebra`" in result.stderr
    assert "error: `bad.txt` has 2 bad values, so nothing was written" in result.stderr
    assert "--skip-bad" in result.stderr
    assert not (folder / "out.txt").exists()


def test_skip_bad_leaves_them_out_and_says_so(folder: Path) -> None:
    result = check("@bad.txt", "--clean", "--skip-bad", "-o", "bad.txt")
    assert (result.code, result.stdout) == (0, "")
    assert "bad values  2" in result.stderr
    assert (folder / "bad.txt").read_text() == f"{A}\n"


def test_skip_bad_does_not_write_an_empty_list(folder: Path) -> None:
    result = check("zebra", "--clean", "--skip-bad", "-o", "out.txt")
    assert result.code == 2
    assert "has bad values only" in result.stderr
    assert not (folder / "out.txt").exists()


def test_a_refusal_in_json_is_one_object() -> None:
    result = check("@bad.txt", "--clean", "--json")
    assert (result.code, result.stdout) == (2, "")
    error = json.loads(result.stderr)["error"]
    assert (error["code"], error["fields"]["bad_count"]) == ("bad-uuid", 2)


@pytest.mark.parametrize(
    ("argument", "code", "message"),
    [
        ("@godo.txt", 3, "there is no file `godo.txt`\n hint: did you mean `good.txt`?"),
        ("@", 2, "there is no name after `@`"),
        ("@.", 2, "`.` is a folder"),
    ],
)
def test_a_file_that_is_none_is_refused(argument: str, code: int, message: str) -> None:
    result = check(argument)
    assert (result.code, result.stdout) == (code, "")
    assert message in result.stderr


@pytest.mark.parametrize("command", [["@", "no-file-name"], [".", "is-a-folder"]])
def test_refusals_have_their_codes(command: list[str]) -> None:
    argument, code = command
    result = check("@" + argument.removeprefix("@"), "--json")
    assert json.loads(result.stderr)["error"]["code"] == code


def test_a_forgotten_at_sign_is_noticed() -> None:
    result = check("good.txt")
    assert result.code == 2
    assert result.stderr == "note: to read the file, use `@good.txt`\n"
    assert check("x" * 5000).code == 2


def test_binary_is_refused_with_its_byte_offset() -> None:
    result = check("@-", stdin=b"\x7fELF\0")
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: `stdin`: the list is not text: a NUL is at byte offset 4\n")


@pytest.mark.parametrize("options", [["--skip-bad"], ["-o", "out.txt"]])
def test_options_of_clean_need_clean(options: list[str]) -> None:
    result = check("@good.txt", *options)
    assert result.code == 2
    assert f"{options[0]} requires --clean" in result.stderr


def test_as_a_process_a_pipe_of_crlf_and_utf16_is_read() -> None:
    command = [sys.executable, "-m", "groundswell", "uuids", "check", "@-", "--clean"]
    done = subprocess.run(command, input=f"{A}\r\n{B}\r\n".encode("utf-16"), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{A}\n{B}\n".encode())
    assert b"UUIDs       2" in done.stderr


def test_a_bad_value_of_a_json_array_has_the_number_of_its_element(run: Callable[..., Ran]) -> None:
    ran = run("uuids", "check", "--json", '["00000000-0000-4000-8000-000000000001", "a,b", {"c": [1, 2]}, "x"]')
    found = [(bad["text"], bad["element"]) for bad in json.loads(ran.out)["bad"]]
    assert found == [("a", 2), ("b", 2), ('{"c":', 3), ("[1", 3), ("2]}", 3), ("x", 4)]
    assert (
        "line 1, column 43 (element 2): `a`"
        in run("uuids", "check", '["00000000-0000-4000-8000-000000000001", "a"]').out
    )
    assert "element" not in run("uuids", "check", "--json", "a b").out
