"""The core of Groundswell, in Rust: sets, selection, lists of UUIDs.

Internal: callers use `groundswell.Fleet`, `groundswell.Selection` and `groundswell.UuidList`. Arrays are numpy's;
``uuids`` are always uint8 of shape (n, 16), big-endian as printed. The GIL is released around all real work.
"""

from typing import Final, Literal, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "ALGORITHM",
    "DEBUG_BUILD",
    "NEVER_SEEN",
    "NO_ORDINAL",
    "DeviceSet",
    "Explanation",
    "Fleet",
    "Selection",
    "UuidListReport",
    "__version__",
    "find_repeated_uuids",
    "format_uuids",
    "identity_hash",
    "intersect_uuids",
    "key",
    "nearest",
    "parse_uuid_column",
    "parse_uuid_list",
    "recency_step",
    "subtract_uuids",
    "union_uuids",
    "variate",
]

__version__: Final[str]

ALGORITHM: Final[int]
"""The number of the sampling algorithm; a change of any pick is a new number."""
NO_ORDINAL: Final[int]
"""Stands for "no ordinal" in arrays of ordinals."""
NEVER_SEEN: Final[int]
"""Stands for "never" in arrays of last-seen seconds."""
DEBUG_BUILD: Final[bool]
"""Whether the extension was built without optimisation."""

def identity_hash(uuid: bytes) -> int:
    """The 64-bit identity hash of a UUID of 16 bytes (algorithm 1, point 2)."""

def variate(uuid: bytes, seed: int) -> int:
    """The 64-bit variate of a UUID of 16 bytes under a seed (algorithm 1, point 3)."""

def key(uuid: bytes, seed: int, step: int) -> float:
    """The exponential clock of a UUID of 16 bytes under a seed at a step (algorithm 1, point 4).

    Raises:
        ValueError: for a step above 80.
    """

def recency_step(last_seen: int, now: int, online_threshold: int, half_life: int) -> int:
    """The recency step of a device (algorithm 1, point 1), 0 to 80. All in seconds; `last_seen` 0 is never.

    Raises:
        InputError: ``bad-setting`` for a negative threshold or a half-life below 1.
    """

def nearest(word: str, known: list[str], at_most: int = 3) -> list[str]:
    """The known words that are spelled most like `word`, best first; empty if none is near.

    >>> nearest("canray", ["canary", "us-east"])
    ['canary']
    """

@final
class DeviceSet:
    """A set of ordinals as a roaring bitmap. Immutable; the operators give new sets.

    >>> import numpy as np
    >>> a = DeviceSet.from_ordinals(np.array([3, 1, 2], dtype=np.uint32))
    >>> b = DeviceSet.from_portable(a.to_portable())
    >>> a == b, len(a & b), 2 in a, (a - b).to_ordinals().tolist()
    (True, 3, True, [])
    """

    @staticmethod
    def from_ordinals(ordinals: npt.NDArray[np.uint32]) -> DeviceSet:
        """The set of these ordinals, in any order, repeated or not."""

    @staticmethod
    def from_portable(data: bytes) -> DeviceSet:
        """Read the portable Roaring format, as pyroaring's ``serialize`` writes it.

        Raises:
            InputError: ``bad-device-set`` for bytes that are no such set, end early or go on after its end.
        """

    def to_portable(self) -> bytes:
        """Write the portable Roaring format, byte for byte what pyroaring writes after ``run_optimize``."""

    def to_ordinals(self) -> npt.NDArray[np.uint32]:
        """The ordinals, uint32, ascending."""

    def __len__(self) -> int: ...
    def __contains__(self, ordinal: int, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __and__(self, other: DeviceSet, /) -> DeviceSet: ...
    def __rand__(self, other: DeviceSet, /) -> DeviceSet: ...
    def __or__(self, other: DeviceSet, /) -> DeviceSet: ...
    def __ror__(self, other: DeviceSet, /) -> DeviceSet: ...
    def __xor__(self, other: DeviceSet, /) -> DeviceSet: ...
    def __rxor__(self, other: DeviceSet, /) -> DeviceSet: ...
    def __sub__(self, other: DeviceSet, /) -> DeviceSet: ...
    def __rsub__(self, other: DeviceSet, /) -> DeviceSet: ...

@final
class Fleet:
    """A frozen set of devices in columns; a device's ordinal is its row.

    A deleted device keeps its row, since ordinals are given for ever: it is in no set and no count, and its UUID is
    unknown, as if it had never been. `uuids` alone still tells which UUID has its ordinal.

    Args:
        uuids: none of which may stand twice.
        last_seen: seconds since 1970, UTC; 0 for never.
        groups: for each device the index of its group in `group_names`; negative for none.
        group_names: the groups' names, those of empty groups among them.
        tags: for each device the index of its tag in `tag_names`; negative for none.
        tag_names: the tags' names.
        production: which devices are production devices.
        target_versions: reported target versions; negative if unknown.
        present: which rows are devices that are there; None for all. What the other columns say of a deleted device
            is neither read nor kept.

    Raises:
        InputError: ``repeated-uuid``; ``bad-columns`` for columns that do not fit together; ``too-many-devices``.

    Cost: one pass to hash and one to index; the columns are copied.
    """

    def __new__(
        cls,
        *,
        uuids: npt.NDArray[np.uint8],
        last_seen: npt.NDArray[np.uint32],
        groups: npt.NDArray[np.int32],
        group_names: list[str],
        tags: npt.NDArray[np.int32],
        tag_names: list[str],
        production: npt.NDArray[np.bool_],
        target_versions: npt.NDArray[np.int32],
        present: npt.NDArray[np.bool_] | None = None,
    ) -> Fleet: ...
    def __len__(self) -> int: ...
    @property
    def rows(self) -> int:
        """The number of rows, those of deleted devices among them: every ordinal is below it."""

    def group_counts(self) -> list[tuple[str, int]]:
        """Each group with its number of devices, in the order of `group_names`."""

    def tag_counts(self) -> list[tuple[str, int]]:
        """Each tag with its number of devices, in the order of `tag_names`."""

    def version_counts(self) -> list[tuple[int, int]]:
        """Each known target version with its number of devices, ascending."""

    @property
    def production_count(self) -> int:
        """The number of production devices."""

    def production(self) -> DeviceSet:
        """The production devices."""

    def group(self, name: str) -> DeviceSet | None:
        """The devices of a group; None for an unknown group."""

    def tag(self, name: str) -> DeviceSet | None:
        """The devices that listen to a tag; None for an unknown tag."""

    def device(self, ordinal: int) -> tuple[str | None, str | None, bool, int, int | None]:
        """Group, tag, production, last seen (0 for never) and target version of a device.

        Raises:
            IndexError: for an ordinal that the fleet does not have, or whose device was deleted.
        """

    def ordinals(self, uuids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
        """The ordinals of UUIDs, in order; `NO_ORDINAL` for those that the fleet does not have."""

    def uuids(self, ordinals: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
        """The UUIDs of ordinals, in order, of deleted devices too: stored sets may hold them.

        Raises:
            IndexError: for an ordinal that the fleet does not have.
        """

    def columns(self) -> dict[str, object]:
        """The columns again, by the names of the constructor's arguments; all rows, `present` None if all are there."""

    def select(
        self,
        *,
        group: str | None,
        tag: str | None,
        listed: npt.NDArray[np.uint8] | None,
        excluded: npt.NDArray[np.uint8] | None,
        not_updated: int | None,
        include_test: bool,
        skip_mismatched: bool,
        limit: int | None,
        thousandths: int | None,
        percent_of: Literal["matching", "remaining", "online"],
        seed: int,
        now: int,
        online_threshold: int,
        half_life: int,
    ) -> Selection:
        """Select devices; see `groundswell.Fleet.select` for the rule. Times in seconds.

        Raises:
            InputError: ``bad-limit``, ``bad-setting``, ``empty-list``, ``mismatched-devices``.
            NotFoundError: ``unknown-group``, ``unknown-tag``.
        """

@final
class Selection:
    """The devices that a selector and a limit picked from a fleet."""

    def __len__(self) -> int: ...
    @property
    def candidates(self) -> int:
        """The number of matching devices that are neither updated nor excluded."""

    @property
    def matching(self) -> int:
        """The number of matching devices."""

    @property
    def online(self) -> int | None:
        """The number of matching devices seen within the threshold; None unless the limit is a part of them."""

    @property
    def updated(self) -> int:
        """The number of matching devices that are updated."""

    @property
    def excluded(self) -> int:
        """The number of matching devices that are excluded and not updated."""

    @property
    def excluded_unknown(self) -> int:
        """The number of excluded UUIDs that the fleet does not have."""

    @property
    def wanted(self) -> int:
        """What the limit came to."""

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Offenders that were skipped, in list order: UUID and reason."""

    def ordinals(self) -> npt.NDArray[np.uint32]:
        """The picked devices' ordinals, in key order."""

    def uuids(self) -> npt.NDArray[np.uint8]:
        """The picked devices' UUIDs, in key order."""

    def bitmap(self) -> bytes:
        """The picked devices' ordinals in the portable Roaring format."""

    def digest(self) -> bytes:
        """SHA-256 over the picked devices' UUIDs in ascending order."""

    def explain(self, uuid: bytes) -> Explanation:
        """Why the device of this UUID of 16 bytes was picked or not. Costs a pass over the candidates."""

@final
class Explanation:
    """Why a device was picked or not; all but the verdict is None for a device that the fleet does not have."""

    @property
    def verdict(self) -> str:
        """``picked``, ``beyond-limit``, or the first thing that kept the device out."""

    @property
    def ordinal(self) -> int | None:
        """The device's ordinal."""

    @property
    def step(self) -> int | None:
        """Its recency step."""

    @property
    def weight(self) -> float | None:
        """The weight of that step."""

    @property
    def key(self) -> float | None:
        """The instant at which its clock rings."""

    @property
    def rank(self) -> int | None:
        """Its place among the candidates by key, from 1; None for a device that is no candidate."""

@final
class UuidListReport:
    """What a list of UUIDs says, bad values included."""

    @property
    def uuids(self) -> npt.NDArray[np.uint8]:
        """The distinct UUIDs, shape (n, 16), in order of first appearance."""

    @property
    def duplicates(self) -> int:
        """The number of further occurrences, which were dropped."""

    @property
    def header(self) -> bool:
        """Whether a header ``uuid`` came first."""

    @property
    def bad(self) -> list[tuple[int, int, str, str]]:
        """The first 4096 bad values in the order of the text: line and column from 1, text, reason.

        The column counts characters. The text is cropped to 40 characters, those that nobody sees are escaped.
        """

    @property
    def bad_count(self) -> int:
        """The number of all bad values."""

def parse_uuid_list(text: bytes) -> UuidListReport:
    r"""Read a list of UUIDs; bad values and an empty list are no errors here.

    Args:
        text: UTF-8, or UTF-16 with a byte-order mark.

    Raises:
        InputError: ``not-text`` for bytes that are neither, or that contain a NUL.

    Cost: under a tenth of a second for a million values; 16 bytes a value and up to 22 more for a while.

    >>> report = parse_uuid_list(b"uuid\r\n6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11;canary-7")
    >>> len(report.uuids), report.header, report.bad_count
    (1, True, 1)
    >>> report.bad
    [(2, 38, 'canary-7', '`n` at character 3 is no hex digit')]
    """

def parse_uuid_column(
    offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Read a column of text in which each cell is one UUID, in any form that a list accepts.

    White space and quotes around a UUID are no part of it. Cell i is ``data[offsets[i]:offsets[i + 1]]``, as in an
    Arrow column of large strings.

    Args:
        offsets: n + 1 ascending offsets (none is taken for n = 0).
        data: the text of all cells, UTF-8.

    Returns:
        The UUIDs, shape (n, 16), zeros for a cell that is no UUID; and the rows of those cells, ascending.

    >>> import numpy as np
    >>> text = b"6f1c2f3e1a6f4d53a6c50a1e7f7c0a11canary-7"
    >>> uuids, bad = parse_uuid_column(np.array([0, 32, 40]), np.frombuffer(text, dtype=np.uint8))
    >>> uuids[0, :4].tolist(), bad.tolist()
    ([111, 28, 47, 62], [1])
    """

def format_uuids(uuids: npt.NDArray[np.uint8]) -> bytes:
    r"""The text of a list: lower case, hyphenated, one UUID a line, a line feed after each; empty for none.

    >>> import numpy as np
    >>> format_uuids(np.zeros((1, 16), dtype=np.uint8))
    b'00000000-0000-0000-0000-000000000000\n'
    """

def union_uuids(lists: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """The UUIDs that are in any of the lists, each once: the first list's in its order, then the new ones of the next.

    >>> import numpy as np
    >>> a, b, c = np.arange(48, dtype=np.uint8).reshape(3, 16)
    >>> union_uuids([np.stack([b, a, b]), np.stack([c, a])])[:, 0].tolist()
    [16, 0, 32]
    """

def intersect_uuids(lists: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """The UUIDs that are in all of the lists, each once, in the first list's order; none for no lists.

    >>> import numpy as np
    >>> a, b, c = np.arange(48, dtype=np.uint8).reshape(3, 16)
    >>> intersect_uuids([np.stack([b, a, b]), np.stack([c, a, b])])[:, 0].tolist()
    [16, 0]
    """

def subtract_uuids(lists: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """The UUIDs of the first list that are in none of the others, each once, in its order; none for no lists.

    >>> import numpy as np
    >>> a, b, c = np.arange(48, dtype=np.uint8).reshape(3, 16)
    >>> subtract_uuids([np.stack([b, a, b]), np.stack([c, a])])[:, 0].tolist()
    [16]
    """

def find_repeated_uuids(
    uuids: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """The rows, ascending, whose UUID an earlier row has; and for each of them the first such row.

    >>> import numpy as np
    >>> a, b = np.arange(32, dtype=np.uint8).reshape(2, 16)
    >>> rows, first_rows = find_repeated_uuids(np.stack([a, b, a, a]))
    >>> rows.tolist(), first_rows.tolist()
    ([2, 3], [0, 0])
    """
