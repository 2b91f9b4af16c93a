"""The tests of gates, stated a second time in plain Python, and exact probabilities by a walk over counts."""

from __future__ import annotations

from math import exp, log

import numpy as np


def stop_evidence(n: int, x: int, limit: float) -> float:
    """E(n, x): a mixture of 16 likelihood ratios with weights that fall with the rate."""
    rates = [limit * exp(log(1.5) + j / 15 * (log(0.95 / limit) - log(1.5))) for j in range(16)]
    total = sum(1 / rate for rate in rates)
    logs = [x * log(rate / limit) + (n - x) * log((1 - rate) / (1 - limit)) - log(rate * total) for rate in rates]
    top = max(logs)
    return exp(top) * sum(exp(one - top) for one in logs)


def stopping_counts(limit: float, alpha: float, n: int) -> list[int]:
    """For 1 to n served devices: the least number of failures that stops; n + 1 for never."""
    found, least = [], 1
    for served in range(1, n + 1):
        # One more good device never raises E, so the count never falls.
        while least <= served and stop_evidence(served, least, limit) < 1 / alpha:
            least += 1
        found.append(least if least <= served else n + 1)
        least = min(least, served + 1)
    return found


def probability_to_stop(limit: float, alpha: float, rate: float, n: int) -> float:
    """The probability that n devices, each failing with the rate, ever stop: a walk, device by device."""
    counts = stopping_counts(limit, alpha, n)
    going = np.zeros(n + 2)
    going[0], stopped = 1.0, 0.0
    reach = 0
    for needed in counts:
        reach += 1
        going[1 : reach + 1] = going[1 : reach + 1] * (1 - rate) + going[:reach] * rate
        going[0] *= 1 - rate
        if needed <= reach:
            stopped += float(going[needed : reach + 1].sum())
            going[needed : reach + 1] = 0
            reach = needed - 1
    return stopped
