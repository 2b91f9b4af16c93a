"""Proving that a factory is what its rules say. Each check is independent of the code that keeps the rule.

A check has three outcomes: what it says holds; it does not; or it could not be made, because a disk is full, a file
cannot be read, memory or descriptors have run out. The last says nothing about the factory.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import GroundswellError, StateError, StorageError
from groundswell.factory.audit import log_faults
from groundswell.factory.checks.permissions import open_to_everyone
from groundswell.factory.context import Context, seconds
from groundswell.factory.trust.expiries import expiry_warnings
from groundswell.factory.trust.roots import REPOSITORIES
from groundswell.store.port import ROW_RULES
from groundswell.tuf import check_pair, parse_document
from groundswell.tuf.judge import judge_directory
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from groundswell.factory.checks.waves import WaveChecks
    from groundswell.factory.trust.online_keys import OnlineKeyring
    from groundswell.factory.trust.publisher import Publication, Publisher
    from groundswell.factory.trust.roots import Repository, Roots

__all__ = ["CheckReport", "CheckResult", "check_factory", "could_not_open_to_check"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found.

    Args:
        name: what was checked, as a statement that should hold.
        faults: sentences, each about something that does not hold, at most 10 000 and then "and more"; none for a
            sound factory.
        not_checked: why the check could not be made, or not to its end; None if it was.
    """

    name: str
    faults: tuple[str, ...]
    not_checked: str | None = None

    @property
    def sound(self) -> bool:
        """Whether the check was made and found nothing wrong."""
        return not self.faults and self.not_checked is None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What all checks found.

    Args:
        revision: the revision that was checked.
        results: by check.
        warnings: what is no fault, but wants attention: what expires soon.
    """

    revision: int
    results: tuple[CheckResult, ...]
    warnings: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether every check was made, and nothing is wrong."""
        return all(result.sound for result in self.results)

    def require_complete(self) -> None:
        """Refuse a report that found no fault but could not look everywhere.

        Raises:
            StorageError: ``could-not-check``, with all results in its fields.
        """
        missing = [result for result in self.results if result.not_checked is not None]
        if missing and not any(result.faults for result in self.results):
            raise _could_not_check(
                f"{len(missing)} of {len(self.results)} checks could not be made."
                f" `{missing[0].name}`: {missing[0].not_checked}",
                revision=self.revision,
                not_checked=[{"check": one.name, "reason": one.not_checked} for one in missing],
                results=[asdict(result) for result in self.results],
            )


def could_not_open_to_check(error: StorageError) -> StorageError:
    """What an error of opening a factory means to who wants to check it: a disk that refuses is not a fault."""
    if error.code not in _SAYS_NOTHING:
        return error
    what = "the factory can be opened"
    return _could_not_check(
        f"it cannot be opened: {error.message}",
        revision=None,
        not_checked=[{"check": what, "reason": error.message}],
        results=[asdict(CheckResult(what, (), error.message))],
    )


def _could_not_check(why: str, **fields: object) -> StorageError:
    return StorageError(
        "could-not-check",
        f"could not check the factory: {why}",
        hint="no fault was found, and this is not one: free space, memory or open files, or get permission, and check"
        " again",
        fields=fields,
    )


_MAX_FAULTS: Final = 10_000
_SAYS_NOTHING: Final = ("cannot-read", "cannot-write", "outcome-unknown")
"""Codes of errors that are no verdict on what was to be checked."""


def check_factory(
    context: Context,
    roots: Roots,
    keyring: OnlineKeyring,
    publisher: Publisher,
    waves: WaveChecks,
    *,
    now: datetime | None,
) -> CheckReport:
    """Run all checks; see `groundswell.factory.Factory.check`."""
    at = instant(seconds(now))
    checks: dict[str, Callable[[], Iterator[str]]] = {
        rule: lambda rule=rule: _rows(context, rule)  # type: ignore[misc]
        for rule in ROW_RULES
    }
    checks |= {
        **waves.checks(),
        "CI targets and their roles agree": lambda: _ci_roles(context),
        "the roots of CI and production go together": lambda: _pairs(roots),
        "devices accept the root chains and what is served": lambda: _judged(roots, publisher, at),
        "the online keys are here, private, and alone": lambda: _keys(roots, keyring),
        "not everyone can write to the factory": lambda: _permissions(context),
        "the audit log yields just this store": lambda: log_faults(context),
    }
    with context.store.changing():
        context.store.require_open()
        results = tuple(_result(name, check()) for name, check in checks.items())
        return CheckReport(context.store.revision, results, _warnings(context, roots, publisher, now))


def _result(name: str, faults: Iterator[str]) -> CheckResult:
    found: list[str] = []
    not_checked = None
    try:
        for fault in faults:
            if len(found) == _MAX_FAULTS:
                found.append("and more")
                break
            found.append(fault)
    except StateError:
        raise  # the factory was closed meanwhile: that is no fault of it
    except GroundswellError as error:
        if error.code in _SAYS_NOTHING:
            not_checked = error.message
        else:
            found.append(error.message)
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        not_checked = f"{where}{error.strerror or error}"
    except MemoryError as error:
        not_checked = f"not enough memory: {error}" if str(error) else "not enough memory"
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        found.append(f"what is kept is not of the form that it should have ({type(error).__name__}: {error})")
    return CheckResult(name, tuple(found), not_checked)


def _warnings(context: Context, roots: Roots, publisher: Publisher, now: datetime | None) -> tuple[str, ...]:
    try:
        return tuple(expiry_warnings(context, roots, publisher, now=now))
    except GroundswellError:
        return ()  # what cannot be read has no expiry; the checks have told of it


def _rows(context: Context, rule: str) -> Iterator[str]:
    yield from context.store.checks.faults(rule, _MAX_FAULTS + 1)


def _ci_roles(context: Context) -> Iterator[str]:
    """Each role holds the targets that carry its tag, and each target is in its columns what its document says."""
    wanted: dict[str, dict[str, Any]] = {}
    for row in context.store.trust.ci_targets():
        name, target_version, hardware_id, data = (
            row[column] for column in ("name", "target_version", "hardware_id", "document")
        )
        custom = json.loads(bytes(data))["custom"]
        if custom["version"] != str(target_version) or custom["hardwareIds"] != [hardware_id]:
            yield f"the target {name} is kept as version {target_version} for {hardware_id}, and says something else"
        for tag in custom.get("tags", ()):
            wanted.setdefault(tag, {})[name] = json.loads(bytes(data))
    found: dict[str, dict[str, Any]] = {}
    for row in context.store.trust.targets_role_rows():
        repository, tag, role_version, data = (
            row[column] for column in ("repository", "tag", "role_version", "document")
        )
        signed = json.loads(bytes(data))["signed"]
        if signed["version"] != role_version:
            said = signed["version"]
            yield f"the {repository} role of tag {tag} is kept as version {role_version}, and says that it is {said}"
        if repository == "ci":
            found[tag] = signed["targets"]
    for tag in sorted(wanted.keys() | found.keys()):
        if wanted.get(tag, {}) != found.get(tag, {}):
            yield f"the CI role of tag {tag} does not hold the targets that carry the tag"


def _pairs(roots: Roots) -> Iterator[str]:
    chains = zip(*(roots.chain(repository) for repository in REPOSITORIES), strict=False)
    for number, links in enumerate(chains, start=1):
        try:
            check_pair(*(parse_document(link, "Root", f"root v{number}") for link in links))
        except GroundswellError as error:
            yield error.message


def _judged(roots: Roots, publisher: Publisher, now: datetime) -> Iterator[str]:
    for repository in REPOSITORIES:
        chain = roots.chain(repository)
        served = [None, *publisher.publications(repository)]
        for publication in served:
            try:
                _judge(repository, chain, publication, now)
            except GroundswellError as error:
                if error.code in _SAYS_NOTHING:
                    raise
                where = "" if publication is None else f", tag {publication.tag} ({publication.variant})"
                yield f"{repository}{where}: {error.message}"


def _judge(repository: Repository, chain: list[bytes], publication: Publication | None, now: datetime) -> None:
    expiries = [parse_document(link, "Root", "the last root").expires for link in chain[-1:]]
    if publication is not None:
        expiries += publication.expiries().values()
    # What has expired is told as a warning: it is no sign of damage. So it is judged as of the time before.
    before = min([now, *(expires - timedelta(seconds=1) for expires in expiries)])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, link in enumerate(chain, start=1):
            (folder / f"{number}.root.json").write_bytes(link)
        if publication is not None:
            (folder / "targets.json").write_bytes(publication.targets)
            (folder / "snapshot.json").write_bytes(publication.snapshot)
            (folder / "timestamp.json").write_bytes(publication.timestamp)
        judge_directory(
            folder,
            now=before,
            audience=repository if publication is not None else None,
            tag=publication.tag if publication is not None else None,
            allow_rsa=True,
        )


def _keys(roots: Roots, keyring: OnlineKeyring) -> Iterator[str]:
    root = roots.root("ci")
    for role in ("targets", "snapshot", "timestamp"):
        online, *others = root.keys_of(role)
        if keyring.has(online.keyid):
            keyring.load(online)
        else:
            yield f"the online key {online.keyid} of the role {role} is not in {keyring.folder}"
        for key in others:
            if keyring.has(key.keyid):
                yield f"the offline key {key.keyid} lies in {keyring.folder}"
    listed = {key.keyid for role in root.roles for key in root.keys_of(role)}
    for keyid in sorted(keyring.held() - listed):
        yield f"the retired key {keyid} is still in {keyring.folder}"
    for file in keyring.exposed():
        yield f"others can read {keyring.folder / file}"


def _permissions(context: Context) -> Iterator[str]:
    for path in open_to_everyone(context.store.folder):
        yield f"anyone can write to {path}"
