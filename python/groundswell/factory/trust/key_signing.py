"""The next roots: composed for the holders of keys to sign, and accepted when they come back signed.

Source: wire.md 2.9; TUF specification 1.0, section 5.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import InputError, StorageError, TrustError
from groundswell.factory.context import seconds
from groundswell.factory.trust.key_changes import ComposedBy, KeyChange, change_between, signable
from groundswell.factory.trust.online_keys import ONLINE_ROOT_VERSION, remove_retired
from groundswell.factory.trust.publisher import TAG_VARIANT, check_size
from groundswell.factory.trust.resigning import resigned, resigned_waves, waves_to_resign
from groundswell.factory.trust.roots import REPOSITORIES, new_links
from groundswell.store import put
from groundswell.tuf import SigningRequest, assemble, check_next_root, check_pair, parse_document, read_root, sign
from groundswell.tuf.canonical import canonical, cropped
from groundswell.tuf.roles import production_of
from groundswell.tuf.signers import signer_of
from groundswell.tuf.signing import check_composed, parse_signed, valid_signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from groundswell.factory.context import Context
    from groundswell.factory.trust.offline_keys import OfflineKeys
    from groundswell.factory.trust.online_keys import OnlineKeyring
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.resigning import Swap
    from groundswell.factory.trust.roots import Repository, Roots
    from groundswell.store import Change
    from groundswell.tuf import Document, PrivateKey, PublicKey, Root

    Links = dict[Repository, bytes]

__all__ = ["KeySigning"]

_MAX_ROOT: Final = 64 << 10


class KeySigning:
    """Says which bytes to sign for a change of keys, and takes signed documents."""

    def __init__(
        self, context: Context, roots: Roots, keyring: OnlineKeyring, offline: OfflineKeys, publisher: Publisher
    ) -> None:
        self._context: Final = context
        self._roots: Final = roots
        self._keyring: Final = keyring
        self._offline: Final = offline
        self._publisher: Final = publisher

    def compose(self, changes: Sequence[KeyChange], at: datetime) -> tuple[SigningRequest, ...]:
        """The documents that must be signed for one root or, to take the root offline, for two.

        Args:
            changes: what each of the next roots changes.
            at: the present.

        Returns:
            The next root of each chain; and, if an offline targets key is replaced, each targets role of production
            devices that the old key signed.

        Raises:
            InputError: ``key-already-in-role`` for a new key that a root has listed before, in any role.
        """
        return tuple(self._requests(changes, ComposedBy(signable(self._context.user), at)))

    def accept(
        self,
        documents: Mapping[str, bytes],
        at: datetime,
        *,
        new_online: Mapping[str, PrivateKey] | None = None,
        before_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """Make the next roots of signed documents, and publish everything under them; the caller is in `changing`.

        Args:
            documents: by the name of their request.
            at: the present.
            new_online: new online keys, by keyid; those that `compose` left in the keyring otherwise.
            before_commit: is called when all checks are made.

        Raises:
            TrustError, InputError, StateError: see `groundswell.factory.trust.keys.Keys.accept`.
        """
        old = self._roots.root("ci")
        changes, by = self._changes(documents, old)
        requests = {request.name: request for request in self._requests(changes, by)}
        said = _parsed(documents, requests)
        links = self._links(said, len(changes), at)
        swap = self._swap(changes[-1], said, requests, new_online or {})
        self._commit(changes[-1], links, swap, at, before_commit)
        if changes[-1].kind in ("init-targets", "rotate-online"):
            self._retire()
        self._keyring.drop_pending()

    # --- composing

    def _requests(self, changes: Sequence[KeyChange], by: ComposedBy) -> Iterator[SigningRequest]:
        signed: Mapping[str, Any] = self._roots.latest("ci").signed
        threshold = max(2, self._roots.root("production").roles["targets"].threshold)
        before = self._roots.root("ci")
        known = self._roots.ever_listed()
        for change in changes:
            for key in change.new_keys:
                if key.keyid in known:
                    raise _listed_before(key)
                known.add(key.keyid)
            signed = change.applied_to(signed, by)
            root = read_root(dict(signed), allow_rsa=True)
            for repository in REPOSITORIES:
                said = signed if repository == "ci" else production_of(signed, targets_threshold=threshold)
                yield self._root_request(f"{repository}-root-{root.version}", canonical(said), before, root)
            before = root
        if changes[-1].kind == "rotate-targets":
            ((old, new),) = changes[-1].replace["targets"].items()
            for name, document in self._signed_by(old):
                yield SigningRequest(
                    name=name, role_type="Targets", signed_bytes=document.signed_bytes, keyids=(new.keyid,)
                )

    def _root_request(self, name: str, signed_bytes: bytes, before: Root, root: Root) -> SigningRequest:
        old, new = before.roles["root"], root.roles["root"]
        own = {keyid for keyid in old.keyids if self._keyring.has(keyid)}
        of_both = len(set(old.keyids) & set(new.keyids)) + len(own)
        return SigningRequest(
            name=name,
            role_type="Root",
            signed_bytes=signed_bytes,
            keyids=tuple(keyid for keyid in dict.fromkeys((*new.keyids, *old.keyids)) if keyid not in own),
            needed=new.threshold + max(0, old.threshold - of_both),
        )

    def _signed_by(self, keyid: str) -> Iterator[tuple[str, Document]]:
        """The targets roles of production devices that a key has signed, by the names of their requests."""
        roles = [(f"targets-{one.tag}", one.targets) for one in self._served_by_tag()]
        rows = waves_to_resign(self._context.store, self._publisher)
        roles += [(f"wave-{row['name']}", bytes(row["document"])) for row in rows]
        for name, role in roles:
            document = parse_document(role, "Targets", name)
            if keyid in document.keyids:
                yield name, document

    def _served_by_tag(self) -> list[Any]:
        return [one for one in self._publisher.served("production") if one.variant == TAG_VARIANT]

    # --- accepting

    def _changes(self, documents: Mapping[str, bytes], old: Root) -> tuple[list[KeyChange], ComposedBy]:
        """Which changes the CI roots among the documents make, and who composed the first of them."""
        init = old.version == ONLINE_ROOT_VERSION
        changes, composed, before = [], [], old
        for version in range(old.version + 1, old.version + (3 if init else 2)):
            name = f"ci-root-{version}"
            if name not in documents:
                raise _not_next(documents, name)
            new = parse_signed(documents[name], "Root", name)
            own = before

            def own_key(role: Any, own: Root = own) -> str:
                return self._keyring.own_key(own.keys_of(role)).keyid

            change, by = change_between(before, new, first=init, own_key=own_key, label=name)
            changes.append(change)
            composed.append(by)
            before = read_root(new, name, allow_rsa=True)
        return changes, composed[0]

    def _links(self, said: Mapping[str, Document], count: int, at: datetime) -> list[Links]:
        """The next links of both chains, signed and checked."""
        last: dict[Repository, Document] = {repository: self._roots.latest(repository) for repository in REPOSITORIES}
        links: list[Links] = []
        for _ in range(count):
            added: Links = {}
            for repository in REPOSITORIES:
                before = last[repository]
                name = f"{repository}-root-{before.version + 1}"
                link = self._link(said[name], read_root(before, allow_rsa=True), name)
                check_size(f"the next {repository} root", link, _MAX_ROOT, "rotate keys instead of adding more of them")
                new = parse_document(link, "Root", name)
                check_next_root(before, new, production=repository == "production", now=at)
                added[repository], last[repository] = link, new
            check_pair(last["ci"], last["production"])
            links.append(added)
        return links

    def _link(self, said: Document, before: Root, name: str) -> bytes:
        """A root with one signature of each key that the old root or the new one lists, the new one's first."""
        root = read_root(said, name, allow_rsa=True)
        keys = list({key.keyid: key for key in (*root.keys_of("root"), *before.keys_of("root"))}.values())
        own = [key for key in keys if self._keyring.has(key.keyid)]
        held = valid_signatures(said, [key for key in keys if key not in own], name)
        return assemble(
            said.signed_bytes, [*held, *(sign(self._keyring.signer(key), said.signed_bytes) for key in own)]
        )

    def _swap(
        self,
        change: KeyChange,
        said: Mapping[str, Document],
        requests: Mapping[str, SigningRequest],
        new_online: Mapping[str, PrivateKey],
    ) -> Swap:
        """Where the signatures of a replaced targets key come from; new online keys are in the keyring afterwards."""
        if change.kind == "rotate-online":
            fresh = {
                old: new_online.get(key.keyid) or self._keyring.pending(key)
                for keys in change.replace.values()
                for old, key in keys.items()
            }
            for private in fresh.values():
                self._keyring.add(private)
            return {
                old: lambda data, old=old: sign(signer_of(fresh[old]), data)  # type: ignore[misc]
                for old in change.replace.get("targets", ())
            }
        if change.kind != "rotate-targets":
            return {}
        ((replaced, new),) = change.replace["targets"].items()
        signatures = {
            document.signed_bytes: valid_signatures(document, [new], name)[0]
            for name, document in said.items()
            if requests[name].role_type == "Targets"
        }
        return {replaced: signatures.__getitem__}

    def _commit(
        self, change: KeyChange, links: Sequence[Links], swap: Swap, at: datetime, before_commit: Callable[[], None]
    ) -> None:
        """Store new roots, and publish everything anew under them."""
        changes: list[Change] = [new_links(one) for one in links]
        root = read_root(parse_document(links[-1]["ci"], "Root", "the next ci root"), allow_rsa=True)
        for repository in REPOSITORIES:
            served = self._publisher.served(repository)
            if swap:
                served = [one._replace(targets=resigned(one.targets, swap, root, repository)) for one in served]
                roles = [
                    {
                        "repository": repository,
                        "tag": one.tag,
                        "role_version": parse_document(one.targets, "Targets", "targets.json").version,
                        "document": one.targets,
                    }
                    for one in served
                    if one.variant == TAG_VARIANT
                ]
                if roles:
                    changes.append(put("targets_roles", roles))
            if swap and repository == "production":
                changes += resigned_waves(waves_to_resign(self._context.store, self._publisher), swap, root)
            if served:
                changes += self._publisher.publish(repository, served, root, now=at)
        details = {"role_version": root.version}
        before_commit()
        self._context.commit(change.action, change.summary, changes, at=seconds(at), details=details)

    def _retire(self) -> None:
        """Remove what a change that has been made has retired.

        Raises:
            StorageError: ``retired-keys-left``; the change is made all the same.
        """
        try:
            remove_retired(self._keyring, self._roots.root("ci"))
        except StorageError as error:
            raise StorageError(
                "retired-keys-left",
                f"the keys were changed, but the old ones cannot be removed: {error.message}",
                hint="the change is made; the next command that may write there removes them",
                fields=error.fields,
            ) from error


def _parsed(documents: Mapping[str, bytes], requests: Mapping[str, SigningRequest]) -> dict[str, Document]:
    """The documents, if they are those of the requests and say what these say."""
    for name in sorted(documents.keys() ^ requests.keys()):
        what = "is missing" if name in requests else "is not asked for"
        raise TrustError(
            "not-composed",
            f"the document `{cropped(name)}` {what}",
            hint="nothing was changed; compose the change of keys again, and sign all of its documents",
            fields={"source": name, "place": "$", "expected": sorted(requests), "found": sorted(documents)[:100]},
        )
    said = {name: parse_signed(documents[name], request.role_type, name) for name, request in requests.items()}
    for name, document in said.items():
        check_composed(document, requests[name].signed_bytes, name)
    return said


def _not_next(documents: Mapping[str, bytes], name: str) -> TrustError:
    found = sorted(documents)
    return TrustError(
        "root-version",
        f"`{name}` is next, and the documents are {', '.join(f'`{cropped(one)}`' for one in found[:5]) or 'none'}",
        hint="the roots have changed since these were composed: compose the change of keys again",
        fields={"expected": name, "found": found[:100]},
    )


def _listed_before(key: PublicKey) -> InputError:
    return InputError(
        "key-already-in-role",
        f"a root has listed the key `{key.keyid}` before",
        hint="make a new key: a key has one role, and is never used again after it was replaced",
        fields={"keyid": key.keyid},
    )
