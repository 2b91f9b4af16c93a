"""Workers one after the other, and what they found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parents[1]


@dataclass
class Finding:
    """A case that ended badly."""

    parser: str
    what: str
    data: bytes

    @property
    def kind(self) -> str:
        """Findings of one kind are probably one fault: the last line of a traceback and where it was raised."""
        lines = self.what.strip().splitlines()
        places = [line.strip() for line in lines if line.strip().startswith("File ") and "groundswell/" in line]
        return f"{lines[-1][:100]} | {places[-1][-120:] if places else ''}"


@dataclass
class Result:
    """What a campaign came to."""

    cases: int = 0
    findings: list[Finding] = field(default_factory=list)


def run_worker(parser: str, *, seed: int, seconds: float, cases: list[Path] | None = None) -> Result:
    """Run one worker to its end, or to its death."""
    result = Result()
    with tempfile.TemporaryDirectory(prefix="groundswell-fuzz-") as folder:
        case = Path(folder) / "case"
        command = [
            sys.executable,
            "-m",
            "fuzz.worker",
            parser,
            str(seed),
            str(seconds),
            str(case),
            *map(str, cases or []),
        ]
        path = os.pathsep.join([str(TESTS.parent / "python"), str(TESTS)])
        environment = os.environ | {"PYTHONPATH": path, "TMPDIR": folder}
        ran = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 600,
            cwd=TESTS.parent,
        )
        for line in ran.stdout.splitlines():
            told = json.loads(line)
            result.cases += told.get("count", 0)
            if "what" in told:
                data = Path(told["case"]).read_bytes() if "case" in told else bytes.fromhex(told["data"])
                result.findings.append(Finding(parser, told["what"], data))
        if ran.returncode:
            what = f"the process ended with {ran.returncode}: {ran.stderr[-2000:]}"
            result.findings.append(Finding(parser, what, case.read_bytes() if case.exists() else b""))
    return result


def run_campaign(parser: str, *, seed: int, seconds: float) -> Result:
    """Run workers for so many seconds: after the death of one, the next goes on with other chances."""
    total, end = Result(), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and len(total.findings) < 200:
        result = run_worker(parser, seed=seed, seconds=left)
        total.cases += result.cases
        total.findings += result.findings
        seed += 1
    return total
