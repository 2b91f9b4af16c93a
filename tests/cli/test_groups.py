"""``groundswell groups``: what each command prints where, and what it refuses with which exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from support.commands import EXIT_CODES, Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]


def test_groups_are_listed_by_name_with_their_devices(acme: Run) -> None:
    acme("groups", "create", "empty", "--description", "for\nlater")
    ran = acme("groups", "list")
    assert (ran.code, ran.err) == (0, "3 groups\n")
    assert ran.out == (
        "group    devices  production  description\n"
        "canary         3           2\n"
        "empty          0           0  for\\nlater\n"
        "us-east        1           1\n"
    )


def test_groups_as_json(acme: Run) -> None:
    ran = acme("groups", "list", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.data["groups"][0] == {
        "group_id": 1,
        "name": "canary",
        "description": "",
        "devices": 3,
        "production_devices": 2,
        "created_at": "2026-11-18T11:06:40Z",
        "created_by": "alice",
        "updated_at": None,
        "updated_by": None,
    }


def test_a_group_lives(acme: Run, revision: Callable[[], int]) -> None:
    for command, told in (
        (("create", "new", "--description", "first"), "made the group new\n"),
        (("describe", "new", "second"), "described the group new\n"),
        (("rename", "new", "newer"), "renamed the group new to newer\n"),
        (("delete", "newer"), "deleted the group newer\n"),
    ):
        ran = acme("groups", *command)
        assert (ran.code, ran.out, ran.err) == (0, "", told)
    assert revision() == 8
    assert [group["name"] for group in acme("groups", "list", "--json").data["groups"]] == ["canary", "us-east"]


def test_a_group_with_devices_is_deleted_only_if_they_may_be_without_one(acme: Run) -> None:
    ran = acme("groups", "delete", "us-east")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == (
        "error: the group `us-east` is not empty: it has 1 device\n"
        " hint: move its devices with `groundswell devices group`, or use --ungroup to leave them without one\n"
    )
    assert acme("groups", "delete", "us-east", "--ungroup").err == (
        "deleted the group us-east; 1 device is now without a group\n"
    )
    assert acme("groups", "delete", "canary", "--ungroup").err == (
        "deleted the group canary; 3 devices are now without a group\n"
    )


def test_a_process_does_the_same(process: Run, shop: Path) -> None:
    ran = process("-C", "acme", "groups", "create", "new", cwd=shop)
    assert (ran.code, ran.out, ran.err) == (0, "", "made the group new\n")
    ran = process("-C", "acme", "groups", "create", "new", cwd=shop)
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("error: there is a group named `new` already\n hint: ")


@pytest.mark.parametrize(
    ("command", "slug", "said"),
    [
        (("create", "canary"), "group-exists", "there is a group named `canary` already"),
        (("create", "a b"), "bad-name", "the group name `a b` is not a name"),
        (("create", "-h-"), "bad-usage", "no such option"),
        (("create", "--", "-x"), "bad-name", "the group name `-x` is not a name"),
        (("create", "é"), "bad-name", "the group name `é` is not a name"),
        (("create", "x" * 65), "bad-name", "is longer than the 64 characters that a name may have"),
        (("create", ""), "empty-text", "`NAME` is given but empty: ``"),
        (("create", "x", "--description", "d" * 1001), "bad-description", "has 1001 characters"),
        (("rename", "canary", "us-east"), "group-exists", "there is a group named `us-east` already"),
        (("rename", "canary", "a/b"), "bad-name", "the group name `a/b` is not a name"),
        (("rename", "canarx", "x"), "unknown-group", "no group is named `canarx`\n hint: did you mean `canary`?"),
        (("rename", "\udcff", "x"), "not-text", "`NAME` is `\\udcff`, which is not UTF-8"),
        (
            ("describe", "nope-nope", "x"),
            "unknown-group",
            "no group is named `nope-nope`\n hint: `groundswell groups list` lists",
        ),
        (("delete", "canarx"), "unknown-group", "no group is named `canarx`"),
        (("delete",), "bad-usage", "missing argument 'NAME'"),
        (("drop", "x"), "bad-usage", "no such command 'drop'"),
    ],
)
def test_what_is_refused_changes_nothing(
    acme: Run, revision: Callable[[], int], *, command: tuple[str, ...], slug: str, said: str
) -> None:
    ran = acme("groups", *command)
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    assert revision() == 4
