"""What README and the pages show is what happens: commands are typed, Python is run, in one folder, from the top."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEAST = {
    "README.md": 12,
    "docs/factory.md": 14,
    "docs/tutorial.md": 16,
    "docs/tuf.md": 1,
    "docs/scale.md": 2,
    "docs/mappings.md": 8,
    "docs/embedding.md": 2,
}
"""The pages, and how many commands and scripts each has at least."""
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(found[1], found[2]) for found in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown below it."""
    # A command that goes on in the next line ends with a backslash.
    parts = re.split(r"^\$ ", re.sub(r" \\\n +", " ", block), flags=re.MULTILINE)[1:]
    pairs = [part.partition("\n") for part in parts]
    return [(command, output) for command, _, output in pairs]


def agrees(shown: str, printed: str) -> bool:
    """Whether the output is the one shown: a line of `…` stands for any lines, ` …` for the end of a line."""
    pattern = ".*".join(re.escape(part) for part in re.split(r"^…\n", shown, flags=re.MULTILINE))
    pattern = pattern.replace(re.escape(" …\n"), r"[^\n]*\n")
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


@pytest.mark.parametrize("page", LEAST)
def test_everything_shown_happens(page: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120"}
    shutil.copytree(ROOT / "docs/examples", tmp_path / "examples")
    seen = 0
    for language, block in blocks(ROOT / page):
        if language == "console":
            for command, shown in commands(block):
                if command.startswith("make"):
                    continue
                ran = subprocess.run(
                    ["/bin/bash", "-c", command],
                    cwd=tmp_path,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                assert agrees(shown, ran.stdout), f"$ {command}\n{ran.stdout}"
                seen += 1
        else:
            script = "import warnings; warnings.simplefilter('error')\n" + block
            subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
            seen += 1
    assert seen >= LEAST[page]


def test_the_judge_can_say_no() -> None:
    assert agrees("a\n…\nd\n", "a\nb\nc\nd\n")
    assert not agrees("a\n", "a\nb\n")
    assert not agrees("a\n…\n", "b\n")
    assert agrees("a …\nb\n", "a  1\nb\n")
    assert not agrees("a …\nb\n", "a  1\nc\nb\n")
