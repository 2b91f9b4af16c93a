"""Python code of ours beside the libraries that could replace it: `python -m benches.build_or_buy`.

The decision records 0024 to 0026 give the figures; `rust/core/benches/build_or_buy.rs` has the parts in Rust.
Contenders take turns, after their answers were compared; printed is the least CPU time of several turns.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock
from rich.console import Console
from rich.table import Table
from securesystemslib.formats import encode_canonical

from groundswell.cli.output.tables import table
from groundswell.store.lock import OwnerLock
from groundswell.tuf.canonical import canonical, parse

if TYPE_CHECKING:
    from collections.abc import Callable

TURNS: Final = 7
IMPORT_TURNS: Final = 5
COMMAND: Final = "import groundswell.__main__, groundswell.errors, groundswell.cli.output.render"
NANO: Final = 1e-9
TARGETS: Final = 200
ROWS: Final = 1000


def compare(title: str, contenders: dict[str, Callable[[], object]], *, repeat: int = 1) -> None:
    """Print the least CPU time of each contender, and as a multiple of the first."""
    least = dict.fromkeys(contenders, float("inf"))
    for _ in range(TURNS):
        for name, run in contenders.items():
            start = time.process_time_ns()
            for _ in range(repeat):
                run()
            least[name] = min(least[name], (time.process_time_ns() - start) * NANO / repeat)
    _print(title, least)


def compare_imports(title: str, statements: dict[str, str]) -> None:
    """Print how much CPU time an import adds to a process that has imported what every command needs."""
    least = dict.fromkeys(["nothing more", *statements], float("inf"))
    for _ in range(IMPORT_TURNS):
        for name in least:
            least[name] = min(least[name], _cpu_of(statements.get(name, "pass")))
    without = least.pop("nothing more")
    print(title)
    for name, seconds in least.items():
        print(f"  {name:<52} {1e3 * (seconds - without):>9.1f} ms more than {1e3 * without:.0f} ms")


def _cpu_of(statement: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", f"{COMMAND}; {statement}"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _print(title: str, least: dict[str, float]) -> None:
    first = next(iter(least.values()))
    print(title)
    for name, seconds in least.items():
        print(f"  {name:<52} {1e3 * seconds:>9.3f} ms {seconds / first:>7.2f} x")


# --- the lock: filelock --------------------------------------------------------------------------------------------


def compare_locks(folder: Path) -> None:
    path = folder / "lock"
    library = FileLock(folder / "other-lock")

    def ours() -> None:
        OwnerLock.acquire(path, owner="groundswell", wait=0).release()

    def theirs() -> None:
        library.acquire(timeout=0)
        library.release()

    compare("take and release a lock", {"ours": ours, "filelock": theirs}, repeat=200)
    imports = {"ours": "import groundswell.store.lock", "filelock": "import filelock; filelock.FileLock"}
    compare_imports("import the lock", imports)


# --- canonical JSON: securesystemslib ------------------------------------------------------------------------------


def targets(number: int) -> dict[str, Any]:
    """Targets metadata of some targets, in the shape of wire.md."""
    return {
        "_type": "Targets",
        "expires": "2027-01-01T00:00:00Z",
        "version": 42,
        "targets": {
            f"board-lmp-{version}": {
                "length": 0,
                "hashes": {"sha256": f"{version:064x}"},
                "custom": {
                    "name": "board-lmp",
                    "version": str(version),
                    "hardwareIds": ["board"],
                    "tags": ["main", "production"],
                    "targetFormat": "OSTREE",
                    "uri": f"registry.example.test/factory/{version}",
                    "docker_compose_apps": {
                        app: {"uri": f"registry.example.test/{app}@sha256:{version:064x}"} for app in ("shell", "web")
                    },
                },
            }
            for version in range(number)
        },
    }


def compare_canonical() -> None:
    document = targets(TARGETS)
    spelled = canonical(document)
    assert str(encode_canonical(document)).encode() == spelled
    compare(
        f"spell a document of {TARGETS} targets, {len(spelled)} bytes",
        {
            "ours": lambda: canonical(document),
            "securesystemslib": lambda: str(encode_canonical(document)).encode(),
        },
    )
    compare(
        "read it",
        {"ours: every refusal of `parse`": lambda: parse(spelled, "it"), "json.loads": lambda: json.loads(spelled)},
    )


# --- tables: rich --------------------------------------------------------------------------------------------------


def rows(number: int) -> list[list[object]]:
    return [[f"6f1c2f3e-1a6f-4d53-a6c5-{row:012x}", f"group-{row % 7}", 35 + row % 8, None] for row in range(number)]


HEADER: Final = ("uuid", "group", "version", "last seen")


def rich_table(body: list[list[object]], width: int) -> str:
    drawn = Table(box=None, pad_edge=False, show_edge=False)
    for name in HEADER:
        drawn.add_column(name, justify="right" if name == "version" else "left")
    for row in body:
        drawn.add_row(*("-" if value is None else str(value) for value in row))
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False, color_system=None)
    console.print(drawn)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def compare_tables() -> None:
    body = rows(ROWS)
    words = [line.split() for line in table(HEADER, body, width=100)]
    assert [line.split() for line in rich_table(body, 100).splitlines()] == words
    compare(
        f"a table of {ROWS} devices",
        {"ours": lambda: table(HEADER, body, width=100), "rich": lambda: rich_table(body, 100)},
    )
    imports = {"ours": "import groundswell.cli.output.tables", "rich": "import rich.console, rich.table"}
    compare_imports("import tables", imports)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare_locks(Path(folder))
    compare_canonical()
    compare_tables()


if __name__ == "__main__":
    main()
