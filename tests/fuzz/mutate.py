"""Mutations: of bytes, and of JSON as a tree."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

MAX_CASE = 1 << 20
LARGE_CASE = 16 << 20
"""The promise holds up to this size; few cases are that large, since they take long."""

TOKENS = [
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\r",
    b"\r\n",
    b"\n",
    b"\t",
    b'"',
    b'""',
    b"'",
    b",",
    b";",
    b"|",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"-1",
    b"0",
    b"1e999",
    b"NaN",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"[" * 2000,
    b'{"a":' * 2000,
    b"9" * 30,
    b"9" * 5000,
    b"2147483648",
    b"18446744073709551616",
    b"0001-01-01T00:00:00Z",
    b"9999-12-31T23:59:59+14:00",
    b"2026-11-31T25:61:61Z",
    b"=cmd()",
    b"a" * 300,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x80\x00\x00\x00",
]

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    10**400,
    -(10**18),
    0.5,
    1e308,
    "",
    " ",
    "x" * 5000,
    "\x00",
    "\ud800",
    "\u202e",
    "null",
    "0",
    "-1",
    [],
    {},
    [None],
    [[]],
    {"": None},
    ["a"] * 100,
    "2026-11-18T11:06:40Z",
    "9999-12-31T23:59:59Z",
]


def mutated(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A seed, changed in a few places; sometimes not at all, sometimes blown up."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 5, 8, 20))):
        _change(random, data, seeds)
        if len(data) > MAX_CASE:
            del data[MAX_CASE:]
    if data and random.random() < 0.002:
        piece = bytes(data[random.randrange(len(data)) :][: random.randint(1, 4000)])
        data[len(data) // 2 : len(data) // 2] = piece * ((LARGE_CASE - len(data)) // len(piece))
    return bytes(data)


def _change(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice((1, 1, 2, 4, 16, 64, 1000)))
    match random.randrange(10):
        case 0 if at < len(data):
            data[at] ^= 1 << random.randrange(8)
        case 1 if at < len(data):
            data[at] = random.randrange(256)
        case 2:
            data[at:at] = random.choice(TOKENS)
        case 3:
            data[at:end] = random.choice(TOKENS)
        case 4:
            del data[at:end]
        case 5:
            data[at:at] = data[at:end] * random.choice((1, 2, 10, 300))
        case 6:
            other = random.choice(seeds)
            begin = random.randrange(len(other) + 1)
            data[at:end] = other[begin : begin + random.choice((4, 64, 1000))]
        case 7:
            del data[at:]
        case 8 if len(data) >= 4:
            at = random.randrange(len(data) - 3)
            number = int.from_bytes(data[at : at + 4], "little") + random.choice((-1, 1, 255, -256, 2**16, 2**31))
            data[at : at + 4] = (number % 2**32).to_bytes(4, "little")
        case _:
            data[at:at] = bytes(random.randrange(256) for _ in range(random.choice((1, 3, 20))))


def changed_tree(random: Random, tree: Any) -> Any:
    """A JSON value with a few of its parts replaced, removed, renamed or nested."""
    tree = json.loads(json.dumps(tree))
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        tree = _changed(random, tree)
    return tree


def _changed(random: Random, tree: Any) -> Any:
    if isinstance(tree, dict) and tree and random.random() < 0.85:
        key = random.choice(list(tree))
        match random.randrange(6):
            case 0:
                del tree[key]
            case 1:
                tree[random.choice(["", "x", key + " ", key.upper(), "\ud800", "a" * 300])] = tree.pop(key)
            case _:
                tree[key] = _changed(random, tree[key])
        return tree
    if isinstance(tree, list) and tree and random.random() < 0.85:
        at = random.randrange(len(tree))
        match random.randrange(5):
            case 0:
                del tree[at]
            case 1:
                tree.insert(at, copy.deepcopy(tree[at]))
            case _:
                tree[at] = _changed(random, tree[at])
        return tree
    if isinstance(tree, str) and random.random() < 0.4:
        data = bytearray(tree, "utf-8", "surrogatepass")
        _change(random, data, [b"abc", b"123"])
        return data.decode("utf-8", "replace")
    if type(tree) is int and random.random() < 0.5:
        return tree + random.choice((-1, 1, 2**31, -(2**40)))
    if random.random() < 0.03:
        nested: Any = tree
        for _ in range(random.choice((70, 200, 300))):
            nested = [nested] if random.random() < 0.5 else {"a": nested}
        return nested
    return copy.deepcopy(random.choice(VALUES))


def dumped(tree: Any) -> bytes:
    """JSON of a tree that may hold lone surrogates."""
    return json.dumps(tree).encode()
