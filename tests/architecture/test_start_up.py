"""Start-up is lazy: what costs a tenth of a second to import is imported by the command that needs it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "duckdb",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pyroaring",
    "rich",
    "adbc_driver_manager",
    "cryptography",
    "securesystemslib",
}


def heavy_modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return HEAVY & set(run.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import groundswell",
        "import groundswell; groundswell.InputError",
        "import groundswell.tuf",
        "import groundswell; groundswell.Fleet, groundswell.UuidList",
        "from groundswell.cli import run; run(['--help'])",
        "from groundswell.cli import run; run(['select', '--help'])",
        "from groundswell.cli import run; run(['fleet', 'synth', '--help'])",
        "from groundswell.cli import run; run(['uuids', 'check', '--help'])",
        "from groundswell.cli import run; run(['sets', '--help'])",
        "import groundswell; groundswell.Factory",
        *(
            f"from groundswell.cli import run; run({[command, '--help']!r})"
            for command in ("init", "devices", "groups", "keys", "targets", "metadata", "status", "check", "restore")
        ),
        "from groundswell.cli import run; run(['devices', 'import', '--help'])",
        "from groundswell.cli import run; run(['status', '-C', 'no-such-factory'])",
    ],
)
def test_start_up_imports_nothing_heavy(code: str) -> None:
    assert heavy_modules_after(code) == set()


def test_reading_and_selecting_need_no_pandas_and_no_polars(tmp_path: Path) -> None:
    source = tmp_path / "fleet.csv"
    source.write_text(f"uuid,name,production,group,last_seen\n{'a' * 32},x,true,a,5\n{'b' * 32},y,true,,\n")
    code = f"from groundswell.cli import run; run(['select', {str(source)!r}])"
    assert not heavy_modules_after(code) & {"pandas", "polars", "rich"}


def test_loading_a_factory_needs_no_pandas(tmp_path: Path) -> None:
    source = tmp_path / "fleet.csv"
    source.write_text(
        f"uuid,name,production,group,tag,hardware_id\n{'a' * 32},x,true,a,main,pi\n{'b' * 32},y,true,,,\n"
    )
    factory = str(tmp_path / "acme")
    commands = [["init", factory, "--name", "acme"], ["-C", factory, "devices", "import", str(source)]]
    for command in commands:
        subprocess.run([sys.executable, "-m", "groundswell", *command], capture_output=True, check=True)
    code = f"""
from groundswell import Factory
with Factory.open({factory!r}) as factory:
    fleet = factory.devices.fleet()
    assert fleet.hardware_counts(fleet.select(seed=1).ordinals) == {{"pi": 1}}
"""
    assert not heavy_modules_after(code) & {"pandas", "polars", "rich"}


def test_the_law_can_fail() -> None:
    assert heavy_modules_after("import numpy") == {"numpy"}
