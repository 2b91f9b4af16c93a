"""`make fuzz SECONDS=600`: fuzz all parsers for so long each, or some of them; findings are written to a folder."""

from __future__ import annotations

import argparse
import hashlib
import random
from pathlib import Path

from fuzz.campaign import run_campaign
from fuzz.parsers import PARSERS, now


def main() -> int:
    """The number of kinds of findings, at most 1."""
    arguments = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60, help="for each parser (default: 60)")
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    arguments.add_argument("parsers", nargs="*", choices=[[], *PARSERS], metavar="PARSER")
    given = arguments.parse_args()
    kinds: set[str] = set()
    for name in given.parsers or PARSERS:
        result = run_campaign(name, seed=given.seed, seconds=given.seconds)
        new = {finding.kind: finding for finding in result.findings}
        print(
            f"{now():%H:%M:%S} {name}: {result.cases} cases, {len(new)} kinds of findings, seed {given.seed}",
            flush=True,
        )
        for kind, finding in new.items():
            kinds.add(kind)
            stem = f"{name}-{hashlib.sha256(kind.encode()).hexdigest()[:12]}"
            given.out.mkdir(parents=True, exist_ok=True)
            (given.out / f"{stem}.case").write_bytes(finding.data)
            (given.out / f"{stem}.txt").write_text(finding.what)
            print(f"    {kind} -> {given.out / stem}.case", flush=True)
    return min(1, len(kinds))


if __name__ == "__main__":
    raise SystemExit(main())
