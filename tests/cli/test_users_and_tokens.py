"""``groundswell users`` and ``groundswell tokens``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.commands import EXIT_CODES, Ran

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., Ran]


def test_users_and_their_tokens(acme: Run) -> None:
    assert acme("users", "add", "bob").err == "added the user bob\n"
    created = acme("tokens", "create", "--user", "bob", "--scope", "waves,devices", "--groups", "canary")
    assert created.code == 0
    (secret,) = created.lines
    assert secret.startswith("gst_")
    (token,) = acme("tokens", "list", "--json").data["tokens"]
    assert (token["user"], token["scopes"], token["groups"]) == ("bob", ["devices", "waves"], ["canary"])
    assert secret not in acme("tokens", "list").out
    assert acme("tokens", "revoke", token["token_id"]).code == 0
    assert acme("tokens", "list", "--user", "bob", "--json").data["tokens"][0]["revoked_at"]
    assert acme("users", "disable", "bob").code == 0
    (user,) = acme("users", "list", "--json").data["users"]
    assert user["name"] == "bob"
    assert user["disabled_at"]
    made = acme("tokens", "create", "--user", "bob", "--scope", "read")
    assert (made.slug, made.code) == ("user-disabled", EXIT_CODES["user-disabled"])


def test_the_token_in_json(acme: Run) -> None:
    acme("users", "add", "bob")
    data = acme(
        "tokens", "create", "--user", "bob", "--scope", "read", "--expires", "2090-01-01T00:00:00Z", "--json"
    ).data
    assert data["token"].startswith("gst_")
    assert data["expires_at"] == "2090-01-01T00:00:00Z"


def test_what_creates_nothing(acme: Run) -> None:
    acme("users", "add", "bob")
    for words, slug in (
        (("users", "add", "bob"), "user-exists"),
        (("users", "disable", "bib"), "unknown-user"),
        (("tokens", "create", "--user", "bib", "--scope", "read"), "unknown-user"),
        (("tokens", "create", "--user", "bob", "--scope", "all"), "bad-scope"),
        (("tokens", "create", "--user", "bob", "--scope", "read", "--groups", "canari"), "unknown-group"),
        (("tokens", "create", "--user", "bob", "--scope", "read", "--expires", "2020-01-01T00:00:00Z"), "bad-expiry"),
        (("tokens", "revoke", "0123"), "unknown-token"),
    ):
        ran = acme(*words)
        assert (ran.slug, ran.code) == (slug, EXIT_CODES[slug])
    assert acme("tokens", "list", "--json").data == {"tokens": []}
