"""``groundswell audit``: the entries, their head, and what no longer agrees with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundswell.factory import Factory
from support.commands import EXIT_CODES, Ran
from support.factories import past_the_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Ran]


def test_the_entries_and_their_head(acme: Run) -> None:
    acme("groups", "create", "lab")
    entries = acme("audit", "list", "--json").data["entries"]
    assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
    assert (entries[-1]["action"], entries[-1]["details"]["group"]) == ("groups create", "lab")
    assert acme("audit", "head").out == entries[-1]["head"] + "\n"
    assert acme("audit", "head", "--json").data == {"number": len(entries), "head": entries[-1]["head"]}
    later = acme("audit", "list", "--after", str(len(entries) - 1), "--json").data["entries"]
    assert later == entries[-1:]
    assert acme("audit", "list", "-n", "1").lines[1].split()[0] == "1"


def test_a_kept_head_stays_in_the_log(acme: Run) -> None:
    kept = acme("audit", "head").out.strip()
    acme("groups", "create", "lab")
    acme("compact")
    verified = acme("audit", "verify", "--head", kept, "--json")
    assert (verified.code, verified.data["sound"]) == (0, True)
    other = acme("audit", "verify", "--head", "ab" * 32)
    assert (other.slug, other.code) == ("audit-failed", EXIT_CODES["audit-failed"])
    assert "no entry has the head" in other.err
    for wrong in ("", "xyz", "AB" * 32, "ab" * 31):
        assert acme("audit", "verify", "--head", wrong).code == 2
    assert acme("audit", "verify", "--head", "xyz").slug == "bad-head"


def test_rows_that_the_log_does_not_have_are_found(acme: Run, shop: Path) -> None:
    with Factory.open(shop / "acme") as factory:
        past_the_store(factory, "UPDATE groups SET description = 'another'")
    found = acme("audit", "verify")
    assert (found.slug, found.code) == ("audit-failed", EXIT_CODES["audit-failed"])
    assert "the table groups is not what the audit log says" in found.err
