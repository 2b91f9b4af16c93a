"""Hints for shell users, by the code of an error or a warning.

The library's own hints are for Python or neutral; these name commands and options. A hint never suggests a rollout of a
whole group, that is, one without ``--limit``.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import click

    from groundswell.errors import GroundswellError

    Fields = Mapping[str, Any]

__all__ = ["HINTS", "REMEDIES", "advice", "hint_for"]

_MAX_NEAR: Final = 3
_REPAIR: Final = (
    "nothing was changed; `groundswell check --repair` rebuilds the store from the audit log; or restore a backup with "
    "`groundswell restore FILE DIR`"
)
_RESTORE: Final = "nothing was changed; restore a backup with `groundswell restore FILE DIR`"
_ROTATE: Final = (
    "restore the file from a backup, or replace the key with `groundswell keys rotate online --root-keys root.keys.tgz`"
)
_WITHOUT_A_COLUMN: Final = {
    "production": "--include-test selects from all devices",
    "group": "omit --group, or add the column",
    "tag": "omit --tag, or add the column",
    "target_version": "omit --not-updated, or add the column",
    "name": "omit --names, or add the column",
}


def _near(kind: str, otherwise: str) -> Callable[[Fields], str | None]:
    """Suggest the most similar names, if the error has any. For `select` the names come from the file."""

    def hint(fields: Fields) -> str | None:
        if not str(fields.get(kind, "x")).strip():
            return None  # an empty name is an unset variable
        near = [f"`{name}`" for name in list(fields.get("nearest") or ())[:_MAX_NEAR]]
        from_file = f"`groundswell fleet show FILE` lists the {kind}s"
        return (
            f"did you mean {' or '.join(near)}?" if near else from_file if fields["command"] == "select" else otherwise
        )

    return hint


def _arrays(fields: Fields) -> str | None:
    arrays = fields.get("arrays")
    return f"if the devices are in that array, give --rows-at {shlex.quote(str(arrays[0]))}" if arrays else None


def _stored(fields: Fields) -> str:
    return _RESTORE if fields.get("remedy") == "restore" else _REPAIR


def _column(fields: Fields) -> str:
    return _WITHOUT_A_COLUMN.get(str(fields.get("column")), "add the column")


def _uuid(fields: Fields) -> str | None:
    if fields.get("file"):
        return f"to read the file, use `@{fields['file']}`"
    return None if fields.get("is_table") else "`groundswell uuids check @FILE` lists the bad values"


def _device(fields: Fields) -> str | None:
    if fields.get("denied"):
        return "`groundswell devices allow` takes it off the list; the next import then brings it back"
    by_name = "`groundswell devices list --name '*PART*'` finds devices by a part of their name"
    return None if fields.get("allowed") else by_name


def _signatures(fields: Fields) -> str:
    wave = fields.get("wave")
    if wave is None:
        return "nothing was changed; keep its keys, or have it signed with another key first"
    return f"sign it with another offline key: groundswell waves sign {wave} -k KEYS"


HINTS: Final[dict[str, str | Callable[[Fields], str | None]]] = {
    "bad-backup": "nothing was changed; give a file that `groundswell backup` wrote, or another copy of it",
    "bad-duration": "give days, hours, minutes and seconds, such as 4h, 90m, 1h30m or 2d",
    "bad-instant": "give RFC 3339 with an offset, such as 2026-11-24T15:30:00Z, or an integer: seconds since 1970",
    "bad-uuid": _uuid,
    "bad-tarball": "give a tarball of keys that `groundswell keys` or fioctl wrote, or restore it from its copy",
    "bad-rows": "correct them, or skip them and write them to a file with --rejects FILE",
    "clock-behind": "set the clock; or, if that record is wrong: `groundswell metadata refresh --accept-clock`"
    " (`restore` has the option, too)",
    "edited-plan": "make the plan again; to stage an edited list of devices, give it with --uuids @FILE",
    "expired-role": "give --expires-days N, or --expires-at with an instant in the future",
    "factory-exists": "use it with -C DIR, or name another directory",
    "group-not-empty": "move its devices with `groundswell devices group`, or use --ungroup to leave them without one",
    "keys-initialised": "use the tarballs that they were made in; `groundswell keys rotate` replaces keys",
    "keys-not-initialised": "make them: "
    "groundswell keys init --root-keys root.keys.tgz --targets-keys targets.only.key.tgz",
    "mismatched-devices": "take them off the list, or skip them with --skip-mismatched",
    "missing-column": _column,
    "no-active-wave": "`groundswell waves list` lists the waves; give the name of one",
    "no-factory": "name the factory with -C DIR or GROUNDSWELL_FACTORY, or make one: groundswell init DIR --name NAME",
    "no-such-directory": "name a directory that `groundswell metadata export` wrote",
    "not-a-plan": "give a file that `groundswell waves rollout --dry-run --plan-out FILE` wrote",
    "not-a-table": _arrays,
    "not-denied": "nothing was changed; `groundswell devices denied` prints the list",
    "nothing-asked": "give --limit N or --uuids @FILE; `groundswell waves complete` is for every device of the tag",
    "online-key-damaged": _ROTATE,
    "online-key-missing": _ROTATE,
    "rsa-key": "use an ED25519 key, such as `groundswell keys` makes",
    "signatures-missing": _signatures,
    "store-damaged": _stored,
    "tag-without-devices": "correct the tag, or confirm that it is a new one with --new-tag",
    "unknown-device": _device,
    "unknown-group": _near("group", "`groundswell groups list` lists the groups"),
    "unknown-tag": _near("tag", "`groundswell status` lists the tags"),
    "unknown-wave": _near("wave", "`groundswell waves list` lists the waves"),
    "unknown-version": lambda fields: None if fields.get("known") else "`groundswell targets import` imports targets",
    "whole-group-too-large": "nothing was staged; give --limit N or --uuids @FILE, or raise the setting with"
    " `groundswell settings max-whole-group N`",
    "whole-group-unsaid": "give --limit N or --uuids @FILE",
    "would-downgrade": "make a wave of a later version, or accept that agents may go back with --allow-downgrade",
}
"""Error code → hint, or a function from the error's fields to a hint.

Without an entry, or if the function returns None, the library's hint is used.
"""

REMEDIES: Final[dict[str, str]] = {
    "metadata-expires": "`groundswell metadata refresh` signs it again",
    "no-offline-keys": "`groundswell keys init` makes them",
    "no-targets": "`groundswell targets import` imports them",
    "production-targets-expire": "only a new wave renews them, because an offline key signs them",
    "root-expires": "`groundswell keys rotate` of any key makes the next root, which is valid for a year",
}
"""Code of a `groundswell.text.Notice` → its remedy."""


def hint_for(error: GroundswellError, command: click.Command | None = None) -> str:
    """The hint for an error; empty if there is none.

    Args:
        error: the error.
        command: the command that ran. A hint with options that it does not have is not used.
    """
    if _raised_here(error):
        return error.neutral_hint
    found = HINTS.get(error.code)
    about = error.fields | {"command": command.name if command else None}
    text = found(about) if callable(found) else found
    return error.neutral_hint if text is None or not _fits(text, command) else text


def _fits(hint: str, command: click.Command | None) -> bool:
    """Whether the command has the options that a hint names. Options of complete command lines do not count."""
    bare = re.sub(r"`groundswell [^`]*`|groundswell .*", "", hint)
    known = {option for param in command.params for option in param.opts} if command else set()
    return command is None or known >= set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", bare))


def _raised_here(error: GroundswellError) -> bool:
    """Whether the command line itself raised the error; then its hint already names commands and options."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("groundswell.cli")


def advice(warning: str) -> str:
    """A warning with its remedy for shell users."""
    from groundswell.text import Notice

    if isinstance(warning, Notice) and warning.code in REMEDIES:
        return f"{warning.what}: {REMEDIES[warning.code]}"
    return warning
