"""One request value: parsed once, one text form, which older programs wrote too. domain.md, "Rollout"."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell import InputError, UuidList
from groundswell.waves import RolloutRequest
from groundswell.waves.request import LATER_PARTS, PARTS
from support import profiles
from support.factories import AT, NOW
from support.wave_factories import uuid

if TYPE_CHECKING:
    from support.wave_factories import Release

LISTED = UuidList.of([uuid(9), uuid(3)])
REQUESTS: dict[str, dict[str, Any]] = {
    "count": {"limit": 5},
    "percentage": {"limit": "2.5%", "percent_of": "remaining", "group": "field"},
    "goal": {"to": "25%", "online_only": True},
    "whole group": {"group": "canary", "whole_group": True},
    "list": {"uuids": LISTED, "skip_mismatched": True},
    "within a list": {"limit": 1, "uuids": LISTED, "seed": 2**64 - 1, "half_life": timedelta(hours=1)},
    "nothing": {},
}


@pytest.mark.parametrize("words", REQUESTS.values(), ids=REQUESTS)
def test_the_text_form_gives_the_request_back(words: dict[str, Any]) -> None:
    request = RolloutRequest.of(words.get("limit"), **{k: v for k, v in words.items() if k != "limit"}, now=AT)
    data = json.loads(json.dumps(request.to_json()))
    assert RolloutRequest.from_json(data, uuids=words.get("uuids")) == request
    assert data["listed"] == (2 if "uuids" in words else None)


def test_the_text_form_of_older_programs_is_read() -> None:
    """Rows of history under rule 1, those of today, and what requests of today keep of their plan."""
    columns = {"seed": "7", "now": NOW, "online_threshold": 14_400, "half_life": 86_400}
    oldest = {"group": None, "limit": "2", "percent_of": "matching", "listed": None}
    assert RolloutRequest.from_json(oldest | columns) == RolloutRequest.of(2, seed=7, now=AT)
    todays = {"group": "canary", "limit": None, "to": None, "online_only": False, "skip_mismatched": False}
    found = RolloutRequest.from_json(todays | {"percent_of": "online", "listed": None} | columns)
    assert found == RolloutRequest.of(group="canary", whole_group=True, percent_of="online", seed=7, now=AT)
    listed = RolloutRequest.from_json(todays | {"percent_of": "matching", "listed": 2} | columns, uuids=LISTED)
    assert not listed.selector.whole_group


def test_a_key_of_an_older_program_stands_for_the_same_request(wave: Release) -> None:
    """The fingerprint as the program before the request value computed it, from words of its own."""
    parts = {
        "call": "rollout",
        "wave": "w",
        "group": "field",
        "uuids": None,
        "limit": "2.5%",
        "to": None,
        "online_only": False,
        "percent_of": "remaining",
        "whole_group": False,
        "skip_mismatched": False,
        "seed": None,
        "online_threshold": 14_400,
        "half_life": 86_400,
    }
    old = hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    wave.rollout("2.5%", group="field", percent_of="remaining", request_id="k")
    row = wave.factory._context.store.waves.request("request", "k")
    assert row is not None
    assert row["fingerprint"] == old


ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.floats())


@settings(max_examples=profiles.examples(300), deadline=None)
@given(st.dictionaries(st.sampled_from([*PARTS, "other"]), ANYTHING, max_size=4), st.data())
def test_a_part_of_the_wrong_kind_is_refused_or_read_and_written_again(changes: dict[str, Any], data: Any) -> None:
    parts = RolloutRequest.of(5, seed=1, now=AT).to_json() | changes
    for name in data.draw(st.sets(st.sampled_from(sorted(parts)), max_size=1)):
        del parts[name]
    try:
        request = RolloutRequest.from_json(parts)
    except InputError as error:
        found = error.code
    else:
        found = "read" if RolloutRequest.from_json(request.to_json()) == request else "changed"
    assert found in {"not-a-request", "read"}


def test_a_later_part_leaves_the_text_of_older_requests_as_it_is() -> None:
    data = RolloutRequest.of(5, now=AT).to_json()
    assert data.keys().isdisjoint(LATER_PARTS)
    assert data.keys() | LATER_PARTS.keys() == PARTS.keys()


def test_a_factory_takes_the_value_as_it_takes_words(wave: Release) -> None:
    request = RolloutRequest.of(3, group="field", seed=7, now=AT)
    by_value = wave.waves.rollout("w", request=request, dry_run=True)
    assert by_value.plan == wave.rollout(3, group="field", seed=7, dry_run=True).plan
    wrong: dict[str, Any]
    for wrong in ({"limit": 3}, {"group": "field"}, {"seed": 7}, {"request": 3}):
        both: dict[str, Any] = {"request": request, **wrong}
        with pytest.raises(InputError) as caught:
            wave.waves.rollout("w", **both)
        assert (caught.value.code, caught.value.fields["argument"]) == ("bad-argument", "request")


def test_a_goal_and_a_limit_exclude_each_other() -> None:
    words: dict[str, Any]
    for words in ({"limit": 5}, {"percent_of": "online"}):
        with pytest.raises(InputError) as caught:
            RolloutRequest.of(to="25%", **words)
        assert caught.value.code == "bad-goal"
