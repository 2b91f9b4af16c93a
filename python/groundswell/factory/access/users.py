"""The users of a factory's API. A user is never removed, only disabled: history names users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, NotFoundError, StateError
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.names import check_name, storable
from groundswell.ingest.cells import cropped
from groundswell.store import put, set_cells
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.store.rows import UserRow

__all__ = ["User", "Users", "find_user"]

_MAX_NEAR: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the API.

    Args:
        user_id: the user's number; never given again.
        name: what the audit log and the metadata name.
        created_at, created_by: when and by whom the user was added.
        disabled_at: since when the user's tokens are refused; None while they are accepted.
    """

    user_id: int
    name: str
    created_at: datetime
    created_by: str
    disabled_at: datetime | None

    @property
    def polis_id(self) -> str:
        """The user's identifier in fioctl's requests and in the roots that the user changes."""
        return f"user-{self.user_id}"


def find_user(context: Context, name: str) -> User:
    """The user of this name.

    Raises:
        NotFoundError: ``unknown-user``, with the nearest names.
    """
    users = {row.name: row for row in context.store.access.users()}
    if name in users:
        return _user(users[name])
    near = _core.nearest(storable(name), list(users), at_most=_MAX_NEAR)
    raise NotFoundError(
        "unknown-user",
        f"no user is named `{cropped(name)}`",
        hint=f"did you mean {' or '.join(f'`{one}`' for one in near)}?"
        if near
        else "name a user of the factory, or add the user first",
        fields={"user": name, "nearest": near},
    )


def _user(row: UserRow) -> User:
    return User(
        user_id=row.user_id,
        name=row.name,
        created_at=instant(row.created_at),
        created_by=row.created_by,
        disabled_at=None if row.disabled_at is None else instant(row.disabled_at),
    )


def _check_user_name(name: str) -> None:
    """A user name may be an e-mail address; otherwise it is a name as all others."""
    try:
        check_name("user", name[:1] + name[1:].replace("@", "_"))
    except InputError as error:
        raise InputError(
            "bad-name",
            f"the user name `{cropped(name)}` is not valid",
            hint="a user name has up to 64 letters, digits and _ . + - @, and begins with a letter or a digit",
            fields={"kind": "user", "name": name},
        ) from error


@of_one_process
@checks_arguments
class Users:
    """``factory.users``."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context

    def list(self) -> Sequence[User]:
        """All users, in the order in which they were added; disabled ones included."""
        return [_user(row) for row in self._context.store.access.users()]

    def show(self, name: str) -> User:
        """One user.

        Raises:
            NotFoundError: ``unknown-user``, with the nearest names.
        """
        return find_user(self._context, name)

    def add(self, name: str, *, now: datetime | None = None) -> User:
        """Add a user, who can do nothing until a token is created for them.

        Args:
            name: up to 64 letters, digits and ``_ . + - @``; it begins with a letter or a digit.
            now: the instant for the audit log (default: now).

        Raises:
            InputError: ``bad-name``.
            StateError: ``user-exists``.
        """
        _check_user_name(name)
        at = seconds(now)
        with self._context.store.changing():
            users = self._context.store.access.users()
            if any(user.name == name for user in users):
                raise StateError(
                    "user-exists",
                    f"there is a user named `{name}` already",
                    hint="choose another name, or use that user",
                    fields={"user": name},
                )
            number = 1 + max((user.user_id for user in users), default=0)
            row = {"user_id": number, "name": name, "created_at": at, "created_by": self._context.user}
            self._context.commit(
                "users add",
                f"added the user {name}",
                [put("users", [row | {"disabled_at": None}], new=True)],
                at=at,
                details={"user": name, "user_id": number},
            )
            return find_user(self._context, name)

    def disable(self, name: str, *, now: datetime | None = None) -> User:
        """Refuse all tokens of a user from now on. A second call changes nothing.

        Raises:
            NotFoundError: ``unknown-user``.
        """
        at = seconds(now)
        with self._context.store.changing():
            user = find_user(self._context, name)
            if user.disabled_at is None:
                self._context.commit(
                    "users disable",
                    f"disabled the user {name}",
                    [set_cells("users", [{"user_id": user.user_id, "disabled_at": at}])],
                    at=at,
                    details={"user": name, "user_id": user.user_id},
                )
            return find_user(self._context, name)
