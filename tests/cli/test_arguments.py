"""Law: an option or a word means what fioctl and people mean by it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click
import pytest

from groundswell import InputError
from groundswell.cli import cli
from groundswell.cli.options import DURATION, THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Callable

    from commands import Ran

    Run = Callable[..., Ran]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4", 14400),
        ("4h", 14400),
        ("0", 0),
        ("0.5", 1800),
        ("90m", 5400),
        ("1h30m", 5400),
        ("2d", 172800),
        (" 4 ", 14400),
    ],
)
def test_a_bare_number_of_a_threshold_is_hours(text: str, seconds: int) -> None:
    assert THRESHOLD.convert(text, None, None) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "4x", "-4", "h", "nan", "inf", "1e3", "٤", "4 h 5", "\x1b[2J"])
def test_what_is_not_a_threshold_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a duration") as refused:
        THRESHOLD.convert(text, None, None)
    assert refused.value.code == "bad-duration"
    assert "\x1b" not in refused.value.message


def test_a_half_life_needs_its_unit() -> None:
    with pytest.raises(InputError, match="is not a duration"):
        DURATION.convert("4", None, None)


@pytest.mark.parametrize("command", ["status", "waves status", "devices list", "fleet show"])
def test_both_names_of_the_threshold_are_one_option(command: str) -> None:
    found: click.Command = cli
    for word in command.split():
        assert isinstance(found, click.Group)
        child = found.get_command(click.Context(found), word)
        assert child is not None
        found = child
    (option,) = [each for each in found.params if each.name == "online_threshold"]
    assert option.opts == ["--online-threshold", "--offline-threshold"]


def test_a_longer_threshold_counts_more_devices_as_online(acme: Run) -> None:
    counts = [acme("status", "--offline-threshold", value, "--json").data["online"] for value in ("1", "1h", "36500d")]
    assert counts[0] == counts[1] <= counts[2]
    assert acme("status", "--online-threshold", "36500d", "--json").data["online"] == counts[2]
