"""The trust room: keys, signatures and the four roles, in the dialect that the devices read.

Pure: no clock (time is an argument), no store, no network; files only where a tarball, a targets file or a directory to
be judged is named. `roles` says what each role says, `chain` which root may follow which, `judge` what a device would
make of a directory; the judge shares no code with the signing side.

Source: wire.md sections 2.9, 3 and 4.
"""

from __future__ import annotations

from groundswell.tuf.chain import check_first_root, check_next_root, check_pair
from groundswell.tuf.documents import Document, assemble, parse_document
from groundswell.tuf.judge import Audience, Verdict, judge_directory
from groundswell.tuf.keys import PrivateKey, PublicKey
from groundswell.tuf.roles import Change, OnlineKeys
from groundswell.tuf.root import Role, Root, read_root
from groundswell.tuf.signatures import Verification, verify, verify_bytes
from groundswell.tuf.signers import Signer, pkcs11_signer, public_of, sign, signer_of
from groundswell.tuf.signing import SigningRequest, sign_request
from groundswell.tuf.tarball import Tarball, entries_of, read_tarball, write_tarball
from groundswell.tuf.targets import Target, TargetFault, TargetsFile, read_targets, read_targets_file, retagged

__all__ = [
    "Audience",
    "Change",
    "Document",
    "OnlineKeys",
    "PrivateKey",
    "PublicKey",
    "Role",
    "Root",
    "Signer",
    "SigningRequest",
    "Tarball",
    "Target",
    "TargetFault",
    "TargetsFile",
    "Verdict",
    "Verification",
    "assemble",
    "check_first_root",
    "check_next_root",
    "check_pair",
    "entries_of",
    "judge_directory",
    "parse_document",
    "pkcs11_signer",
    "public_of",
    "read_root",
    "read_tarball",
    "read_targets",
    "read_targets_file",
    "retagged",
    "sign",
    "sign_request",
    "signer_of",
    "verify",
    "verify_bytes",
    "write_tarball",
]
