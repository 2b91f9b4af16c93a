"""The trust room: keys, signatures and the four roles, in the dialect that the devices read.

Pure: no clock (time is an argument), no store, no network; files only where a tarball, a targets file or a directory to
be judged is named. `roles` says what each role says, `chain` which root may follow which, `judge` what a device would
make of a directory; the judge shares no code with the signing side.

Source: wire.md sections 2.9, 3 and 4.
"""

from __future__ import annotations

from groundswell.tuf.documents import Document, assemble, parse_document
from groundswell.tuf.keys import PrivateKey, PublicKey
from groundswell.tuf.root import Role, Root, read_root
from groundswell.tuf.signatures import Verification, verify, verify_bytes
from groundswell.tuf.signers import public_of, sign, signer_of
from groundswell.tuf.tarball import Tarball, entries_of, read_tarball, write_tarball

__all__ = [
    "Document",
    "PrivateKey",
    "PublicKey",
    "Role",
    "Root",
    "Tarball",
    "Verification",
    "assemble",
    "entries_of",
    "parse_document",
    "public_of",
    "read_root",
    "read_tarball",
    "sign",
    "signer_of",
    "verify",
    "verify_bytes",
    "write_tarball",
]
