"""Which root may follow which.

- The version grows by exactly one.
- A threshold of the *old* root's keys signs it, and a threshold of its own.
- It has not expired.
- Every role can be signed: no threshold above the number of keys, but for production targets, which wait for their
  offline key from v3 to v4.
- Production targets need two keys from v3 on; v1 and v2 are the same for CI and production.
- The factory's online keys are in their roles.

Source: TUF specification 1.0, section 5.3; wire.md 2.9 ("apply checks").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import TrustError
from groundswell.tuf.documents import format_instant
from groundswell.tuf.root import ROLES, read_root
from groundswell.tuf.signatures import verify

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.tuf.documents import Document
    from groundswell.tuf.roles import OnlineKeys
    from groundswell.tuf.root import Root
    from groundswell.tuf.signatures import Verification

__all__ = ["FIRST_OWN_VERSION", "MIN_PRODUCTION_TARGETS", "check_first_root", "check_next_root", "check_pair"]

FIRST_OWN_VERSION: Final = 3
"""From this version on a production root differs from the CI root."""

MIN_PRODUCTION_TARGETS: Final = 2
"""Production targets are signed by the online key and at least one offline key."""


def check_first_root(
    new: Document, *, now: datetime, online: OnlineKeys | None = None, allow_rsa: bool = False
) -> Root:
    """Check the first root of a chain, which nothing but its own keys vouches for.

    Args:
        new: a document of the type Root.
        now: the present.
        online: the keys that must be in their roles; None if they don't matter.
        allow_rsa: as in `PublicKey.from_document`.

    Raises:
        TrustError, InputError: as `check_next_root`.
    """
    root = read_root(new, f"root v{new.version}", allow_rsa=allow_rsa)
    if new.version != 1:
        raise _wrong_version(new.version, 1)
    _check_itself(new, root, production=False, now=now, online=online)
    return root


def check_next_root(
    old: Document,
    new: Document,
    *,
    production: bool,
    now: datetime,
    online: OnlineKeys | None = None,
    allow_rsa: bool = False,
) -> Root:
    """Check that a root may follow another.

    Args:
        old: the last root of the chain, a document of the type Root.
        new: the one that is to follow.
        production: whether this is the production chain.
        now: the present.
        online: the keys that must be in their roles; None if they don't matter.
        allow_rsa: as in `PublicKey.from_document`.

    Returns:
        The new root.

    Raises:
        TrustError: ``root-version`` for any version but the next; ``root-not-signed-by-old``,
            ``root-not-signed-by-new``; ``root-expired``; ``threshold-too-low``, ``threshold-too-high``;
            ``online-key-missing``; ``keyid-mismatch``.
        InputError: ``bad-metadata``, ``bad-key``, ``rsa-key``.

    Cost: a signature or two for each root key.
    """
    before = read_root(old, f"root v{old.version}", allow_rsa=True)
    root = read_root(new, f"root v{new.version}", allow_rsa=allow_rsa)
    if new.version != old.version + 1:
        raise _wrong_version(new.version, old.version + 1)
    by_old = verify(new, before.keys, before.roles["root"].keyids, before.roles["root"].threshold)
    if not by_old.verified:
        raise TrustError(
            "root-not-signed-by-old",
            f"root v{new.version} lacks {_signatures(by_old.missing)} of the root keys of v{old.version}{_why(by_old)}",
            hint="sign it with the old root key too: devices follow a new root only if the old one vouches for it",
            fields=_facts(new, by_old, before.roles["root"].keyids),
        )
    _check_itself(new, root, production=production, now=now, online=online)
    return root


def check_pair(ci: Document, production: Document) -> None:
    """Check that a production root goes with a CI root: they may differ in the targets threshold alone.

    Raises:
        TrustError: ``roots-differ``, naming the members that do.
    """
    ours, theirs = _without_threshold(ci.signed), _without_threshold(production.signed)
    differ = sorted(member for member in ours.keys() | theirs.keys() if ours.get(member) != theirs.get(member))
    if differ:
        raise TrustError(
            "roots-differ",
            f"the CI root and the production root of v{ci.version} differ in `{'`, `'.join(differ)}`",
            hint="they list the same keys, owners and expiry, and differ in the targets threshold alone",
            fields={"version": ci.version, "members": differ},
        )


def _check_itself(new: Document, root: Root, *, production: bool, now: datetime, online: OnlineKeys | None) -> None:
    own = verify(new, root.keys, root.roles["root"].keyids, root.roles["root"].threshold)
    if not own.verified:
        raise TrustError(
            "root-not-signed-by-new",
            f"root v{new.version} lacks {_signatures(own.missing)} of its own root keys{_why(own)}",
            hint="sign it with the new root key",
            fields=_facts(new, own, root.roles["root"].keyids),
        )
    if new.expires <= now:
        raise TrustError(
            "root-expired",
            f"root v{new.version} expired at `{format_instant(new.expires)}`",
            hint="give it an expiry in the future and sign it again",
            fields={"version": new.version, "expires": format_instant(new.expires), "now": format_instant(now)},
        )
    _check_thresholds(new, root, production=production)
    for name, key in (online.as_dict() if online else {}).items():
        if key.keyid not in root.roles[name].keyids:
            raise TrustError(
                "online-key-missing",
                f"root v{new.version} does not list the factory's {name} key `{key.keyid}` in the role `{name}`",
                hint="the factory could not sign that role any more; keep its key in it",
                fields={"version": new.version, "role": name, "keyid": key.keyid},
            )


def _check_thresholds(new: Document, root: Root, *, production: bool) -> None:
    own = production and new.version >= FIRST_OWN_VERSION
    threshold = root.roles["targets"].threshold
    if own and threshold < MIN_PRODUCTION_TARGETS:
        raise TrustError(
            "threshold-too-low",
            f"production root v{new.version} asks for `{threshold}` targets signature, which the factory could give"
            " alone",
            hint=f"production targets need at least {MIN_PRODUCTION_TARGETS}: the online key and an offline one",
            fields={"version": new.version, "role": "targets", "threshold": threshold},
        )
    for name in ROLES:
        role = root.roles[name]
        if role.threshold > len(role.keyids) and not (own and name == "targets"):
            raise TrustError(
                "threshold-too-high",
                f"root v{new.version} asks for `{role.threshold}` signatures of the role `{name}`, which has"
                f" {len(role.keyids)} keys",
                hint="add keys to the role, or lower its threshold",
                fields={
                    "version": new.version,
                    "role": name,
                    "threshold": role.threshold,
                    "keyids": list(role.keyids),
                },
            )


def _without_threshold(signed: dict[str, Any]) -> dict[str, Any]:
    roles = {name: role for name, role in signed["roles"].items() if name != "targets"}
    flat = {f"roles.{name}": role for name, role in roles.items()}
    flat["roles.targets.keyids"] = signed["roles"]["targets"]["keyids"]
    return {member: value for member, value in signed.items() if member != "roles"} | flat


def _wrong_version(version: int, expected: int) -> TrustError:
    return TrustError(
        "root-version",
        f"the root has the version `{version}`; {expected} is next",
        hint="devices walk the chain one root at a time and follow no other",
        fields={"version": version, "expected": expected},
    )


def _signatures(count: int) -> str:
    return "the signature" if count == 1 else f"{count} signatures"


def _why(verification: Verification) -> str:
    reasons = [f"`{keyid}`: {reason}" for keyid, reason in verification.rejected.items()]
    return f" ({'; '.join(reasons)})" if reasons else ""


def _facts(new: Document, verification: Verification, keyids: tuple[str, ...]) -> dict[str, Any]:
    return {
        "version": new.version,
        "allowed": list(keyids),
        "valid": list(verification.valid),
        "missing": verification.missing,
        "rejected": verification.rejected,
    }
