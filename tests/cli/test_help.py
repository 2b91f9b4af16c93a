"""Help: every line of it whole on a terminal of 80 columns, and told where a noun is said without its verb."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.commands import Ran

Run = Callable[..., Ran]

NOUNS = ["fleet", "uuids", "devices", "groups", "targets", "keys", "metadata", "waves"]


@pytest.mark.parametrize("noun", [[], *([noun] for noun in NOUNS), ["keys", "rotate"]], ids=" ".join)
def test_help_names_every_verb_with_a_whole_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, noun: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = run(*noun, "--help")
    assert (ran.code, ran.err) == (0, "")
    verbs = ran.out.partition("Commands:\n")[2].partition("\n\nExamples:\n")[0].splitlines()
    assert verbs
    for line in verbs:
        assert line.endswith("."), line
        assert not line.endswith("..."), line


@pytest.mark.parametrize("noun", [[], *([noun] for noun in NOUNS)], ids=" ".join)
def test_a_noun_without_a_verb_is_answered_with_its_help(run: Run, noun: list[str]) -> None:
    ran = run(*noun)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == run(*noun, "--help").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["devcies", "list"], "error: there is no command `devcies`. Did you mean `devices`?\n"),
        (["devices", "lits"], "error: no such command 'lits'. Did you mean 'list'?\n"),
        (["zzz"], "error: there is no command `zzz`\n"),
    ],
)
def test_a_slip_is_told_with_the_nearest(run: Run, words: list[str], said: str) -> None:
    ran = run(*words)
    assert (ran.slug, ran.code, ran.out) == ("bad-usage", 2, "")
    assert ran.err.startswith(said)
