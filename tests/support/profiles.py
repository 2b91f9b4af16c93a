"""The number of examples in a test run: the profiles `dev`, `ci` (default) and `full`.

`HYPOTHESIS_PROFILE` names the profile; `GROUNDSWELL_TESTS=full` means `full`. The numbers of examples in the tests are
those of `full`. A smaller profile draws fewer, and each run draws different ones, so many short runs find what a long
one does.
"""

from __future__ import annotations

import math
import os

from hypothesis import HealthCheck, settings

_SHARES = {"dev": 0.1, "ci": 0.2, "full": 1.0}
_MIN_EXAMPLES = 4


def _chosen() -> str:
    name = os.environ.get("HYPOTHESIS_PROFILE") or ("full" if os.environ.get("GROUNDSWELL_TESTS") == "full" else "ci")
    if name not in _SHARES:
        message = f"HYPOTHESIS_PROFILE is `{name}`: use one of {', '.join(_SHARES)}"
        raise ValueError(message)
    return name


PROFILE = _chosen()


def examples(full: int) -> int:
    """The number of examples in the profile of this run, where `full` is that of the profile `full`."""
    return max(min(full, _MIN_EXAMPLES), math.ceil(full * _SHARES[PROFILE]))


def load() -> None:
    """Register the profiles with Hypothesis and load the one of this run.

    Hypothesis' own profile `ci` draws the same examples each time and does not store failures. Ours draws different
    ones, and prints the blob that reproduces a failure.
    """
    for name in _SHARES:
        settings.register_profile(
            name,
            max_examples=examples(100),
            deadline=None,
            derandomize=False,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow],  # the machine may be busy
        )
    settings.load_profile(PROFILE)
