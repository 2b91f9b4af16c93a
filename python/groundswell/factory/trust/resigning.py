"""Targets roles under a new root: the signatures of keys that were rotated give way to those of the new keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundswell.errors import TrustError
from groundswell.factory.trust.publisher import variant_of
from groundswell.store import put
from groundswell.tuf import assemble, parse_document
from groundswell.tuf.signatures import verify_bytes
from groundswell.waves.records import wave_from_row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Repository
    from groundswell.store import Change
    from groundswell.store.port import Row, Store
    from groundswell.tuf import Root

    Swap = Mapping[str, Callable[[bytes], dict[str, Any]]]
    """The keyids whose signatures give way to those of another key, which this gives for the signed bytes."""

__all__ = ["resigned", "resigned_waves", "waves_to_resign"]


def waves_to_resign(store: Store, publisher: Publisher) -> list[Row]:
    """The rows of the waves whose roles are signed anew when a targets key changes.

    These are the active waves, even if they still wait for signatures, and the canceled waves that are served to
    devices which run them: what is published next is made of these.
    """
    served = {(one.tag, one.variant) for one in publisher.served("production")}
    return [
        row
        for row in store.waves.all()
        if row["state"] == "active"
        or (row["state"] == "canceled" and (row["tag"], variant_of(wave_from_row(row))) in served)
    ]


def resigned_waves(rows: Sequence[Row], swap: Swap, root: Root) -> list[Change]:
    """The changes that sign the roles of these waves anew under a new root."""
    changed = [{**row, "document": assemble(*_swapped(bytes(row["document"]), swap, root))} for row in rows]
    return [put("waves", changed)] if changed else []


def _swapped(document: bytes, swap: Swap, root: Root) -> tuple[bytes, list[dict[str, Any]]]:
    """The signed bytes and the signatures of a role under a new root: some replaced, those of dropped keys gone."""
    parsed = parse_document(document, "Targets", "targets.json")
    listed = set(root.roles["targets"].keyids)
    signatures = []
    for signature in parsed.signatures:
        if signature["keyid"] in swap:
            signatures.append(swap[signature["keyid"]](parsed.signed_bytes))
        elif signature["keyid"] in listed:
            signatures.append(signature)
    return parsed.signed_bytes, signatures


def resigned(document: bytes, swap: Swap, root: Root, repository: Repository) -> bytes:
    """A targets document with the signatures of some keys replaced; those of keys that the root dropped go."""
    signed_bytes, signatures = _swapped(document, swap, root)
    needed = 1 if repository == "ci" else max(2, root.roles["targets"].threshold)
    found = verify_bytes(signed_bytes, signatures, root.keys, root.roles["targets"].keyids, needed)
    if not found.verified:
        raise TrustError(
            "signatures-missing",
            f"a targets role that is being served would lack `{found.missing}` signatures under the new root",
            hint="nothing was changed; keep its keys, or have it signed by another key first",
            fields={"missing": found.missing, "repository": repository},
        )
    return assemble(signed_bytes, signatures)
