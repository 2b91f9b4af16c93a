"""Adversarial UUIDs, from the inverse of algorithm 1 in plain integers.

The identity hash and the mixer are invertible, so a UUID can be built for any identity hash, and an identity hash for
any upper half of the variate. The tests verify the results with the forward direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from reference.selection import M32, M64, fmix64, mix, seed_words

if TYPE_CHECKING:
    from collections.abc import Iterator


def unfmix64(h: int) -> int:
    """Invert `fmix64`. Each of its shifts is by more than half a word, so it is its own inverse."""
    h ^= h >> 33
    for factor in (0xC4CEB9FE1A85EC53, 0xFF51AFD7ED558CCD):
        h = h * pow(factor, -1, 1 << 64) & M64
        h ^= h >> 33
    return h


def uuid_with_identity(identity: int, a: int) -> UUID:
    """Build the only UUID with upper half `a` and this identity hash."""
    b = ((unfmix64(identity) - fmix64(a ^ 0xA0761D6478BD642F)) & M64) ^ 0xE7037ED1A0B428DB
    return UUID(int=a << 64 | b)


def colliding(count: int, identity: int = 0x0123456789ABCDEF) -> list[UUID]:
    """Build UUIDs with the same identity hash, which therefore have the same variate for every seed."""
    return [uuid_with_identity(identity, a * 0x9E3779B97F4A7C15 & M64) for a in range(count)]


def _unshift(t: int, by: int) -> int:
    whole = t
    while t := t >> by:
        whole ^= t
    return whole


def partner(p: int, result: int, k: tuple[int, int, int]) -> int:
    """Return the q for which mix(p, q, k) is `result`."""
    t = _unshift(result, 16) * pow(0x846CA68B, -1, 1 << 32) & M32
    t = _unshift((t - k[2]) & M32, 15) * pow(0x7FEB352D, -1, 1 << 32) & M32
    t = _unshift(t, 16)
    first = (p ^ k[0]) * 0x9E3779B1 & M32
    return ((t - (first ^ (first >> 15))) & M32) ^ k[1]


def identities_with_upper_half(upper: int, seed: int) -> Iterator[int]:
    """Generate identity hashes whose variate for `seed` has this upper half."""
    a, _ = seed_words(seed)
    for lo in range(1 << 32):
        yield partner(lo, upper, a) << 32 | lo


def almost_equal_variates(upper: int, seed: int) -> tuple[int, int]:
    """Find two identity hashes whose variates differ only in their lowest 12 bits; the smaller variate first.

    Keys use the upper 52 bits, so the two keys are equal although the variates are not.
    """
    _, b = seed_words(seed)
    seen: dict[int, tuple[int, int]] = {}
    for identity in identities_with_upper_half(upper, seed):
        hi, lo = divmod(identity, 1 << 32)
        lower = mix(hi, lo, b)
        other_lower, other = seen.setdefault(lower >> 12, (lower, identity))
        if other_lower != lower:
            return (other, identity) if other_lower < lower else (identity, other)
    raise AssertionError("unreachable: two of the 2^32 identities share one of 2^20 patterns")
