"""Demonstrates the main use on a synthetic fleet of 100 000 devices: each command, its output and time."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benches.targets import write_targets

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".demo"
MAX_LINES = 25

STEPS: list[tuple[str, int]] = [
    ("groundswell fleet synth --devices 100000 --seed 1 fleet.csv", 0),
    ("groundswell fleet show fleet.csv", 0),
    ("groundswell select fleet.csv -g us-east-1 -l 100 -o first.lst", 0),
    ("groundswell select fleet.csv -g us-east-1 -l 400 --exclude @first.lst -o second.lst", 0),
    ("groundswell select fleet.csv -l 2.5% --seed 42 -o wide.lst", 0),
    ("groundswell uuids check @wide.lst", 0),
    ("groundswell sets wide.lst first.lst second.lst --minus -o rest.lst", 0),
    ("groundswell select fleet.csv --uuids @rest.lst -l 5 --names", 0),
    ("groundswell select fleet.csv -g us-esat-1 -l 10", 3),
    ("groundswell select fleet.csv -l 0", 2),
    # Which strategy exposes fewer devices to an update that bricks 5% of them?
    ("groundswell strategies check d.toml --fleet fleet.csv -t production", 0),
    (
        "groundswell strategies simulate b.toml d.toml --fleet fleet.csv --seed 1 --runs 20 --scenario healthy:",
        0,
    ),
    (
        'groundswell strategies simulate b.toml d.toml --fleet fleet.csv --runs 9 --scenario "bricks: defect=5% brick"',
        0,
    ),
    ("groundswell init acme --name acme", 0),
    ("groundswell -C acme keys init --root-keys root.keys.tgz --targets-keys targets.only.key.tgz", 0),
    ("groundswell -C acme targets import targets.json", 0),
    ("groundswell -C acme devices import fleet.csv", 0),
    ("groundswell -C acme devices list -g canary --online --sort -last-seen -n 5", 0),
    ("groundswell -C acme status", 0),
    ("groundswell -C acme metadata export --device edge-000013 served", 0),
    ("groundswell metadata verify served --audience ci -t main", 0),
    ("groundswell -C acme devices show edge-00001", 3),
    # A release: canary group, samples, a plan, a list from another system, percentages, completion.
    ("groundswell -C acme waves init -k targets.only.key.tgz v216 216 production", 0),
    ("groundswell -C acme waves rollout v216 canary", 0),
    ("groundswell -C acme waves rollout v216 -g us-east-1 -l 100", 0),
    ("groundswell -C acme waves rollout v216 -g us-east-1 -l 1000 --dry-run --plan-out chunk.json", 0),
    ("groundswell -C acme waves rollout v216 --apply chunk.json", 0),
    ("groundswell -C acme waves rollout v216 --apply chunk.json", 0),  # a retry gets the first result
    ("groundswell select fleet.csv -g eu-emea-1 -t production -l 200 --seed 8 -o from-crm.lst", 0),
    ("groundswell -C acme waves rollout v216 -g eu-emea-1 --uuids @from-crm.lst", 0),
    ("groundswell -C acme waves rollout v216 -l 5%", 0),
    ("groundswell -C acme waves rollout v216 -l 20% --percent-of remaining", 0),
    ("groundswell -C acme waves rollout v216 -l 0", 2),
    ("groundswell -C acme waves status", 0),
    ("groundswell select fleet.csv --uuids @from-crm.lst -l 2 --seed 8 -o two.lst", 0),
    ("groundswell -C acme waves why @two.lst", 0),
    ("groundswell -C acme waves history --verify", 0),
    ("groundswell -C acme waves complete --yes", 0),
    ("groundswell -C acme waves init -k targets.only.key.tgz v217 217 production --prune 216", 0),
    ("groundswell -C acme waves rollout v217 -l 10", 0),
    ("groundswell -C acme waves cancel --yes", 0),
    ("groundswell -C acme waves list", 0),
    ("groundswell -C acme backup acme.backup", 0),
    ("groundswell -C acme check", 0),
]


def main() -> int:
    """Run the steps; returns 1 if one of them has an unexpected exit code."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    write_targets(FOLDER / "targets.json")
    for strategy in ("b.toml", "d.toml"):
        shutil.copy(ROOT / "docs/examples" / strategy, FOLDER)
    for command, expected in STEPS:
        print(f"\n$ {command}", flush=True)
        begun = time.perf_counter()
        words = [sys.executable, "-m", *shlex.split(command)]
        ran = subprocess.run(
            words, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        took = time.perf_counter() - begun
        lines = ran.stdout.splitlines()
        print("\n".join(lines[:MAX_LINES]))
        if len(lines) > MAX_LINES:
            print(f"… and {len(lines) - MAX_LINES} more lines")
        print(f"({took:.2f} s, exit code {ran.returncode})")
        if ran.returncode != expected:
            print(f"expected the exit code {expected}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
