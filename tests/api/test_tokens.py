"""Who may call what: a table of every route and each kind of token, made from the OpenAPI document."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import InputError, NotFoundError, StateError
from support.factories import AT, NOW
from support.fioctl import F, FioctlError

if TYPE_CHECKING:
    from api.conftest import Acme

OPEN = {"/healthz", "/readyz"}
SCOPES = {
    "waves": ("/waves/",),
    "devices": ("/ota/devices/", "/device-groups/", "/denied-devices/"),
    "targets": ("/targets/",),
}
"""Which scope a change needs, by a part of its path."""


def routes(acme: Acme) -> list[tuple[str, str]]:
    document = acme.http.get("/openapi.json").json()
    return [
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods if path not in OPEN
    ]


def filled(path: str) -> str:
    path = path.replace("{factory}", "acme").replace("{version}", "1").replace("{uuid}", "x")
    return re.sub(r"\{\w+\}", "w", path) + ("?factory=acme" if path.startswith("/ota/devices/") else "")


def status(acme: Acme, method: str, path: str, token: str | None) -> int:
    headers = {} if token is None else {"OSF-TOKEN": token}
    code: int = acme.http.request(method, filled(path), headers=headers).status_code
    return code


def needed(method: str, path: str) -> str:
    if method == "GET":
        return "read"
    return next(scope for scope, parts in SCOPES.items() if any(part in path for part in parts))


def test_every_route_refuses_who_has_no_valid_token(acme: Acme) -> None:
    tokens = acme.factory.tokens
    acme.factory.users.add("bob")
    acme.factory.users.add("eve")
    present = datetime.now(UTC)
    _, expired = tokens.create("bob", ["admin"], expires=AT + timedelta(days=1), now=AT)
    revoked, revoked_secret = tokens.create("bob", ["admin"])
    tokens.revoke(revoked.token_id)
    _, of_disabled = tokens.create("eve", ["admin"], expires=present + timedelta(days=1))
    acme.factory.users.disable("eve")
    bad = [None, "", "gst_invented", expired, revoked_secret, of_disabled, "x" * 10_000]
    found = routes(acme)
    assert len(found) > 30
    revision = acme.factory.revision
    for method, path in found:
        for token in bad:
            assert status(acme, method, path, token) == 401, (method, path, token)
    assert acme.factory.revision == revision


def test_every_route_needs_its_scope(acme: Acme) -> None:
    fioctls = {scope: acme.user(scope) for scope in ("read", "waves", "devices", "targets", "keys")}
    for method, path in routes(acme):
        wanted = needed(method, path)
        for scope, fioctl in fioctls.items():
            code = status(acme, method, path, fioctl.token)
            if wanted in {"read", scope}:
                assert code not in {401, 403}, (method, path, scope)
            else:
                assert code == 403, (method, path, scope)


def test_the_missing_scope_is_named(acme: Acme) -> None:
    with pytest.raises(FioctlError) as refused:
        acme.user("read").call("POST", f"{F}/waves/w/cancel/")
    assert (refused.value.status, refused.value.message) == (403, "the token lacks the scope `waves`")


def test_the_answer_does_not_tell_which_factories_there_are(acme: Acme, fioctl: Any) -> None:
    answers = [
        acme.http.get(f"/ota/factories/{name}/waves/", headers={"OSF-TOKEN": token})
        for name in ("acme", "other")
        for token in ("gst_invented", fioctl.token)
        if (name, token) != ("acme", fioctl.token)
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}


def test_a_token_of_groups_rolls_out_to_them_and_does_nothing_else(acme: Acme, fioctl: Any) -> None:
    fioctl.waves_init("w", 42, "main", acme.keys)
    limited = acme.user("waves", groups=["canary"])
    assert limited.rollout("w", group="canary", limit=1)["device-num"] == 1
    for asked in ({"group": "field", "limit": 1}, {"limit": 1}, {"percentage": 5}, {"group": "none", "limit": 1}):
        with pytest.raises(FioctlError) as refused:
            limited.rollout("w", **asked)
        assert refused.value.status == 403, asked
    for end in ("complete", "cancel"):
        with pytest.raises(FioctlError) as refused:
            limited.call("POST", f"{F}/waves/w/{end}/")
        assert refused.value.status == 403
    # The permission is for the group itself: it follows a new name, and ends with the group.
    acme.factory.groups.rename("canary", "early")
    assert limited.rollout("w", group="early", limit=1)["device-num"] == 1
    acme.factory.groups.delete("early", ungroup=True)
    acme.factory.groups.create("early")
    with pytest.raises(FioctlError) as refused:
        limited.rollout("w", group="early", limit=1)
    assert refused.value.status == 403


def test_the_audit_log_names_the_user_and_never_a_token(acme: Acme) -> None:
    fioctl = acme.user("devices", name="ann@example.com")
    fioctl.call("POST", f"{F}/device-groups/", {"name": "new"})
    log = (acme.folder / "acme/audit.log").read_bytes()
    assert b"ann@example.com" in log
    assert fioctl.token.encode() not in log
    assert not any(fioctl.token.encode() in path.read_bytes() for path in acme.folder.rglob("*") if path.is_file())


def test_what_creates_no_token(acme: Acme) -> None:
    users, tokens = acme.factory.users, acme.factory.tokens
    users.add("bob")
    revision = acme.factory.revision
    for kind, code, make in (
        (StateError, "user-exists", lambda: users.add("bob")),
        (InputError, "bad-name", lambda: users.add("a b")),
        (InputError, "bad-name", lambda: users.add("@bob")),
        (NotFoundError, "unknown-user", lambda: tokens.create("bib", ["read"])),
        (NotFoundError, "unknown-token", lambda: tokens.revoke("0123")),
        (InputError, "bad-scope", lambda: tokens.create("bob", ["reed"])),
        (InputError, "empty-list", lambda: tokens.create("bob", [])),
        (InputError, "empty-list", lambda: tokens.create("bob", ["read"], groups=[])),
        (NotFoundError, "unknown-group", lambda: tokens.create("bob", ["read"], groups=["canari"])),
        (InputError, "bad-expiry", lambda: tokens.create("bob", ["read"], expires=AT, now=AT)),
    ):
        with pytest.raises(kind) as refused:
            make()
        assert refused.value.code == code
    assert acme.factory.revision == revision
    users.disable("bob")
    users.disable("bob")
    with pytest.raises(StateError) as disabled:
        tokens.create("bob", ["read"])
    assert disabled.value.code == "user-disabled"
    assert acme.factory.revision == revision + 1
    assert acme.factory.check().sound


def test_a_token_ends_at_its_instant(acme: Acme) -> None:
    acme.factory.users.add("bob")
    token, secret = acme.factory.tokens.create("bob", ["read"], expires=AT + timedelta(seconds=5), now=AT)
    for seconds, valid in ((0, True), (4, True), (5, False)):
        found = acme.factory.tokens.authenticate(secret, now=datetime.fromtimestamp(NOW + seconds, tz=UTC))
        assert (found is not None) is valid, seconds
    assert (token.scopes, token.groups, token.revoked_at) == (("read",), None, None)
    assert [one.token_id for one in acme.factory.tokens.list(user="bob")] == [token.token_id]
