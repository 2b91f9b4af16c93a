"""The root chains of a factory: one for CI, one for production, each link kept as the bytes that are served."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from groundswell.errors import StorageError
from groundswell.factory.context import CachedQuery
from groundswell.store import Change, put
from groundswell.tuf import Document, Root, assemble, parse_document, read_root, sign
from groundswell.tuf.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from groundswell.factory.context import Context
    from groundswell.tuf.signers import Signer

__all__ = ["REPOSITORIES", "Repository", "Roots", "new_links", "signed_root"]

Repository = Literal["ci", "production"]
REPOSITORIES: Final[tuple[Repository, ...]] = ("ci", "production")


class Roots:
    """Reads the chains, and makes their next links."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._roots: Final = {
            repository: CachedQuery(context, ["roots"], partial(self._read_root, repository))
            for repository in REPOSITORIES
        }

    def chain(self, repository: Repository) -> list[bytes]:
        """All links, oldest first, as they are served: the first is version 1."""
        return list(self._context.store.trust.root_chain(repository))

    def latest(self, repository: Repository) -> Document:
        """The last link.

        Raises:
            StorageError: ``store-damaged`` where there is none.
        """
        link = self._context.store.trust.latest_root(repository)
        if link is None:
            raise StorageError(
                "store-damaged",
                f"the store of the factory has no {repository} root",
                hint="rebuild the store from the audit log, or restore a backup",
                fields={"repository": repository, "remedy": "repair"},
            )
        return parse_document(link, "Root", f"the {repository} root")

    def root(self, repository: Repository) -> Root:
        """What the last link says."""
        return self._roots[repository].get()

    def _read_root(self, repository: Repository) -> Root:
        return read_root(self.latest(repository), f"the {repository} root", allow_rsa=True)

    def ever_listed(self) -> set[str]:
        """The keyids that any link of a chain lists."""
        documents = (parse_document(link, "Root", "a root") for link in self.chain("ci"))
        return {keyid for document in documents for keyid in document.signed["keys"]}


def signed_root(signed: dict[str, Any], signers: Sequence[Signer]) -> bytes:
    """A root as it is served, signed by these."""
    data = canonical(signed)
    return assemble(data, [sign(signer, data) for signer in signers])


def new_links(documents: dict[Repository, bytes]) -> Change:
    """The change that adds one link to each chain."""
    rows = [
        {
            "repository": repository,
            "role_version": parse_document(document, "Root", "the next root").version,
            "document": document,
        }
        for repository, document in documents.items()
    ]
    return put("roots", rows, new=True)
