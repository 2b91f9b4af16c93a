"""Tokens: who sends a request, and what they may do. The store has the digest of a token, never the token."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, NotFoundError, StateError
from groundswell.factory.access.users import find_user
from groundswell.factory.context import CachedQuery, Context, of_one_process, seconds
from groundswell.factory.devices.groups import find_group, group_ids
from groundswell.ingest.cells import cropped
from groundswell.store import put, set_cells
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from groundswell.store.rows import TokenRow, UserRow

__all__ = ["SCOPES", "Caller", "Scope", "Token", "Tokens"]

Scope = Literal["read", "devices", "targets", "waves", "keys", "admin"]
"""What a token allows: ``read`` everything; change devices and groups, targets, waves or keys (each includes
``read``); ``admin`` everything, users and tokens included."""
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
_PREFIX: Final = "gst_"
"""So that scanners of source code recognise a token."""
_RANDOM_BYTES: Final = 32
_ID_LENGTH: Final = 12
"""Characters of the digest that name a token."""
_MAX_SECRET: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as lists show it; the token itself cannot be shown again.

    Args:
        token_id: names the token in lists and in the audit log.
        user: the name of its user.
        scopes: what it allows, in the order of `SCOPES`.
        groups: the names of the groups that it may roll out to; None for no limit. Deleted groups are left out.
        created_at, created_by: when and by whom it was created.
        expires_at: when it ends; None for never.
        revoked_at: when it was revoked; None while it is valid.
    """

    token_id: str
    user: str
    scopes: tuple[Scope, ...]
    groups: tuple[str, ...] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request: the user of a valid token.

    Args:
        user: the user's name.
        user_id: the user's number.
        token_id: the token that was sent.
        scopes: what it allows.
        group_ids: the groups that it may roll out to; None for no limit.
    """

    user: str
    user_id: int
    token_id: str
    scopes: frozenset[Scope]
    group_ids: frozenset[int] | None

    def may(self, scope: Scope) -> bool:
        """Whether the token has a scope. Each scope includes ``read``; ``admin`` includes all.

        >>> caller = Caller(user="ann", user_id=1, token_id="…", scopes=frozenset({"waves"}), group_ids=None)
        >>> caller.may("read"), caller.may("waves"), caller.may("keys")
        (True, True, False)
        """
        return scope == "read" or scope in self.scopes or "admin" in self.scopes


@of_one_process
@checks_arguments
class Tokens:
    """``factory.tokens``."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._by_digest: Final = CachedQuery(context, ("users", "tokens"), self._load)

    def create(
        self,
        user: str,
        scopes: Collection[str],
        *,
        groups: Collection[str] | None = None,
        expires: datetime | None = None,
        now: datetime | None = None,
    ) -> tuple[Token, str]:
        """Create a token of 256 random bits.

        Args:
            user: whose it is.
            scopes: what it allows, each one of `SCOPES`; at least one.
            groups: the only groups that it may roll out to, never fleet-wide; None for no limit.
            expires: when it ends; None for never.
            now: the instant for the audit log (default: now).

        Returns:
            The token's description, and the token itself, which is not stored and cannot be shown again.

        Raises:
            InputError: ``bad-scope``, ``bad-expiry``; ``empty-list`` for no scope, or for groups without a name.
            NotFoundError: ``unknown-user``, ``unknown-group``.
            StateError: ``user-disabled``.
        """
        at = seconds(now)
        wanted = _check_scopes(scopes)
        ends = None if expires is None else seconds(expires)
        if ends is not None and ends <= at:
            raise InputError(
                "bad-expiry",
                f"the token would have ended at `{instant(ends).isoformat()}`",
                hint="give an instant in the future",
                fields={"expires": instant(ends).isoformat()},
            )
        if groups is not None and not groups:
            raise _empty("groups", "name a group, or leave the limit out")
        secret = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        digest = _digest(secret)
        with self._context.store.changing():
            found = find_user(self._context, user)
            if found.disabled_at is not None:
                raise StateError(
                    "user-disabled",
                    f"the user `{user}` is disabled",
                    hint="create the token for another user",
                    fields={"user": user},
                )
            numbers = None if groups is None else sorted(find_group(self._context, group) for group in groups)
            row = {
                "token_id": digest[:_ID_LENGTH],
                "digest": digest,
                "user_id": found.user_id,
                "scopes": json.dumps(wanted),
                "group_ids": None if numbers is None else json.dumps(numbers),
                "created_at": at,
                "created_by": self._context.user,
                "expires_at": ends,
                "revoked_at": None,
            }
            details = {
                "token": row["token_id"],
                "user": user,
                "scopes": wanted,
                "groups": None if groups is None else sorted(groups),
                "expires_at": ends,
            }
            self._context.commit(
                "tokens create",
                f"created a token for {user}",
                [put("tokens", [row], new=True)],
                at=at,
                details=details,
            )
            return self._show(str(row["token_id"])), secret

    def list(self, *, user: str | None = None) -> Sequence[Token]:
        """All tokens, or those of a user, oldest first; expired and revoked ones included.

        Raises:
            NotFoundError: ``unknown-user``.
        """
        with self._context.store.reading():
            only = None if user is None else find_user(self._context, user).user_id
            names = {row.user_id: row.name for row in self._context.store.access.users()}
            groups = self._context.store.groups.names()
            rows = self._context.store.access.tokens()
        return [_token(row, names, groups) for row in rows if only in {None, row.user_id}]

    def revoke(self, token_id: str, *, now: datetime | None = None) -> Token:
        """Refuse a token from now on. A second call changes nothing.

        Raises:
            NotFoundError: ``unknown-token``.
        """
        at = seconds(now)
        with self._context.store.changing():
            token = self._show(token_id)
            if token.revoked_at is None:
                self._context.commit(
                    "tokens revoke",
                    f"revoked the token {token_id} of {token.user}",
                    [set_cells("tokens", [{"token_id": token_id, "revoked_at": at}])],
                    at=at,
                    details={"token": token_id, "user": token.user},
                )
            return self._show(token_id)

    def authenticate(self, secret: str, *, now: datetime | None = None) -> Caller | None:
        """Who sends a token; None for one that is invented, expired, revoked, or of a disabled user.

        Cost: a SHA-256 and a look-up in memory; users and tokens are read again after one of them changed.
        """
        if not secret or len(secret) > _MAX_SECRET:
            return None
        digest = _digest(secret)
        found = self._by_digest.get().get(digest[:_ID_LENGTH])
        if found is None or not hmac.compare_digest(found[0].digest, digest):
            return None
        row, user = found
        ended = row.expires_at is not None and row.expires_at <= seconds(now)
        if ended or row.revoked_at is not None or user.disabled_at is not None:
            return None
        return Caller(
            user=user.name,
            user_id=user.user_id,
            token_id=row.token_id,
            scopes=frozenset(json.loads(row.scopes)),
            group_ids=None if row.group_ids is None else frozenset(json.loads(row.group_ids)),
        )

    def groups_of(self, caller: Caller) -> tuple[str, ...] | None:
        """The names of the groups that a caller may roll out to, ascending; None for no limit."""
        if caller.group_ids is None:
            return None
        return tuple(sorted(name for name, number in group_ids(self._context).items() if number in caller.group_ids))

    def _load(self) -> dict[str, tuple[TokenRow, UserRow]]:
        with self._context.store.reading():
            users = {row.user_id: row for row in self._context.store.access.users()}
            return {row.token_id: (row, users[row.user_id]) for row in self._context.store.access.tokens()}

    def _show(self, token_id: str) -> Token:
        for token in self.list():
            if token.token_id == token_id:
                return token
        raise NotFoundError(
            "unknown-token",
            f"no token has the id `{cropped(token_id)}`",
            hint="look up the id in the list of tokens",
            fields={"token": token_id},
        )


def _token(row: TokenRow, users: dict[int, str], groups: dict[int, str]) -> Token:
    numbers = None if row.group_ids is None else json.loads(row.group_ids)
    return Token(
        token_id=row.token_id,
        user=users[row.user_id],
        scopes=tuple(json.loads(row.scopes)),
        groups=None if numbers is None else tuple(sorted(groups[number] for number in numbers if number in groups)),
        created_at=instant(row.created_at),
        created_by=row.created_by,
        expires_at=None if row.expires_at is None else instant(row.expires_at),
        revoked_at=None if row.revoked_at is None else instant(row.revoked_at),
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _check_scopes(scopes: Collection[str]) -> list[Scope]:
    if not scopes:
        raise _empty("scopes", f"give one or more of {', '.join(SCOPES)}")
    for scope in scopes:
        if scope not in SCOPES:
            raise InputError(
                "bad-scope",
                f"there is no scope `{cropped(str(scope))}`",
                hint=f"use one or more of {', '.join(SCOPES)}",
                fields={"scope": cropped(str(scope)), "scopes": list(SCOPES)},
            )
    return [scope for scope in SCOPES if scope in scopes]


def _empty(what: str, hint: str) -> InputError:
    return InputError("empty-list", f"the list of {what} is empty", hint=hint, fields={"list": what})
