"""What was found of a document's signatures is remembered, and is not taken for what is true of another."""

from __future__ import annotations

from datetime import UTC, datetime

from groundswell.factory.waves.serving import signatures_of
from groundswell.tuf import assemble, sign
from groundswell.tuf.canonical import canonical
from groundswell.tuf.keys import PrivateKey
from groundswell.tuf.roles import targets
from groundswell.tuf.root import Role, Root
from groundswell.tuf.signers import signer_of

FIRST, SECOND, STRANGER = (PrivateKey.from_seed_hex(f"0{number}" * 32) for number in (1, 2, 3))


def _root(*keys: PrivateKey) -> Root:
    publics = [key.public for key in keys]
    role = Role(tuple(public.keyid for public in publics), 2)
    return Root(1, {public.keyid: public for public in publics}, {"targets": role})


def test_neither_another_document_nor_another_root_has_the_same_signatures() -> None:
    signed = canonical(targets({}, version=7, expires=datetime(2030, 1, 1, tzinfo=UTC)))
    good = assemble(signed, [sign(signer_of(key), signed) for key in (FIRST, SECOND)])
    forged = good.replace(b'"version":7', b'"version":8')
    assert forged != good
    for _ in range(2):
        assert signatures_of(good, _root(FIRST, SECOND)).verified
        assert not signatures_of(forged, _root(FIRST, SECOND)).verified
        assert signatures_of(good, _root(FIRST, STRANGER)).missing == 1
