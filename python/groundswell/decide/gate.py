"""The tests that stop a run or let it go on; `groundswell.gate` is their public name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

__all__ = [
    "at_most_failing",
    "bounds",
    "greatest_to_stop",
    "least_to_prove",
    "noticed_rate",
    "probability_to_stop",
    "prove_evidence",
    "rate",
    "silence_evidence",
    "stop_evidence",
]

_MAX_LIMIT: Final = 0.5
_MAX_DEVICES: Final = 2**32
_MAX_WALK: Final = 100_000
_MAX_SHOWN: Final = 40


def rate(value: float | str, name: str = "limit", *, most: float = 1.0) -> float:
    """A rate as a fraction: of a percentage such as ``"2%"``, or of a number.

    Args:
        value: above 0 and at most `most`.
        name: what it is, for the error.
        most: the greatest rate.

    Raises:
        InputError: ``bad-rate``.

    >>> rate("2.5%"), rate(0.02)
    (0.025, 0.02)
    """
    text = value.strip() if isinstance(value, str) else None
    try:
        found = float(value) if text is None else float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except (TypeError, ValueError):
        found = -1.0
    if not 0 < found <= most:
        raise InputError(
            "bad-rate",
            f"the {name} `{str(value)[:_MAX_SHOWN]}` is not above 0% and at most {100 * most:g}%",
            hint="give a percentage such as 2%",
            fields={"name": name, "value": str(value)[:_MAX_SHOWN], "most": most},
        )
    return found


def stop_evidence(n: npt.ArrayLike, x: npt.ArrayLike, limit: float | str) -> npt.NDArray[np.float64]:
    """E(n, x): how much better a failure rate above the limit explains the data than the limit does.

    A rule stops where E ≥ 1/α. It may look after every device: while the rate is at the limit or below, E ever reaches
    1/α with probability ≤ α (Ville's inequality).

    E = Σ w_j (p_j/p₀)^x ((1−p_j)/(1−p₀))^(n−x), over 16 rates p_j from 1.5 p₀ to 95%, with w_j ∝ 1/p_j

    Args:
        n: numbers of served devices: an integer, or an array of them.
        x: how many of them failed, each at most its n; of the shape of `n`.
        limit: p₀, above 0 and at most 50%.

    Returns:
        E, in the shape of `n`.

    Raises:
        InputError: ``bad-rate``, ``bad-counts``.

    Source: Robbins 1970 (mixtures of likelihood ratios).

    >>> round(float(stop_evidence(100, 8, "2%")), 8)
    65.00913551
    """
    counts, failed, shape = _counts(n, x)
    return _core.gate_stop(counts, failed, rate(limit, most=_MAX_LIMIT)).reshape(shape)


def prove_evidence(n: npt.ArrayLike, x: npt.ArrayLike, below: float | str) -> npt.NDArray[np.float64]:
    """E′(n, x): how strongly the data show that the failure rate is below a rate; it is proven where E′ ≥ 1/α.

    Args:
        n: numbers of devices that were served long enough ago: an integer, or an array of them.
        x: how many of them are not good; of the shape of `n`.
        below: the rate, above 0 and below 100%.

    Returns:
        E′, in the shape of `n`.

    Raises:
        InputError: ``bad-rate``, ``bad-counts``.

    >>> bool(prove_evidence(315, 0, "1%") >= 20), bool(prove_evidence(316, 0, "1%") >= 20)
    (False, True)
    """
    counts, failed, shape = _counts(n, x)
    return _core.gate_prove(counts, failed, _below_one(below)).reshape(shape)


def silence_evidence(events: Iterable[tuple[bool, int, int]]) -> float:
    """E of the silence test: whether picked devices go quiet more often than the controls of their cell and hour.

    Args:
        events: each device that went quiet, in order: whether it was picked; how many of the devices left in its cell
            and hour were picked; how many are left.

    Returns:
        E = mean over θ ∈ {1.5, 2, 4, 8, 16} of Π θ^I/(1−r+θr); 1 without an event.

    Raises:
        InputError: ``bad-counts``.

    Source: ter Schure et al., anytime-valid log-rank test.

    >>> round(silence_evidence([(True, 10, 100), (True, 9, 98), (False, 8, 97), (True, 8, 96), (True, 7, 95)]), 6)
    304.732895
    """
    found = [(bool(picked), int(some), int(every)) for picked, some, every in events]
    if any(not 0 <= some <= every or every < 1 for _, some, every in found):
        raise _bad_counts("an event has more picked devices than devices")
    return _core.gate_silence(*([list(part) for part in zip(*found, strict=True)] or [[], [], []]))


def bounds(n: int, x: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """The failure rates that the tests cannot reject: the stop test rejects all below, the prove test all above.

    Args:
        n: how many devices were served.
        x: how many of them failed.
        alpha: the α of each test.

    Returns:
        The lower bound, at most 50%, and the upper bound, as fractions.

    Raises:
        InputError: ``bad-counts``, ``bad-rate``.

    >>> [f"{bound:.4%}" for bound in bounds(100, 8)]
    ['2.5358%', '19.7639%']
    """
    _counts(n, x)
    return _core.gate_bounds(n, x, _below_one(alpha, "alpha"))


def greatest_to_stop(limit: float | str, *, up_to: int = 12, alpha: float = 0.05) -> list[int]:
    """For 1 to `up_to` failures: the greatest number of served devices at which so many stop; 0 for never.

    Raises:
        InputError: ``bad-rate``, ``bad-counts``.

    >>> greatest_to_stop("2%", up_to=8)
    [0, 4, 16, 32, 52, 75, 99, 125]
    """
    if not 1 <= up_to <= _MAX_WALK:
        raise _bad_counts(f"the number of failures is `{up_to}`, not 1 to {_MAX_WALK}")
    fraction, share, devices = rate(limit, most=_MAX_LIMIT), _below_one(alpha, "alpha"), 64
    while True:
        found = _core.gate_boundary(fraction, share, devices)
        # The list ends where n reaches the number of devices; the last entry may be cut short by it.
        if len(found) > up_to + 1 or (len(found) > up_to and found[up_to] < devices):
            return found[1 : up_to + 1]
        devices *= 2


def least_to_prove(below: float | str, x: int = 0, *, alpha: float = 0.05) -> int:
    """The least number of devices at which `x` failures prove a rate.

    Raises:
        InputError: ``bad-rate``, ``bad-counts``.

    >>> [least_to_prove("1%", x) for x in range(3)]
    [316, 721, 972]
    """
    _counts(x, x)
    return _core.gate_least_to_prove(_below_one(below), _below_one(alpha, "alpha"), x)


def noticed_rate(limit: float | str, n: int, *, power: float = 0.9, alpha: float = 0.05) -> float | None:
    """The failure rate that the stop test notices with a probability of `power` within `n` served devices.

    Args:
        limit: the limit.
        n: how many devices are served, at most 100 000.
        power: the probability.
        alpha: the α of the test.

    Returns:
        The rate as a fraction; None if not even a rate of 100% is noticed.

    Raises:
        InputError: ``bad-rate``, ``bad-counts``.

    Cost: a walk of n steps for each of 60 rates.

    >>> f"{noticed_rate('2%', 300):.1%}"
    '6.0%'
    """
    if not 1 <= n <= _MAX_WALK:
        raise _bad_counts(f"the number of devices is `{n}`, not 1 to {_MAX_WALK}")
    return _core.gate_noticed(rate(limit, most=_MAX_LIMIT), _below_one(alpha, "alpha"), n, _below_one(power, "power"))


def probability_to_stop(limit: float | str, true_rate: float | str, n: int, *, alpha: float = 0.05) -> float:
    """The probability that the stop test stops within `n` devices, each of which fails with the true rate. Exact.

    Args:
        limit: the limit.
        true_rate: the rate, above 0 and at most 100%.
        n: how many devices are served, at most 100 000.
        alpha: the α of the test.

    Raises:
        InputError: ``bad-rate``, ``bad-counts``.

    >>> f"{probability_to_stop('2%', '2%', 3000):.6f}"
    '0.033282'
    """
    if not 1 <= n <= _MAX_WALK:
        raise _bad_counts(f"the number of devices is `{n}`, not 1 to {_MAX_WALK}")
    fraction = rate(limit, most=_MAX_LIMIT)
    return _core.gate_probability_to_stop(fraction, _below_one(alpha, "alpha"), rate(true_rate, "true rate"), n)


def at_most_failing(devices: int, n: int, x: int, *, alpha: float = 0.05) -> int:
    """At most how many of all devices would fail, if `x` of `n` devices that were drawn at random do.

    Args:
        devices: how many there are.
        n: how many were drawn, without replacement.
        x: how many of these failed.
        alpha: the greatest probability of too low an answer.

    Returns:
        The greatest K with P(at most x failures | K of all devices fail) ≥ α: the hypergeometric distribution,
        inverted.

    Raises:
        InputError: ``bad-counts``, ``bad-rate``.

    >>> at_most_failing(1000, 300, 3)
    23
    """
    _counts(n, x)
    if not n <= devices <= _MAX_DEVICES:
        raise _bad_counts(f"`{n}` devices cannot be drawn from `{devices}`")
    return _core.gate_at_most_failing(devices, n, x, _below_one(alpha, "alpha"))


def _below_one(value: float | str, name: str = "rate") -> float:
    found = rate(value, name)
    if found >= 1:
        raise InputError("bad-rate", f"the {name} is 100%", hint="give a percentage below 100%", fields={"name": name})
    return found


def _counts(n: Any, x: Any) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], tuple[int, ...]]:
    import numpy as np

    served, failed = np.asarray(n), np.asarray(x)
    if served.shape != failed.shape or served.dtype.kind not in "iu" or failed.dtype.kind not in "iu":
        raise _bad_counts("n and x are not whole numbers of one shape")
    if np.any(failed < 0) or np.any(served < failed) or np.any(served > _MAX_DEVICES):
        raise _bad_counts("x is negative, or above n")
    return served.astype(np.uint64).ravel(), failed.astype(np.uint64).ravel(), served.shape


def _bad_counts(what: str) -> InputError:
    return InputError("bad-counts", what, hint="give how many devices were served, and how many of them failed")
