"""Reads of users and tokens, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.store.rows import TokenRow, UserRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["AccessQueries"]

_USERS: Final = f"SELECT {', '.join(UserRow._fields)} FROM users ORDER BY user_id"
_TOKENS: Final = f"SELECT {', '.join(TokenRow._fields)} FROM tokens ORDER BY created_at, token_id"


class AccessQueries:
    """As `groundswell.store.port.AccessReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def users(self) -> Sequence[UserRow]:
        """Every user, in the order in which they were added."""
        return [UserRow(*row) for row in self._run.rows(_USERS)]

    def tokens(self) -> Sequence[TokenRow]:
        """Every token, oldest first; tokens of one second by their id."""
        return [TokenRow(*row) for row in self._run.rows(_TOKENS)]
