"""The tests that stop a run or let it go on, and their numbers: ``python -m groundswell.gate 100 8 --limit 2%``."""

from __future__ import annotations

import argparse
import json
import sys

from groundswell.decide.gate import (
    at_most_failing,
    bounds,
    greatest_to_stop,
    least_to_prove,
    noticed_rate,
    probability_to_stop,
    prove_evidence,
    rate,
    silence_evidence,
    stop_evidence,
)
from groundswell.errors import InputError
from groundswell.text import printable

__all__ = [
    "at_most_failing",
    "bounds",
    "greatest_to_stop",
    "least_to_prove",
    "main",
    "noticed_rate",
    "probability_to_stop",
    "prove_evidence",
    "rate",
    "silence_evidence",
    "stop_evidence",
]


def main(arguments: list[str] | None = None) -> int:
    """Print the numbers of both tests for n served devices of which x failed; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m groundswell.gate", description=__doc__)
    parser.add_argument("n", type=int, help="how many devices were served")
    parser.add_argument("x", type=int, help="how many of them failed")
    parser.add_argument("--limit", default="2%", help="the limit of the stop test (default: 2%%)")
    parser.add_argument("--prove", help="the rate to prove (default: the limit)")
    parser.add_argument("--confidence", default="95%", help="the confidence of each test (default: 95%%)")
    parser.add_argument("--json", action="store_true", help="print one object")
    said = parser.parse_args(arguments)
    try:
        numbers = _numbers(said)
    except InputError as error:
        sys.stderr.write(f"error: {printable(error.message)}\n hint: {error.neutral_hint}\n")
        return error.exit_code
    if said.json:
        sys.stdout.write(json.dumps(numbers) + "\n")
    else:
        for name, value in numbers.items():
            shown = " ".join(map(str, value)) if isinstance(value, list) else value
            sys.stdout.write(f"{name:<16} {shown}\n")
    return 0


def _numbers(said: argparse.Namespace) -> dict[str, object]:
    alpha = round(1 - rate(said.confidence, "confidence"), 12)
    below = said.limit if said.prove is None else said.prove
    evidence = float(stop_evidence(said.n, said.x, said.limit))
    proof = float(prove_evidence(said.n, said.x, below))
    lower, upper = bounds(said.n, said.x, alpha=alpha)
    return {
        "stop_evidence": evidence,
        "stops": evidence >= 1 / alpha,
        "prove_evidence": proof,
        "proven": proof >= 1 / alpha,
        "lower_bound": lower,
        "upper_bound": upper,
        "greatest_to_stop": greatest_to_stop(said.limit, alpha=alpha),
        "least_to_prove": [least_to_prove(below, x, alpha=alpha) for x in range(6)],
    }


if __name__ == "__main__":
    sys.exit(main())
