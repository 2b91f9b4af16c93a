"""The online keys and the first two roots of a new factory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundswell.factory.trust.keys import ROOT_LIFE
from groundswell.factory.trust.roots import new_links, signed_root
from groundswell.store import put
from groundswell.values import instant

if TYPE_CHECKING:
    from groundswell.factory.trust.online_keys import OnlineKeyring
    from groundswell.store import Change

__all__ = ["first_roots"]


def first_roots(keyring: OnlineKeyring, at: int) -> Change:
    """Make the online keys of a new factory, and the first two links of both root chains.

    Args:
        keyring: where the keys are kept.
        at: the instant of the roots, in seconds since 1970.
    """
    from groundswell.tuf import PrivateKey, signer_of
    from groundswell.tuf.roles import OnlineKeys, next_root, root_first

    online = {role: PrivateKey.generate() for role in ("targets", "snapshot", "timestamp")}
    root = PrivateKey.generate()
    for key in (root, *online.values()):
        keyring.add(key)
    public = OnlineKeys(**{role: key.public for role, key in online.items()})
    first = root_first(public, root.public, expires=instant(at) + ROOT_LIFE)
    links = [signed_root(signed, [signer_of(root)]) for signed in (first, next_root(first))]
    rows = [row for link in links for row in _rows(new_links({"ci": link, "production": link}))]
    return put("roots", rows, new=True)


def _rows(change: Change) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = change.rows.to_pylist()
    return rows
