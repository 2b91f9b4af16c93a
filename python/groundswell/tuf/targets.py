"""Targets: what may be installed, read from a targets file and checked before any of it is signed.

A targets file is a signed document (whose signatures are counted and dropped: the factory signs with its own key), its
bare signed part, or a plain map of names. What passes here every agent can parse, verify and install.

Source: wire.md 2.4, 3.4, 3.5, 3.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.input_files import read_file
from groundswell.tuf.canonical import cropped, parse, unsafe_places
from groundswell.tuf.documents import MAX_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Target", "TargetFault", "TargetsFile", "read_targets", "read_targets_file", "retagged"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_TAG_OR_HARDWARE: Final = re.compile(_core.NAME_PATTERN)
_MAX_TARGET_NAME: Final = 160
_VERSION: Final = re.compile(r"[1-9][0-9]{0,9}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_MEMBERS: Final = ("custom", "hashes", "length")
_FORMAT: Final = "OSTREE"
_MAX_IN_MESSAGE: Final = 3
_MAX_BYTES: Final = 64 << 20
_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Target:
    """One installable thing.

    Args:
        name: the key in the targets role.
        target_version: the build number.
        hardware_id: the one hardware that it is for.
        tags: the update channels that it belongs to.
        document: ``{"custom", "hashes", "length"}`` as the role spells it; not to be changed.
    """

    name: str
    target_version: int
    hardware_id: str
    tags: tuple[str, ...]
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TargetFault:
    """Why a target is refused.

    Args:
        target: its name, cropped.
        field: which part of it, such as ``custom.version``.
        reason: the end of a sentence that begins with the field.
    """

    target: str
    field: str
    reason: str

    def __str__(self) -> str:
        return f"`{self.field}` of `{self.target}` {self.reason}" if self.field else f"`{self.target}` {self.reason}"


@dataclass(frozen=True, slots=True)
class TargetsFile:
    """What a targets file holds.

    Args:
        targets: in the order of their names.
        foreign_signatures: how many signatures the file bears. None is verified, and none is kept.
        notes: sentences about what is dropped, and about targets that some agents will pass over.
    """

    targets: tuple[Target, ...]
    foreign_signatures: int
    notes: tuple[str, ...] = ()


def read_targets_file(source: Path | bytes, label: str | None = None) -> TargetsFile:
    """Read and check a targets file.

    Args:
        source: a path, or the bytes.
        label: what to call it in an error; the path unless told otherwise.

    Raises:
        InputError: ``bad-targets``, with every fault of every target in ``fields["faults"]``; ``no-targets`` for a
            file without any; ``broken-json`` and ``ambiguous-json`` for what is not strict JSON; ``not-targets`` for
            JSON of another kind.
        NotFoundError, StorageError: as `read_file`.

    Cost: linear in the targets.
    """
    label = label or (str(source) if isinstance(source, Path) else "the targets file")
    data = read_file(source, at_most=_MAX_BYTES + 1) if isinstance(source, Path) else source
    if len(data) > _MAX_BYTES:
        raise _not_targets(label, f"is larger than {_MAX_BYTES >> 20} MiB")
    # An editor's byte-order mark is not part of the text; nothing here is verified over these bytes.
    document = parse(data.removeprefix(_MARK), label)
    if not isinstance(document, dict):
        raise _not_targets(label, "is JSON, but no object")
    notes: list[str] = []
    foreign = 0
    if "signed" in document:
        signatures = document.get("signatures")
        foreign = len(signatures) if isinstance(signatures, list) else 0
        document = document["signed"]
        if not isinstance(document, dict):
            raise _not_targets(label, 'has a "signed" that is not an object')
    if "_type" in document or _is_bare(document):
        if str(document.get("_type", "Targets")).lower() != "targets":
            raise _not_targets(label, f"is metadata of the role `{cropped(str(document['_type']))}`")
        if document.get("delegations"):
            notes.append(f"`{label}` has delegations, which are not read")
        document = document.get("targets")
    if not isinstance(document, dict):
        raise _not_targets(label, 'has no object "targets"')
    targets, more = read_targets(document, label)
    return TargetsFile(targets, foreign, (*notes, *more))


def read_targets(documents: Mapping[str, Any], label: str) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Check a map of targets.

    Args:
        documents: ``{name: {"custom", "hashes", "length"}}``.
        label: what to call it in an error.

    Returns:
        The targets in the order of their names, and notes for people.

    Raises:
        InputError: ``bad-targets`` and ``no-targets``, as in `read_targets_file`.

    >>> hashes = {"sha256": "ab" * 32}
    >>> custom = {"hardwareIds": ["pi"], "tags": ["main"], "targetFormat": "OSTREE", "version": "42"}
    >>> targets, notes = read_targets({"pi-42": {"custom": custom, "hashes": hashes, "length": 0}}, "here")
    >>> targets[0].target_version, targets[0].hardware_id, notes
    (42, 'pi', ())
    """
    if not documents:
        raise InputError(
            "no-targets",
            f"`{label}` holds no targets",
            hint="give a targets.json, or an object of targets by name",
            fields={"source": label},
        )
    faults: list[TargetFault] = []
    targets: list[Target] = []
    for name in sorted(documents):
        found = list(_faults(name, documents[name]))
        faults.extend(found)
        if not found:
            targets.append(_target(name, documents[name]))
    faults.extend(_twice(targets))
    if faults:
        raise _bad_targets(label, faults)
    return tuple(targets), tuple(_notes(targets, documents))


def retagged(target: Target, tag: str) -> Target:
    """The target with one tag in place of those that it has.

    >>> target = Target("pi-42", 42, "pi", ("main",), {"custom": {"tags": ["main"]}, "hashes": {}, "length": 0})
    >>> retagged(target, "production").document["custom"]
    {'tags': ['production']}
    """
    document = target.document | {"custom": target.document["custom"] | {"tags": [tag]}}
    return replace(target, tags=(tag,), document=document)


def _is_bare(document: dict[str, Any]) -> bool:
    """Whether this is `{"targets": {…}}` and no map of targets in which one is called `targets`."""
    inner = document.get("targets")
    return isinstance(inner, dict) and not set(_MEMBERS) & set(inner)


def _target(name: str, document: dict[str, Any]) -> Target:
    custom = document["custom"]
    return Target(
        name,
        int(custom["version"]),
        custom["hardwareIds"][0],
        tuple(custom.get("tags", ())),
        {member: document[member] for member in _MEMBERS},
    )


def _faults(name: str, document: Any) -> Iterator[TargetFault]:
    shown = cropped(name)
    if not _NAME.fullmatch(name) or len(name) > _MAX_TARGET_NAME:
        yield TargetFault(
            shown, "", f"is not a name of a target: letters, digits and `_.+-`, at most {_MAX_TARGET_NAME}"
        )
    if not isinstance(document, dict):
        yield TargetFault(shown, "", "is not an object")
        return
    for place in unsafe_places({member: document.get(member) for member in _MEMBERS}, ""):
        what = str(place).partition("` ")[2]
        yield TargetFault(shown, place.path.removeprefix("."), f"{what}, which not every device agent spells alike")
    length, hashes, custom = (document.get(member) for member in ("length", "hashes", "custom"))
    if type(length) is not int or length < 0:
        yield TargetFault(shown, "length", "is not an integer of 0 or more")
    yield from _hash_faults(shown, hashes)
    if isinstance(custom, dict):
        yield from _custom_faults(shown, custom)
    else:
        yield TargetFault(shown, "custom", "is not an object")


def _hash_faults(shown: str, hashes: Any) -> Iterator[TargetFault]:
    if not isinstance(hashes, dict) or not _matches(_SHA256, hashes.get("sha256")):
        yield TargetFault(shown, "hashes.sha256", "is not 64 lower-case hex digits")
        return
    for algorithm, value in hashes.items():
        if not _matches(_HEX, value):
            yield TargetFault(shown, f"hashes.{cropped(algorithm)}", "is not in lower-case hex")


def _custom_faults(shown: str, custom: dict[str, Any]) -> Iterator[TargetFault]:
    version, hardware, tags = custom.get("version"), custom.get("hardwareIds"), custom.get("tags", [])
    if not _matches(_VERSION, version) or int(str(version)) > MAX_VERSION:
        given = f" (it is `{cropped(str(version))}`)" if "version" in custom else ""
        yield TargetFault(shown, "custom.version", f"is not the text of an integer from 1 to {MAX_VERSION}{given}")
    if not isinstance(hardware, list) or len(hardware) != 1:
        held = len(hardware) if isinstance(hardware, list) else 0
        yield TargetFault(shown, "custom.hardwareIds", f"holds {held} hardware ids; agents want exactly one")
    elif not _is_name(hardware[0]):
        yield TargetFault(
            shown, "custom.hardwareIds", f"holds `{cropped(str(hardware[0]))}`, which is not a hardware id"
        )
    if not isinstance(tags, list):
        yield TargetFault(shown, "custom.tags", "is not a list")
    else:
        for tag in tags:
            if not _is_name(tag):
                yield TargetFault(shown, "custom.tags", f"holds `{cropped(str(tag))}`, which is not a name of a tag")
        if len({str(tag) for tag in tags}) != len(tags):
            yield TargetFault(shown, "custom.tags", "holds a tag twice")
    if custom.get("targetFormat") != _FORMAT:
        given = cropped(str(custom.get("targetFormat")))
        yield TargetFault(shown, "custom.targetFormat", f"is `{given}`; agents take `{_FORMAT}` alone")


def _twice(targets: list[Target]) -> Iterator[TargetFault]:
    first: dict[tuple[int, str], str] = {}
    for target in targets:
        name = first.setdefault((target.target_version, target.hardware_id), target.name)
        if name != target.name:
            yield TargetFault(
                cropped(target.name),
                "custom.hardwareIds",
                f"is for the hardware `{target.hardware_id}` in version {target.target_version}, as `{name}` is",
            )


def _notes(targets: list[Target], documents: Mapping[str, Any]) -> Iterator[str]:
    for target in targets:
        if extra := sorted(set(documents[target.name]) - set(_MEMBERS)):
            named = "`, `".join(cropped(member) for member in extra)
            yield f"`{named}` of `{target.name}` is dropped: fioctl knows custom, hashes and length alone"
        if target.name.rpartition("-")[2] != str(target.target_version):
            yield (
                f"the name `{target.name}` does not end in `-{target.target_version}`: a device that installs it will"
                " report another version"
            )
        for app in _passed_over(target.document["custom"].get("docker_compose_apps")):
            yield f"`{target.name}` will be passed over by fioup: the URI of its app `{app}` does not end in that name"


def _passed_over(apps: Any) -> Iterator[str]:
    if isinstance(apps, dict):
        for app, value in apps.items():
            uri = value.get("uri") if isinstance(value, dict) else None
            if not isinstance(uri, str) or uri.partition("@sha256:")[0].rpartition("/")[2] != app:
                yield cropped(app)


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_name(value: Any) -> bool:
    return _matches(_TAG_OR_HARDWARE, value)


def _bad_targets(label: str, faults: list[TargetFault]) -> InputError:
    first = "; ".join(str(fault) for fault in faults[:_MAX_IN_MESSAGE])
    more = f"; and {len(faults) - _MAX_IN_MESSAGE} more" if len(faults) > _MAX_IN_MESSAGE else ""
    return InputError(
        "bad-targets",
        f"`{label}` cannot be taken: {first}{more}",
        hint="mend what is named in the build that made them; nothing was taken",
        fields={
            "source": label,
            "faults": [{"target": f.target, "field": f.field, "reason": f.reason} for f in faults],
        },
    )


def _not_targets(label: str, what: str) -> InputError:
    return InputError(
        "not-targets",
        f"`{label}` {what}",
        hint="give a targets.json, its signed part, or an object of targets by name",
        fields={"source": label, "reason": what},
    )
