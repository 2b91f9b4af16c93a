"""Law: an option or a word means what fioctl and people mean by it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click
import pytest

from groundswell import InputError
from groundswell.cli import cli
from groundswell.cli.params.options import DURATION, THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.commands import Ran

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


UNKNOWN = "00000000-0000-4000-8000-0000000000ff"


def test_devices_go_by_name(acme: Run) -> None:
    listed = acme("devices", "list", "--json").data["devices"]
    name, uuid = next((one["name"], one["uuid"]) for one in listed if one["name"])
    assert acme("waves", "why", name, "--json").data["devices"][0]["uuid"] == uuid
    assert acme("devices", "group", name, "fresh-group").slug == "unknown-group"
    acme("groups", "create", "fresh-group")
    assert acme("devices", "group", name, "fresh-group").code == 0
    assert acme("devices", "show", uuid, "--json").data["group"] == "fresh-group"
    assert acme("devices", "group", "--unset", name).code == 0
    assert acme("devices", "delete", name).code == 0
    assert uuid not in acme("devices", "list", "--uuids").lines


@pytest.mark.parametrize("command", [["waves", "why"], ["devices", "delete"], ["devices", "group", "--unset"]])
@pytest.mark.parametrize("word", ["no-such-device", UNKNOWN])
def test_an_unknown_device_is_not_found(acme: Run, command: list[str], word: str) -> None:
    ran = acme(*command, word)
    assert (ran.code, ran.slug) == (3, "unknown-device" if word[0] == "n" else "unknown-devices")
    assert f"`{word}`" in ran.err


def test_a_uuid_with_a_slip_is_not_taken_for_a_name(acme: Run) -> None:
    ran = acme("waves", "why", UNKNOWN[:-1])
    assert (ran.code, ran.slug) == (2, "bad-uuid")


@pytest.mark.parametrize(
    "command",
    [
        ("waves", "list", "--tag", "productoin"),
        ("targets", "list", "--tag", "mian"),
        ("targets", "list", "--production", "--tag", "productoin"),
        ("devices", "list", "--tag", "productoin"),
        ("devices", "list", "--group", "canry"),
    ],
    ids=" ".join,
)
def test_a_filter_by_an_unknown_name_is_not_an_empty_list(acme: Run, command: tuple[str, ...]) -> None:
    ran = acme(*command)
    assert (ran.code, ran.out) == (3, "")
    assert f"`{command[-1]}`" in ran.err
    if "--production" not in command:
        near = {"productoin": "production", "mian": "main", "canry": "canary"}[command[-1]]
        assert f"did you mean `{near}`?" in ran.err


def test_a_tag_is_known_by_a_device_or_a_target(acme: Run) -> None:
    for tag in ("production", "devel"):  # of devices; of targets alone
        ran = acme("waves", "list", "--tag", tag, "--json")
        assert (ran.code, ran.data["waves"]) == (0, [])


def test_denied_devices_are_allowed_by_name(acme: Run) -> None:
    name = next(one["name"] for one in acme("devices", "list", "--json").data["devices"] if one["name"])
    assert acme("devices", "allow", name).slug == "not-denied"
    assert acme("devices", "delete", name, "--json").data == {"deleted": 1}
    assert acme("devices", "allow", name, "--json").data == {"allowed": 1, "already": 0}
    assert acme("devices", "allow", name, "--json").data == {"allowed": 0, "already": 1}


def test_a_name_of_several_denied_devices_is_ambiguous(acme: Run, shop: Path) -> None:
    uuids = [f"00000000-0000-4000-8000-00000000000{digit}" for digit in "12"]
    (shop / "twins.csv").write_text("\n".join(["uuid,name", *(f"{one},twin" for one in uuids)]))
    assert acme("devices", "import", shop / "twins.csv").code == 0
    assert acme("devices", "delete", *uuids).code == 0
    ran = acme("devices", "allow", "twin", "--json")
    assert (ran.code, ran.slug) == (2, "ambiguous-name")
    assert ran.error["fields"]["uuids"] == uuids
