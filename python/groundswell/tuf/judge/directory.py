"""Judge a directory of metadata as a device would, in the order in which a device would.

- The root chain starts at v1 and has no gap; each root is signed by a threshold of the root before and of its own keys.
  Only the last one must not have expired. It holds whatever was trusted before.
- The timestamp, the snapshot that it names and the targets that the snapshot names bear a threshold of signatures each
  and have not expired; length, SHA-256 and version of what is named fit.
- Nothing goes back: not the root, the timestamp or the snapshot. The targets version may, as after a cancel.
- The audience fits: production targets need two signatures, CI targets one.
- Roots alone are a directory that serves nothing.

Source: TUF specification 1.0, section 5; wire.md 3.3, 3.6, 3.8.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import InputError, NotFoundError, StorageError
from groundswell.tuf.judge.evidence import malformed, read_evidence, refusal
from groundswell.tuf.judge.keyring import keyring_of
from groundswell.tuf.judge.verdict import Verdict

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from groundswell.tuf.judge.evidence import Evidence
    from groundswell.tuf.judge.keyring import Keyring
    from groundswell.tuf.judge.verdict import Audience

__all__ = ["judge_directory"]

_ROOT_NAME: Final = re.compile(r"([1-9][0-9]{0,9})\.root\.json", re.ASCII)
_SERVED: Final = ("timestamp.json", "snapshot.json", "targets.json")
_FIRST_OWN: Final = 3
_PRODUCTION: Final = 2


@dataclass(frozen=True, slots=True)
class _Directory:
    """What was found, signatures and links checked, expiry and history not."""

    roots: list[Evidence]
    keyring: Keyring
    served: dict[str, Evidence]
    signed_by: dict[str, tuple[str, ...]]

    @property
    def last_root(self) -> Evidence:
        return self.roots[-1]


def judge_directory(
    path: Path,
    *,
    now: datetime,
    audience: Audience | None = None,
    tag: str | None = None,
    previous: Path | None = None,
    trusted_root: Path | None = None,
    allow_rsa: bool = False,
) -> Verdict:
    """Judge a directory of ``N.root.json``, ``timestamp.json``, ``snapshot.json`` and ``targets.json``.

    Args:
        path: the directory.
        now: the present, for expiry.
        audience: whom it must be for; None for either.
        tag: the tag that every target of the newest version must carry; None for any.
        previous: a directory that the device took before; None for a device without history.
        trusted_root: a root that the device was made with; None trusts ``1.root.json``.
        allow_rsa: RSA keys stop some agents (wire.md 3.6), so they are allowed by name.

    Returns:
        What a device accepts. A directory with roots alone is accepted too and serves nothing.

    Raises:
        TrustError: whatever a device refuses, each for its own reason; ``fields["file"]`` names the file. Root chain:
            ``no-root``, ``root-chain-gap``, ``root-version``, ``root-not-signed-by-old``, ``root-not-signed-by-new``,
            ``keyid-mismatch``, ``rsa-root``, ``untrusted-root``. Every file: ``metadata-missing``,
            ``metadata-too-large``, ``malformed-metadata``, ``metadata-not-canonical``, ``unsafe-metadata``,
            ``wrong-role``, ``repeated-signature``, ``unknown-method``, ``bad-signature``, ``too-few-signatures``,
            ``expired-metadata``. Links: ``length-mismatch``, ``hash-mismatch``, ``version-mismatch``. History:
            ``rolled-back``, ``not-renumbered``. Purpose: ``wrong-audience``, ``wrong-tag``.
        InputError: ``broken-json`` for a file that is not JSON; ``bad-instant`` for a `now` without a time zone.
        NotFoundError: ``no-such-directory``.
        StorageError: ``cannot-read``.

    Cost: linear in the bytes, and about 0.1 ms a signature.

    >>> from datetime import UTC, datetime
    >>> from pathlib import Path
    >>> judge_directory(Path("no/such/directory"), now=datetime(2026, 11, 24, tzinfo=UTC))
    Traceback (most recent call last):
    groundswell.errors.NotFoundError: there is no directory `no/such/directory`
    """
    if now.utcoffset() is None:
        raise InputError(
            "bad-instant",
            f"`now` is `{now}`, which has no time zone",
            hint="give an instant with a time zone",
            fields={"name": "now", "value": str(now), "type": "datetime"},
        )
    found = _read(path, allow_rsa=allow_rsa)
    before = None if previous is None else _read(previous, allow_rsa=allow_rsa)
    anchors = before.roots if before else []
    if trusted_root is not None:
        anchors = [*anchors, read_evidence(trusted_root, "Root")]
    _check_anchors(found, anchors)
    _check_expiry(found, now)
    if before is not None:
        _check_history(found, before, now)
    judged = _audience(found, audience)
    targets: dict[str, Any] = found.served["targets.json"].signed["targets"] if found.served else {}
    if tag is not None and targets:
        _check_tag(found.served["targets.json"], targets, tag)
    return _verdict(found, judged, targets)


def _read(path: Path, *, allow_rsa: bool) -> _Directory:
    if not os.path.isdir(path):  # noqa: PTH112 - `Path.is_dir` raises if the name is too long
        raise NotFoundError(
            "no-such-directory",
            f"there is no directory `{path}`",
            hint="name a directory of exported metadata",
            fields={"path": str(path)},
        )
    roots, keyring, root_signers = _chain(path, allow_rsa=allow_rsa)
    signed_by = {"root": root_signers}
    served: dict[str, Evidence] = {}
    present = [name for name in _SERVED if (path / name).exists()]
    if not present:
        return _Directory(roots, keyring, served, signed_by)
    for name in _SERVED:
        if name not in present:
            raise refusal("metadata-missing", str(path / name), f"is missing, while `{present[0]}` is there")
    link: dict[str, Any] | None = None
    for name, below in zip(_SERVED, (*_SERVED[1:], None), strict=True):
        role = name.removesuffix(".json")
        evidence = read_evidence(path / name, role.capitalize())
        if link is not None:
            _check_link(evidence, link)
        signed_by[role] = keyring.signers(evidence, role)
        served[name] = evidence
        link = None if below is None else _link(evidence, below)
    if not isinstance(served["targets.json"].signed.get("targets"), dict):
        raise malformed(served["targets.json"].file, 'has no object "targets"')
    return _Directory(roots, keyring, served, signed_by)


def _chain(path: Path, *, allow_rsa: bool) -> tuple[list[Evidence], Keyring, tuple[str, ...]]:
    versions = sorted(int(name[1]) for entry in _entries(path) if (name := _ROOT_NAME.fullmatch(entry)))
    if not versions:
        raise refusal("no-root", str(path), "holds no root, such as `1.root.json`")
    for expected, version in enumerate(versions, start=1):
        if version != expected:
            raise refusal(
                "root-chain-gap",
                str(path / f"{expected}.root.json"),
                f"is missing, while `{version}.root.json` is there; a device stops before it",
                version=expected,
            )
    roots: list[Evidence] = []
    keyring: Keyring | None = None
    signers: tuple[str, ...] = ()
    for version in versions:
        root = read_evidence(path / f"{version}.root.json", "Root")
        if root.version != version:
            raise refusal("root-version", root.file, f"has the version {root.version}", version=root.version)
        own = keyring_of(root)
        if own.has_rsa and not allow_rsa:
            raise refusal("rsa-root", root.file, "lists an RSA key; fiotuf and fioup would refuse every root with it")
        if keyring is not None:
            keyring.signers(root, "root", short="root-not-signed-by-old")
        signers = own.signers(root, "root", short="root-not-signed-by-new")
        keyring = own
        roots.append(root)
    if keyring is None:
        raise AssertionError("a chain without roots was refused above")
    return roots, keyring, signers


def _entries(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.iterdir()]
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"`{path}` cannot be read: {error.strerror or error}",
            hint="get permission to read it, or copy it to where you have it",
            fields={"path": str(path), "reason": error.strerror or str(error)},
        ) from error


def _link(evidence: Evidence, below: str) -> dict[str, Any]:
    meta = evidence.signed.get("meta")
    link = meta.get(below) if isinstance(meta, dict) else None
    hashes = link.get("hashes") if isinstance(link, dict) else None
    if (
        not isinstance(link, dict)
        or not isinstance(hashes, dict)
        or not isinstance(hashes.get("sha256"), str)
        or type(link.get("length")) is not int
        or type(link.get("version")) is not int
    ):
        raise malformed(evidence.file, f"does not give hash, length and version of `{below}`")
    return link


def _check_link(evidence: Evidence, link: dict[str, Any]) -> None:
    if len(evidence.data) != link["length"]:
        raise refusal(
            "length-mismatch", evidence.file, f"has {len(evidence.data)} bytes; {link['length']} were announced"
        )
    if hashlib.sha256(evidence.data).hexdigest() != link["hashes"]["sha256"]:
        raise refusal("hash-mismatch", evidence.file, "has another SHA-256 than was announced")
    if evidence.version != link["version"]:
        raise refusal(
            "version-mismatch", evidence.file, f"has the version {evidence.version}; {link['version']} was announced"
        )


def _check_anchors(found: _Directory, anchors: list[Evidence]) -> None:
    for anchor in anchors:
        if anchor.version > len(found.roots):
            raise refusal(
                "rolled-back",
                found.last_root.file,
                f"is the last root, while the device has v{anchor.version}",
                role="root",
                version=found.last_root.version,
                previous=anchor.version,
            )
        ours = found.roots[anchor.version - 1]
        if ours.signed_bytes != anchor.signed_bytes:
            raise refusal("untrusted-root", ours.file, f"says something else than the trusted root `{anchor.file}`")


def _check_expiry(found: _Directory, now: datetime) -> None:
    for evidence in (found.last_root, *found.served.values()):
        if evidence.expires <= now:
            raise refusal(
                "expired-metadata",
                evidence.file,
                f"expired at `{evidence.signed['expires']}`",
                expires=evidence.signed["expires"],
            )


def _check_history(found: _Directory, before: _Directory, now: datetime) -> None:
    if not found.served or not before.served:
        return
    for name in ("timestamp.json", "snapshot.json"):
        ours, theirs = found.served[name], before.served[name]
        if ours.version < theirs.version:
            raise refusal(
                "rolled-back",
                ours.file,
                f"has the version {ours.version}, while the device has {theirs.version}",
                role=name.removesuffix(".json"),
                version=ours.version,
                previous=theirs.version,
            )
    ours, theirs = (directory.served["timestamp.json"] for directory in (found, before))
    same = ours.version == theirs.version and ours.signed["meta"] == theirs.signed["meta"]
    if same and ours.signed != theirs.signed and theirs.expires <= now:
        raise refusal(
            "not-renumbered",
            ours.file,
            f"was signed again as version {ours.version}; go-tuf keeps the one that it has, which has expired",
            version=ours.version,
        )


def _audience(found: _Directory, wanted: Audience | None) -> Audience | None:
    threshold = found.keyring.thresholds["targets"]
    judged: Audience | None = "production" if threshold >= _PRODUCTION else "ci"
    if found.last_root.version < _FIRST_OWN and judged == "ci":
        # These roots are the same for both audiences, so that they serve CI targets, but no production targets.
        judged = "ci" if found.served else None
    if wanted is not None and judged is not None and judged != wanted:
        raise refusal(
            "wrong-audience",
            found.last_root.file,
            f"has a targets threshold of {threshold}: its audience is `{judged}`, not `{wanted}`",
            threshold=threshold,
            audience=judged,
        )
    return judged or wanted


def _check_tag(evidence: Evidence, targets: dict[str, Any], tag: str) -> None:
    versions = {name: _version(target) for name, target in targets.items()}
    newest = max(versions.values())
    for name, version in versions.items():
        tags = _custom(targets[name]).get("tags")
        if version == newest and not (isinstance(tags, list) and tag in tags):
            raise refusal(
                "wrong-tag",
                evidence.file,
                f"has the target `{name[:80]}` without the tag `{tag}`",
                target=name,
                tag=tag,
            )


def _custom(target: Any) -> dict[str, Any]:
    custom = target.get("custom") if isinstance(target, dict) else None
    return custom if isinstance(custom, dict) else {}


def _version(target: Any) -> int:
    text = _custom(target).get("version")
    return int(text) if isinstance(text, str) and re.fullmatch("[0-9]{1,10}", text) else 0


def _verdict(found: _Directory, audience: Audience | None, targets: dict[str, Any]) -> Verdict:
    versions = {name: evidence.version for name, evidence in found.served.items()}
    expires = {"root": found.last_root.expires}
    expires |= {name.removesuffix(".json"): evidence.expires for name, evidence in found.served.items()}
    notes = [
        f"agents pass over the target `{name[:80]}`: {why}"
        for name, target in targets.items()
        if (why := _passed_over(target))
    ]
    if found.keyring.has_rsa:
        notes.append("the root lists an RSA key: fiotuf and fioup refuse it")
    return Verdict(
        audience,
        found.last_root.version,
        versions.get("timestamp.json"),
        versions.get("snapshot.json"),
        versions.get("targets.json"),
        expires,
        found.signed_by,
        tuple(sorted(targets)),
        tuple(notes),
    )


def _passed_over(target: Any) -> str:
    custom = _custom(target)
    hardware = custom.get("hardwareIds")
    if custom.get("targetFormat") != "OSTREE":
        return "its format is not `OSTREE`"
    if not isinstance(hardware, list) or len(hardware) != 1:
        return "it has not exactly one hardware id"
    return "" if _version(target) else "its version is not an integer of 1 or more"
