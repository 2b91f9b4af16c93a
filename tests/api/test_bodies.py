"""A body is parsed once and strictly: what is doubtful is refused, and nothing changes (wire.md 1.4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from groundswell.api.bodies import read_body
from groundswell.api.problems import RefusedError
from support.fioctl import F, Fioctl, FioctlError

if TYPE_CHECKING:
    from api.conftest import Acme

BROKEN = {
    "empty": b"",
    "not JSON": b"{",
    "not an object": b"[]",
    "a member twice": b'{"name": "a", "name": "b"}',
    "null": b'{"name": null}',
    "NaN": b'{"name": "a", "x": NaN}',
    "infinite": b'{"name": "a", "x": 1e400}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "not UTF-8": b'{"name": "\xff"}',
    "too deep": b'{"name": "a", "x": ' + b"[" * 40 + b"]" * 40 + b"}",
    "wrong type": b'{"name": 5}',
    "missing member": b"{}",
    "huge number": b'{"name": "a", "x": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_doubtful_body_is_refused(acme: Acme, fioctl: Fioctl, name: str) -> None:
    revision = acme.factory.revision
    with pytest.raises(FioctlError) as refused:
        fioctl.call("POST", f"{F}/device-groups/", BROKEN[name])
    assert refused.value.status == 400
    assert acme.factory.revision == revision
    assert "inf" not in refused.value.message


def test_unknown_members_are_ignored(fioctl: Fioctl) -> None:
    made = fioctl.call("POST", f"{F}/device-groups/", {"name": "new", "colour": "red"})
    assert made["name"] == "new"


@pytest.mark.parametrize(
    ("path", "most"),
    [("device-groups/", 64 << 10), ("waves/w/rollout/", 1 << 20), ("waves/", 8 << 20)],
)
def test_a_body_above_the_limit_of_its_route_is_413(fioctl: Fioctl, path: str, most: int) -> None:
    with pytest.raises(FioctlError) as refused:
        fioctl.call("POST", f"{F}/{path}", b" " * (most + 1))
    assert refused.value.status == 413


def test_a_body_without_a_length_is_counted_while_it_is_read() -> None:
    read = 0

    async def receive() -> dict[str, object]:
        nonlocal read
        read += 65536
        return {"type": "http.request", "body": b" " * 65536, "more_body": True}

    with pytest.raises(RefusedError) as refused:
        asyncio.run(read_body(Request({"type": "http", "headers": []}, receive), 1 << 20))
    assert refused.value.status == 413
    assert read <= (1 << 20) + 65536


def test_the_code_of_a_broken_body(acme: Acme, fioctl: Fioctl) -> None:
    answer = acme.http.post(f"{F}/device-groups/", content=b"[]", headers={"OSF-TOKEN": fioctl.token})
    assert answer.json()["code"] == "bad-body"


def test_pages_and_methods_that_do_not_exist_have_the_form_of_errors(acme: Acme) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("PUT", f"{F}/waves/", 405)):
        answer = acme.http.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()) == {"message", "errors", "code"}
