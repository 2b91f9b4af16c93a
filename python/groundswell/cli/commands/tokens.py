"""``groundswell tokens``: create, list and revoke the tokens of the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import count, say
from groundswell.cli.output.tables import instant_text, print_json, print_lines, table
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import INSTANT, json_option
from groundswell.cli.params.texts import NAME, TEXT
from groundswell.factory.access.tokens import SCOPES

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.factory.access.tokens import Token

__all__ = ["create", "list_tokens", "revoke", "tokens"]


@click.group(cls=ExamplesGroup)
def tokens() -> None:
    """Create, list and revoke the tokens of the API."""


@tokens.command()
@click.option("--user", required=True, type=NAME, help="Whose token it is.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    type=TEXT,
    help=f"What it allows: {', '.join(SCOPES)}. Repeat the option, or separate scopes by commas.",
)
@click.option(
    "--groups", type=TEXT, help="The only groups that it may roll out to, separated by commas; never fleet-wide."
)
@click.option("--expires", type=INSTANT, help="When it ends (default: never).")
@json_option
@directory_option
def create(
    *,
    user: str,
    scopes: tuple[str, ...],
    groups: str | None,
    expires: datetime | None,
    as_json: bool,
    directory: str | None,
) -> None:
    """Create a token, and print it. It is not stored and cannot be shown again."""
    with open_factory(directory) as factory:
        token, secret = factory.tokens.create(
            user,
            [scope for value in scopes for scope in _words(value)],
            groups=None if groups is None else _words(groups),
            expires=expires,
        )
    if as_json:
        print_json(_data(token) | {"token": secret})
        return
    print_lines([secret])
    say(f"created the token {token.token_id} for {token.user}; it cannot be shown again")


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",")]


@tokens.command("list")
@click.option("--user", type=NAME, help="Only tokens of this user.")
@json_option
@directory_option
def list_tokens(*, user: str | None, as_json: bool, directory: str | None) -> None:
    """List all tokens, oldest first."""
    with open_factory(directory) as factory:
        found = factory.tokens.list(user=user)
    if as_json:
        print_json({"tokens": [_data(token) for token in found]})
        return
    rows = [
        [
            token.token_id,
            token.user,
            ",".join(token.scopes),
            "" if token.groups is None else ",".join(token.groups),
            instant_text(token.created_at),
            instant_text(token.expires_at) or "never",
            instant_text(token.revoked_at) or "",
        ]
        for token in found
    ]
    print_lines(table(["token", "user", "scopes", "groups", "created", "expires", "revoked"], rows))
    say(count(len(found), "token"))


def _data(token: Token) -> dict[str, Any]:
    return asdict(token) | {
        "scopes": list(token.scopes),
        "groups": None if token.groups is None else list(token.groups),
        "created_at": instant_text(token.created_at),
        "expires_at": instant_text(token.expires_at),
        "revoked_at": instant_text(token.revoked_at),
    }


@tokens.command()
@click.argument("token_id", metavar="TOKEN", type=TEXT)
@directory_option
def revoke(token_id: str, *, directory: str | None) -> None:
    """Refuse a token from now on. TOKEN is its id in the list."""
    with open_factory(directory) as factory:
        token = factory.tokens.revoke(token_id)
    say(f"revoked the token {token.token_id} of {token.user}")
