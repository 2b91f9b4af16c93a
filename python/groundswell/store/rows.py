"""The values that named reads of the store take and return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DeletedDevice",
    "DeviceCount",
    "DeviceFilter",
    "DeviceRow",
    "DeviceSort",
    "GroupRow",
    "MappingRow",
    "PublicationRow",
    "TokenRow",
    "UserRow",
]

DeviceSort = Literal["ordinal", "name", "-name", "last-seen", "-last-seen", "uuid"]
"""The order of a page of devices; ``-`` reverses. Devices without a name come last, also in reverse; devices that were
never seen count as seen before all others. Equal devices are ordered by ordinal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFilter:
    """Which devices a page has: those that meet every condition that is given. Deleted devices are never among them.

    Args:
        group_id, tag_id: only devices of this group, on this tag.
        no_group, no_tag: only devices without one.
        production: only production devices, or only test devices.
        name: only devices whose name matches this pattern: ``*`` stands for any characters, ``?`` for one character.
        uuid_prefix: only devices whose uuid (lower case, hyphenated) begins like this.
        target_version: only devices that report this version.
        hardware_id: only devices of this hardware.
        seen_since: only devices that were seen at this instant (in seconds since 1970) or later.
        not_seen_since: only devices that were not.
        ordinals: only these devices: an array of uint32.
    """

    group_id: int | None = None
    no_group: bool = False
    tag_id: int | None = None
    no_tag: bool = False
    production: bool | None = None
    name: str | None = None
    uuid_prefix: str | None = None
    target_version: int | None = None
    hardware_id: str | None = None
    seen_since: int | None = None
    not_seen_since: int | None = None
    ordinals: pa.Array | None = None


class DeviceRow(NamedTuple):
    """A device with the names of its group and tag; `last_seen` in seconds since 1970."""

    ordinal: int
    uuid: str
    name: str | None
    group: str | None
    tag: str | None
    production: bool
    last_seen: int | None
    target_version: int | None
    hardware_id: str | None


class DeletedDevice(NamedTuple):
    """A deleted device; `allowed` if it is not on the denied list."""

    uuid: str
    name: str | None
    allowed: bool


class DeviceCount(NamedTuple):
    """How many devices have the same five properties, and how many of them are online."""

    production: bool
    tag: str | None
    group: str | None
    target_version: int | None
    devices: int
    online: int


class GroupRow(NamedTuple):
    """A group, and how many devices and production devices it has; instants in seconds since 1970."""

    group_id: int
    name: str
    description: str
    created_at: int
    created_by: str
    updated_at: int | None
    updated_by: str | None
    devices: int
    production_devices: int


class MappingRow(NamedTuple):
    """A saved mapping; `mapping` is JSON text, `saved_at` in seconds since 1970."""

    name: str
    mapping: str
    saved_at: int
    saved_by: str


class PublicationRow(NamedTuple):
    """A set of documents that belong together."""

    tag: str
    variant: str
    epoch: int
    targets: bytes
    snapshot: bytes
    timestamp: bytes


class UserRow(NamedTuple):
    """A user of the API; instants in seconds since 1970, `disabled_at` None while the user may work."""

    user_id: int
    name: str
    created_at: int
    created_by: str
    disabled_at: int | None


class TokenRow(NamedTuple):
    """A token: its id and digest, never the token; `scopes` and `group_ids` are JSON text, instants are seconds."""

    token_id: str
    digest: str
    user_id: int
    scopes: str
    group_ids: str | None
    created_at: int
    created_by: str
    expires_at: int | None
    revoked_at: int | None
