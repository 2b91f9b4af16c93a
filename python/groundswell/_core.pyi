"""The core of Groundswell, in Rust: sets, selection, lists of UUIDs.

Internal: callers use `groundswell.Fleet`, `groundswell.Selection` and `groundswell.UuidList`. Arrays are numpy's;
``uuids`` are always uint8 of shape (n, 16), big-endian as printed. The GIL is released around all real work.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias, final

import numpy as np
import numpy.typing as npt

from groundswell.values import Limit

__all__ = [
    "ALGORITHM",
    "CANDIDATES_RULE",
    "CELL_REASONS",
    "DEBUG_BUILD",
    "KERNEL",
    "KERNELS",
    "MAX_CSV_CELL",
    "MAX_CSV_RECORD",
    "NEVER_SEEN",
    "NO_ORDINAL",
    "Breakdown",
    "Counts",
    "CsvSplitter",
    "CsvTable",
    "DeviceSet",
    "Explanation",
    "Fleet",
    "JsonMonitor",
    "JsonTable",
    "LiveFleet",
    "Membership",
    "MergedSelection",
    "NameReader",
    "PlanCheck",
    "RolloutRequest",
    "Selection",
    "Staging",
    "Status",
    "UuidColumn",
    "UuidListReport",
    "Wave",
    "__version__",
    "check_instant_numbers",
    "check_json",
    "check_json_path",
    "check_truth_numbers",
    "check_version_numbers",
    "csv_header",
    "derive_uuid_column",
    "digest_uuids",
    "extract_json",
    "find_repeated_uuids",
    "first_key_of_path",
    "fold_column_name",
    "format_uuids",
    "identity_hash",
    "intersect_uuids",
    "key",
    "leak",
    "merge_selections",
    "nearest",
    "parse_uuid_column",
    "parse_uuid_list",
    "read_free_texts",
    "read_instants",
    "read_json",
    "read_truths",
    "read_uuids",
    "read_versions",
    "reason_for_name",
    "recency_step",
    "split_csv_record",
    "subtract_uuids",
    "targets_variant",
    "union_uuids",
    "variate",
]

_WaveState: TypeAlias = Literal["active", "complete", "canceled"]
_Subset: TypeAlias = Literal[
    "matching",
    "online",
    "on-version",
    "newer",
    "older",
    "updated",
    "covered",
    "staged",
    "scheduled",
    "silent",
    "unsupported",
    "unscheduled",
]

__version__: Final[str]

ALGORITHM: Final[int]
"""The number of the sampling algorithm; a change of any pick is a new number."""
CANDIDATES_RULE: Final[int]
"""The number of the rule for the candidates of a wave, kept with every rollout; rule 1 knew no unsupported devices."""
NO_ORDINAL: Final[int]
"""Stands for "no ordinal" in arrays of ordinals."""
NEVER_SEEN: Final[int]
"""Stands for "never" in arrays of last-seen seconds."""
DEBUG_BUILD: Final[bool]
"""Whether the extension was built without optimisation."""
KERNEL: Final[str]
"""The instructions of the inner loops: the last of `KERNELS`, unless GROUNDSWELL_KERNEL names another of them."""
KERNELS: Final[tuple[str, ...]]
"""The instructions that this CPU has for them: ``portable``, and perhaps ``avx2``, ``avx512`` and ``avx512vbmi``."""

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

def leak(value: object) -> None:
    """Leak a reference, so that its destructor never runs, not even when the interpreter exits.

    From then on nothing that libraries write to stderr after the interpreter has exited is printed.
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

    def __reduce__(self) -> tuple[Callable[[bytes], DeviceSet], tuple[bytes]]: ...
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
        hardware: for each device the index of its hardware id in `hardware_names`; negative if unknown. None if no
            device's is known.
        hardware_names: the hardware ids.

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
        hardware: npt.NDArray[np.int32] | None = None,
        hardware_names: list[str] = ...,
    ) -> Fleet: ...
    def __len__(self) -> int: ...
    @property
    def rows(self) -> int:
        """The number of rows, those of deleted devices among them: every ordinal is below it."""

    def has_the_ordinals_of(self, other: Fleet) -> bool:
        """Whether an ordinal is the same device in both: they are moments of one live fleet, or the same fleet."""

    def group_counts(self) -> list[tuple[str, int]]:
        """Each group with its number of devices, in the order of `group_names`."""

    def tag_counts(self) -> list[tuple[str, int]]:
        """Each tag with its number of devices, in the order of `tag_names`."""

    def version_counts(self) -> list[tuple[int, int]]:
        """Each known target version with its number of devices, ascending."""

    def hardware_counts(self, ordinals: npt.NDArray[np.uint32]) -> list[tuple[str, int]]:
        """Each hardware id of these devices with their number, in the order of `hardware_names`.

        Unknown ids are left out.
        A device that stands there twice counts twice; one that the fleet does not have does not count.
        """

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

    def digest(self, devices: DeviceSet) -> bytes:
        """SHA-256 over the 16-byte UUIDs of a set in ascending order, deleted devices included.

        Raises:
            IndexError: for an ordinal beyond the last row.
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
        excluded_set: DeviceSet | bytes | None = None,
        not_updated: int | None,
        include_test: bool,
        skip_mismatched: bool,
        limit: Limit,
        seed: int,
        now: int,
        online_threshold: int,
        half_life: int,
        threads: int | None = None,
    ) -> Selection:
        """Select devices; see `groundswell.Fleet.select` for the rule. Times in seconds.

        `excluded_set` is a set of ordinals, or the bytes of one in the portable Roaring format. `threads` is at most
        how many share the work; as many as pay, two at most, unless given.

        Raises:
            InputError: ``bad-limit``, ``bad-setting``, ``bad-device-set``, ``empty-list``, ``mismatched-devices``.
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

    def keys(self) -> npt.NDArray[np.float64]:
        """The picked devices' keys, ascending: the instants at which their exponential clocks ring."""

    def ordinals(self) -> npt.NDArray[np.uint32]:
        """The picked devices' ordinals, in key order."""

    def uuids(self) -> npt.NDArray[np.uint8]:
        """The picked devices' UUIDs, in key order."""

    def bitmap(self) -> bytes:
        """The picked devices' ordinals in the portable Roaring format."""

    def digest(self) -> bytes:
        """SHA-256 over the picked devices' UUIDs in ascending order."""

    def breakdown(self) -> Breakdown:
        """The picked devices by recency band, group and hardware, next to the candidates. Costs a pass over these."""

    def explain(self, uuid: bytes) -> Explanation:
        """Why the device of this UUID of 16 bytes was picked or not. Costs a pass over the candidates."""

def merge_selections(selections: Sequence[Selection], *, limit: Limit) -> MergedSelection:
    """The answer of a whole fleet from those of its shards; see `groundswell.merge_selections`.

    Raises:
        InputError: ``bad-limit``, ``unlike-selections``, ``short-selection``, ``repeated-uuid``.
    """

@final
class MergedSelection:
    """What the selections of several shards come to together. Arrays are in key order, one item a pick."""

    def __len__(self) -> int: ...
    @property
    def wanted(self) -> int:
        """What the limit came to."""

    @property
    def matching(self) -> int:
        """The number of matching devices of all shards."""

    @property
    def candidates(self) -> int:
        """The number of candidates of all shards."""

    def uuids(self) -> npt.NDArray[np.uint8]:
        """Their UUIDs."""

    def keys(self) -> npt.NDArray[np.float64]:
        """Their keys, ascending."""

    def shards(self) -> npt.NDArray[np.uint32]:
        """The place of the selection that each came from, from 0."""

    def ordinals(self) -> npt.NDArray[np.uint32]:
        """The ordinal of each in its own shard."""

@final
class LiveFleet:
    """A fleet that takes check-ins from many threads while selections run on frozen moments of it.

    >>> import numpy as np
    >>> fleet = Fleet(
    ...     uuids=np.arange(32, dtype=np.uint8).reshape(2, 16), last_seen=np.zeros(2, np.uint32),
    ...     groups=np.full(2, -1, np.int32), group_names=[], tags=np.full(2, -1, np.int32), tag_names=[],
    ...     production=np.ones(2, np.bool_), target_versions=np.full(2, 41, np.int32),
    ... )
    >>> live = LiveFleet(fleet)
    >>> ordinals, versions = np.array([1, 1, 9], np.uint32), np.array([42, 41, 42], np.int32)
    >>> live.check_in(ordinals, at=np.array([900, 800, 900], np.uint32), target_versions=versions, now=1000)
    (1, 1, 1, 0, 0)
    >>> live.freeze().device(1)[3:], live.freeze().device(0)[3:]
    ((900, 42), (0, 41))
    """

    def __new__(cls, fleet: Fleet) -> LiveFleet: ...
    @property
    def rows(self) -> int:
        """The number of rows, those of deleted devices among them."""

    def freeze(self) -> Fleet:
        """The fleet as it is now, each device before or after any check-in that comes meanwhile."""

    def check_in(
        self,
        devices: npt.NDArray[np.uint8] | npt.NDArray[np.uint32],
        *,
        at: npt.NDArray[np.uint32],
        target_versions: npt.NDArray[np.int32],
        now: int,
    ) -> tuple[int, int, int, int, int]:
        """Take check-ins in; of several of one device the latest stands.

        Args:
            devices: their UUIDs, shape (n, 16), or their ordinals, shape (n,).
            at: when, in seconds since 1970; one for all, or one for each.
            target_versions: what they report, negative for nothing; one for all, or one for each.
            now: the receiver's clock: what is up to a day ahead of it is taken as of now, what is further is refused.

        Returns:
            How many were applied, were no newer than what was known, were of unknown devices, were refused; and how
            many of the others were ahead.

        Raises:
            ValueError: for columns of another length.
        """

@final
class Breakdown:
    """Picked devices next to the candidates, counted three times. The parts of each list add up to all of them.

    A part is its name, its number of picked devices and its number of candidates.
    """

    @property
    def bands(self) -> list[tuple[Literal["4h", "1d", "7d", "30d", "more", "never"], int, int]]:
        """By the time since a device was last seen: at most 4 h, less than 1, 7 and 30 days, more, never."""

    @property
    def groups(self) -> list[tuple[str | None, int, int]]:
        """By group, None for devices without one: most picks first, then most candidates, then by name."""

    @property
    def hardware(self) -> list[tuple[str | None, int, int]]:
        """By hardware id, None for an unknown one, in the same order."""

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
class Wave:
    """One target version on its way to the production devices of one tag: what it keeps, and its sets over a fleet.

    - matching = production ∩ tag
    - updated = matching ∩ { target version ≥ `target_version` }; an unknown version counts as older
    - covered = matching ∩ (staged ∪ every device now in a group that was rolled out whole)
    - unsupported = matching ∩ { hardware id known and not in `supported_hardware` }
    - scheduled = covered − updated − unsupported while active; matching − updated − unsupported once complete; ∅ if
      canceled
    - candidates = matching ∩ group? ∩ listed? − covered − updated − unsupported

    Immutable: `stage` works a rollout out, `after` gives the wave that has it behind it.

    Args:
        target_version: the build number that the wave's targets share.
        tag: the tag whose devices it is for; no device need listen to it.
        staged: all devices that sampled and listed rollouts have chosen, wherever those devices are now.
        whole_groups: the groups that were rolled out whole, by the names under which the fleet knows them now. A group
            that the fleet does not know covers nobody.
        supported_hardware: the hardware ids that have a target of the version in the wave's role; None: no device is
            unsupported, as under rule 1 for candidates.

    >>> import numpy as np
    >>> from groundswell.values import Limit
    >>> fleet = Fleet(
    ...     uuids=np.arange(160, dtype=np.uint8).reshape(10, 16), last_seen=np.zeros(10, np.uint32),
    ...     groups=np.array([0] * 4 + [-1] * 6, np.int32), group_names=["canary"],
    ...     tags=np.zeros(10, np.int32), tag_names=["main"],
    ...     production=np.ones(10, np.bool_), target_versions=np.full(10, 41, np.int32),
    ... )
    >>> wave = Wave(target_version=42, tag="main", staged=DeviceSet.from_ordinals(np.array([9], np.uint32)),
    ...             whole_groups=["canary"])
    >>> wave.covered(fleet).to_ordinals().tolist()
    [0, 1, 2, 3, 9]
    >>> request = RolloutRequest(group=None, listed=None, whole_group=False, online_only=False, limit=Limit(count=2),
    ...                          skip_mismatched=False, seed=7, now=1_795_000_000, online_threshold=14_400,
    ...                          half_life=86_400)
    >>> staging = wave.stage(fleet, request)
    >>> staging.kind, len(staging), staging.candidates, len(wave.after(staging).covered(fleet))
    ('sample', 2, 5, 7)
    """

    def __new__(
        cls,
        *,
        target_version: int,
        tag: str,
        staged: DeviceSet,
        whole_groups: list[str],
        supported_hardware: list[str] | None = None,
    ) -> Wave: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def target_version(self) -> int:
        """The build number that the wave's targets share."""

    @property
    def tag(self) -> str:
        """The tag whose devices the wave is for."""

    @property
    def whole_groups(self) -> list[str]:
        """The groups that were rolled out whole, in that order."""

    @property
    def supported_hardware(self) -> list[str] | None:
        """The hardware ids that have a target, ascending; None where no device counts as unsupported."""

    def staged(self) -> DeviceSet:
        """The staged set: every device that was ever chosen, matching now or not."""

    def matching(self, fleet: Fleet) -> DeviceSet:
        """The production devices of the tag."""

    def updated(self, fleet: Fleet) -> DeviceSet:
        """The matching devices that report the wave's version or a later one."""

    def covered(self, fleet: Fleet) -> DeviceSet:
        """The matching devices that are in the wave now: its participants."""

    def unsupported(self, fleet: Fleet) -> DeviceSet:
        """The matching devices for whose hardware the wave has no target."""

    def hardware_without_target(self, fleet: Fleet, devices: DeviceSet) -> list[tuple[str, int]]:
        """Hardware ids of some devices without a target in the wave, each with its number of them, most first."""

    def scheduled(self, fleet: Fleet, *, state: _WaveState) -> DeviceSet:
        """The devices that are yet to be updated by the wave.

        Args:
            fleet: the devices as they are now.
            state: what has become of the wave.
        """

    def candidates(
        self, fleet: Fleet, *, group: str | None = None, listed: npt.NDArray[np.uint8] | None = None
    ) -> DeviceSet:
        """The devices that a sample could take.

        Args:
            fleet: the devices as they are now.
            group: only devices of this group.
            listed: only these devices, shape (n, 16); those that do not match are left out.

        Raises:
            InputError: ``empty-list``.
            NotFoundError: ``unknown-group``.
        """

    def stage(self, fleet: Fleet, request: RolloutRequest) -> Staging:
        """Compute which devices a rollout takes in. Nothing changes.

        - a group alone, with `whole_group`: its matching devices − covered, and a standing rule
        - a limit: a sample of the candidates, of the group and of the list if they are given
        - a list without a limit: the listed devices − covered, each of them checked
        - a goal: a sample of as many candidates as are missing until so many of matching ∩ group? are covered or
          updated

        Anything else is refused: what is left out, empty or 0 never comes to mean more devices.

        Args:
            fleet: the devices as they are now.
            request: what the rollout asks for.

        Raises:
            InputError: those of `RolloutRequest.kind`; ``mismatched-devices``.
            NotFoundError: ``unknown-group``.

        Cost: that of a selection, and a pass over the staged set.
        """

    def breakdown(self, fleet: Fleet, picked: npt.NDArray[np.uint32], request: RolloutRequest) -> Breakdown:
        """Devices of a rollout by recency band, group and hardware, next to the candidates that it had.

        Args:
            fleet: the devices as they were.
            picked: the ordinals of the devices.
            request: what the rollout asked for: its group, its list and its instant count.

        Raises:
            InputError: ``empty-list``.
            NotFoundError: ``unknown-group``.

        Cost: a pass over the candidates.
        """

    def after(self, staging: Staging) -> Wave:
        """The wave once a rollout has been applied: its devices staged, or its group among the whole ones."""

    def check_plan(self, fleet: Fleet, planned: npt.NDArray[np.uint8], *, group: str | None = None) -> PlanCheck:
        """Find out which devices of a plan match no longer; check-ins alone change nothing.

        Args:
            fleet: the devices as they are now.
            planned: the devices of the plan, shape (n, 16); none is allowed.
            group: the group that the plan was made for.

        Raises:
            NotFoundError: ``unknown-group``.
        """

    def membership(self, fleet: Fleet, uuid: bytes, *, state: _WaveState) -> Membership | None:
        """Where the wave puts the device of this UUID of 16 bytes; None if the fleet does not have it."""

    def status(
        self,
        fleet: Fleet,
        *,
        state: _WaveState,
        rolled_out: list[str],
        coverings: Sequence[tuple[DeviceSet | str | None, int]],
        now: int,
        online_threshold: int,
    ) -> Status:
        """Count how far the wave has come, for the tag and for each group.

        Args:
            fleet: the devices as they are now.
            state: what has become of the wave.
            rolled_out: the groups to list first.
            coverings: the acts that scheduled devices, in their order, each with its instant in seconds since 1970: the
                set that a rollout staged, the name of a group that was rolled out whole, or None for everyone
                (completion). The first that reaches a device is the rollout that covers it.
            now: seconds since 1970.
            online_threshold: seconds.

        Raises:
            InputError: ``bad-setting``.

        Cost: a few passes over the matching devices, and one over the sets of `coverings`.
        """

    def devices_in_state(
        self,
        fleet: Fleet,
        subset: _Subset,
        *,
        state: _WaveState,
        coverings: Sequence[tuple[DeviceSet | str | None, int]],
        now: int,
        online_threshold: int,
    ) -> DeviceSet:
        """The devices behind one count of `status` for the whole tag.

        Args:
            fleet: the devices as they are now.
            subset: the count; ``matching`` stands for the total.
            state: what has become of the wave.
            coverings: as for `status`; they matter for ``silent`` only.
            now: seconds since 1970.
            online_threshold: seconds.

        Raises:
            InputError: ``bad-setting``.

        Cost: a few passes over the matching devices.
        """

@final
class RolloutRequest:
    """What a rollout asks for; `groundswell.RolloutRequest` is the same value in Python.

    Args:
        group: only devices of this group.
        listed: only these devices, shape (n, 16), each of them checked: known, production, on the tag, in the group;
            not unsupported, unless it is covered or updated already.
        whole_group: the group as a whole, now and later.
        online_only: no devices beyond the online threshold; for samples only.
        limit: a count, a percentage, a goal, or none of them. A percentage is taken of the ``matching`` devices
            (∩ group? ∩ listed?), of the ``remaining`` ones (the candidates), or of the ``online`` ones (matching and
            seen within the threshold), and is rounded up.
        skip_mismatched: skip listed devices that fail their check instead of refusing the rollout.
        seed: 0 to 2⁶⁴ − 1; it decides a sample and nothing else, as do the next three.
        now: seconds since 1970.
        online_threshold: seconds.
        half_life: seconds.

    Raises:
        InputError: ``bad-setting``.
    """

    def __new__(
        cls,
        *,
        group: str | None,
        listed: npt.NDArray[np.uint8] | None,
        whole_group: bool,
        online_only: bool,
        limit: Limit,
        skip_mismatched: bool,
        seed: int,
        now: int,
        online_threshold: int,
        half_life: int,
    ) -> RolloutRequest: ...
    @property
    def kind(self) -> Literal["whole-group", "sample", "listed", "sample-within-list"]:
        """What the rollout is.

        Raises:
            InputError: ``nothing-asked``, ``whole-group-unsaid``, ``bad-whole-group``, ``empty-list``, ``bad-limit``,
                ``bad-goal``, ``online-only-without-sample``.
        """

@final
class Staging:
    """What a rollout comes to, worked out and not applied.

    matching = updated + covered + unsupported + candidates, counted within the rollout's group and list.
    """

    def __len__(self) -> int:
        """The number of devices that the rollout takes in."""

    @property
    def kind(self) -> Literal["whole-group", "sample", "listed", "sample-within-list"]:
        """What the rollout is."""

    @property
    def group(self) -> str | None:
        """The group that it asks for."""

    @property
    def newly_scheduled(self) -> int:
        """How many of its devices are to be updated.

        All but those listed devices and members of a group that are updated already, or for whose hardware the wave has
        no target.
        """

    @property
    def wanted(self) -> int:
        """How many it asks for.

        What the limit comes to, what is missing for the goal, all listed devices that are not offenders, or the whole
        group.
        """

    @property
    def goal(self) -> int | None:
        """How many matching devices are to be covered or updated; None without a goal."""

    @property
    def matching(self) -> int:
        """The number of matching devices, participants included."""

    @property
    def updated(self) -> int:
        """The matching devices that are updated."""

    @property
    def covered(self) -> int:
        """The matching devices that were covered before and are not updated."""

    @property
    def candidates(self) -> int:
        """The matching devices that are neither updated nor covered nor unsupported."""

    @property
    def unsupported(self) -> int:
        """The matching devices that are neither updated nor covered, and for whose hardware the wave has no target."""

    @property
    def online_candidates(self) -> int | None:
        """The candidates seen within the threshold; None unless only those are asked for."""

    @property
    def online(self) -> int | None:
        """The matching devices seen within the threshold; None unless the limit is a part of them."""

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Offenders that were skipped, in list order: UUID and reason."""

    @property
    def repeated(self) -> bool:
        """Whether the group had been rolled out whole before: applying it changes nothing."""

    @property
    def shortage(
        self,
    ) -> (
        Literal[
            "none-match",
            "all-updated",
            "all-covered",
            "all-updated-or-covered",
            "all-unsupported",
            "none-left",
            "none-online",
            "no-candidate-online",
            "goal-reached",
            "fewer-candidates",
            "fewer-online",
        ]
        | None
    ):
        """Why it takes in fewer devices than it asks for, or none at all; None where neither is so.

        Listed devices and members of a group that were covered before count as found unless nothing else is.
        """

    def already(self) -> DeviceSet:
        """Listed devices that are covered or updated already; the updated ones that are not covered are taken in."""

    def ordinals(self) -> npt.NDArray[np.uint32]:
        """The devices: a sample in key order, a list in its own order, a whole group ascending."""

    def uuids(self) -> npt.NDArray[np.uint8]:
        """Their UUIDs, in the same order."""

    def devices(self) -> DeviceSet:
        """The devices as a set: what the rollout stages, unless it is a whole group's standing rule."""

    def digest(self) -> bytes:
        """SHA-256 over their UUIDs in ascending order."""

@final
class PlanCheck:
    """Which devices of a plan match still, and which do not."""

    @property
    def offenders(self) -> list[tuple[str, str]]:
        """Those that match no longer, in the order of the plan: UUID and reason."""

    @property
    def covered(self) -> int:
        """How many of the matching ones the wave covers by now."""

    def devices(self) -> DeviceSet:
        """Those that match."""

@final
class Membership:
    """Whether one device is in a wave, and what decides it."""

    @property
    def ordinal(self) -> int:
        """The device's ordinal."""

    @property
    def mismatch(self) -> Literal["test", "wrong-tag"] | None:
        """Why the wave is not for it; None if it matches."""

    @property
    def group(self) -> str | None:
        """Its group."""

    @property
    def target_version(self) -> int | None:
        """The target version that it reports."""

    @property
    def staged(self) -> bool:
        """Whether a sampled or listed rollout has chosen it, even if it does not match now."""

    @property
    def whole_group(self) -> bool:
        """Whether its group was rolled out whole."""

    @property
    def covered(self) -> bool:
        """Whether it is in the wave now."""

    @property
    def updated(self) -> bool:
        """Whether it matches and reports the wave's version or a later one."""

    @property
    def unsupported(self) -> bool:
        """Whether it matches, and the wave has no target for its hardware."""

    @property
    def hardware_id(self) -> str | None:
        """Its hardware id."""

    @property
    def scheduled(self) -> bool:
        """Whether it is yet to be updated by this wave."""

@final
class Status:
    """How far a wave has come. The parts add up to the tag."""

    @property
    def tag(self) -> Counts:
        """All matching devices."""

    @property
    def rolled_out(self) -> list[tuple[str, Counts]]:
        """Those of each group that was asked to come first, in that order; all zero for a group without any."""

    @property
    def others(self) -> list[tuple[str, Counts]]:
        """Those of each other group that has any, in the fleet's order."""

    @property
    def groupless(self) -> Counts:
        """Those without a group."""

@final
class Counts:
    """Counts of a wave's matching devices, or of a part of them.

    total = updated + scheduled + unsupported + unscheduled. In all of them, *covered* means all matching devices once
    the wave is complete, and none once it is canceled.
    """

    @property
    def total(self) -> int:
        """All of them."""

    @property
    def online(self) -> int:
        """Seen within the online threshold."""

    @property
    def on_version(self) -> int:
        """On the wave's version."""

    @property
    def newer(self) -> int:
        """On a later version."""

    @property
    def older(self) -> int:
        """On an earlier version, or on one that is not known."""

    @property
    def updated(self) -> int:
        """On the wave's version or a later one."""

    @property
    def covered(self) -> int:
        """In the wave, updated or not."""

    @property
    def staged(self) -> int:
        """Chosen by a sampled or listed rollout, updated or not."""

    @property
    def scheduled(self) -> int:
        """Yet to be updated by this wave."""

    @property
    def unsupported(self) -> int:
        """Covered and not updated, and the wave has no target for their hardware."""

    @property
    def unscheduled(self) -> int:
        """Neither updated nor covered."""

    @property
    def silent(self) -> int:
        """Scheduled, and not seen since the rollout that covers them."""

    @property
    def by_version(self) -> list[tuple[int | None, int]]:
        """Each reported target version with its number of devices, latest first; None, for unknown, comes last."""

def targets_variant(
    *,
    production: bool,
    tagged: bool,
    target_version: int | None,
    waves: Sequence[tuple[int, _WaveState, bool]],
    production_version: int | None,
) -> Literal["nothing", "ci", "production"] | int:
    """Decide which metadata a device is served.

    1. a test device: the CI targets of its tag
    2. a production device that the active wave of its tag covers: the wave's targets
    3. a production device whose reported target version is that of an active or canceled wave of its tag and above the
       production targets: that wave's targets, until the production targets or a wave that covers it are at or above it
    4. otherwise the production targets of its tag; nothing if there are none

    Args:
        production: whether it is a production device.
        tagged: whether it listens to a tag; a device without one is served nothing.
        target_version: the target version that it reports.
        waves: the waves of its tag in the order in which they began: target version, state, whether the wave covers the
            device (as `Wave.membership` says).
        production_version: the target version of the tag's production targets; None if it has none.

    Returns:
        ``"nothing"``, ``"ci"``, ``"production"``, or the place in `waves` of the wave whose targets are served.

    >>> waves = [(42, "canceled", False), (43, "active", True)]
    >>> [targets_variant(production=True, tagged=True, target_version=version, waves=waves[:n], production_version=41)
    ...  for version, n in ((41, 1), (42, 1), (42, 2))]
    ['production', 0, 1]
    """

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
    def bad(self) -> list[tuple[int, int, int | None, str, str]]:
        """The first 100 000 bad values in the order of the text: line and column from 1, element, text, reason.

        The column counts characters. The element is that of a JSON array, from 1; None in other lists. The text is
        cropped to 40 characters, those that nobody sees are escaped.
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
    [(2, 38, None, 'canary-7', '`n` at character 3 is no hex digit')]
    """

@final
class UuidColumn:
    """UUIDs that are put together piece by piece.

    Args:
        rows: the number of rows to reserve memory for; more fit.

    Raises:
        MemoryError: there is not enough memory for as many.

    >>> import numpy as np
    >>> column = UuidColumn(3)
    >>> column.append(np.zeros((2, 16), dtype=np.uint8))
    >>> column.append(np.ones((1, 16), dtype=np.uint8))
    >>> column.take()[:, 0].tolist(), len(column.take())
    ([0, 0, 1], 0)
    """

    def __new__(cls, rows: int) -> UuidColumn: ...
    def append(self, uuids: npt.NDArray[np.uint8]) -> None:
        """Put UUIDs, shape (n, 16), at the end."""

    def take(self) -> npt.NDArray[np.uint8]:
        """All of them, shape (n, 16), which leaves the column empty. The array is read-only."""

_Int64s: TypeAlias = npt.NDArray[np.int64]
_Bytes: TypeAlias = npt.NDArray[np.uint8]
_BadCells: TypeAlias = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8], npt.NDArray[np.int64]]

CELL_REASONS: Final[tuple[str, ...]]
"""Why a cell may be bad: the names of the codes."""
MAX_CSV_CELL: Final[int]
"""The most bytes of a cell in CSV."""
MAX_CSV_RECORD: Final[int]
"""The most bytes of a record in CSV."""

def read_uuids(offsets: _Int64s, data: _Bytes, are_bytes: bool) -> tuple[npt.NDArray[np.uint8], _BadCells]:
    """Read a column of UUIDs, in any form that a list accepts.

    Args:
        offsets: cell i is ``data[offsets[i]:offsets[i + 1]]``; a cell outside the data is empty.
        data: the cells, one after another.
        are_bytes: whether 16 bytes are a UUID, too.

    Returns:
        The UUIDs, and the bad cells: their rows, ascending, the codes of the reasons (see `CELL_REASONS`), and a number
        that some reasons need. The UUID of a bad cell has no meaning.

    >>> import numpy as np
    >>> text = np.frombuffer(b"00112233-4455-6677-8899-aabbccddeeffnull", np.uint8)
    >>> uuids, (rows, codes, details) = read_uuids(np.array([0, 36, 40]), text, False)
    >>> uuids[0].tobytes().hex(), rows.tolist(), [CELL_REASONS[code] for code in codes]
    ('00112233445566778899aabbccddeeff', [1], ['empty'])
    """

def read_truths(offsets: _Int64s, data: _Bytes) -> tuple[npt.NDArray[np.int8], _BadCells]:
    """Read a column of truth values: 1, 0, or -1 for an absent cell. Arguments and bad cells as in `read_uuids`."""

def read_versions(offsets: _Int64s, data: _Bytes) -> tuple[npt.NDArray[np.int32], _BadCells]:
    """Read a column of target versions, -1 for an absent cell. Arguments and bad cells as in `read_uuids`."""

def read_instants(
    offsets: _Int64s, data: _Bytes, now: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_], _BadCells]:
    """Read a column of instants.

    Args:
        offsets: as in `read_uuids`.
        data: as in `read_uuids`.
        now: the instant of reading, in seconds since 1970; up to 24 hours after it count as it.

    Returns:
        Seconds since 1970, 0 for never and for an absent cell; where they lay in the future; the bad cells.
    """

def read_free_texts(offsets: _Int64s, data: _Bytes) -> tuple[_Int64s, _Bytes, _Bytes, _BadCells]:
    """Read a column of free text.

    Returns:
        Offsets and data without the blanks around the cells, a bitmap of the cells that are not absent, as in Arrow,
        and the bad cells.
    """

def check_truth_numbers(values: _Int64s, valid: npt.NDArray[np.bool_] | None) -> tuple[npt.NDArray[np.int8], _BadCells]:
    """As `read_truths`, for numbers; `valid` is False for absent cells.

    Raises:
        ValueError: `valid` has another length.
    """

def check_version_numbers(
    values: _Int64s, valid: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.int32], _BadCells]:
    """As `read_versions`, for numbers; `valid` is False for absent cells.

    Raises:
        ValueError: `valid` has another length.
    """

def check_instant_numbers(
    values: _Int64s, valid: npt.NDArray[np.bool_] | None, are_numbers: bool, now: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_], _BadCells]:
    """As `read_instants`, for numbers; `are_numbers` is False where the source calls them instants.

    Raises:
        ValueError: `valid` has another length.
    """

def reason_for_name(name: str) -> int | None:
    """The code of the reason why a text is not the name of a group or a tag; None if it is one.

    >>> reason_for_name("canary"), CELL_REASONS[reason_for_name("a b")]
    (None, 'not-name')
    """

@final
class NameReader:
    """Reads the names of a column, which may come in pieces.

    Args:
        kind: ``group`` or ``tag``.

    >>> import numpy as np
    >>> reader = NameReader("tag")
    >>> codes, bad = reader.read(np.array([0, 4, 12, 18]), np.frombuffer(b'main["main"][null]', np.uint8))
    >>> codes.tolist(), reader.take_names()
    ([0, 0, -1], ['main'])
    """

    def __new__(cls, kind: str) -> NameReader: ...
    def read(self, offsets: _Int64s, data: _Bytes) -> tuple[npt.NDArray[np.int32], _BadCells]:
        """Codes of the names in the order of their first appearance, -1 for an absent cell; the bad cells.

        Raises:
            ValueError: the names were taken.
        """

    def take_names(self) -> list[str]:
        """The names by their codes; the reader ends with it."""

@final
class CsvSplitter:
    r"""Splits CSV that comes in pieces into records.

    Args:
        delimiter: one ASCII character.
        least: how many cells a record has at least.
        width: cells beyond it are blank.
        kept: positions of the columns to keep.
        line: the line of the first byte.

    Raises:
        ValueError: for a delimiter that is none.

    >>> splitter = CsvSplitter(b",", 2, 2, [0], 1)
    >>> table = splitter.feed(b'a, "b",\nc', True)
    >>> len(table), table.lines().tolist(), [part.tolist() for part in table.faults()]
    (1, [1], [[2], [0], [1]])
    >>> table.take_column(0)[1].tobytes()
    b'a'
    """

    def __new__(cls, delimiter: bytes, least: int, width: int, kept: Sequence[int], line: int) -> CsvSplitter: ...
    def feed(self, piece: bytes, is_last: bool) -> CsvTable:
        """The records that end within what has come so far; all of them after the last piece."""

@final
class CsvTable:
    """Some records of a text; its length is their number."""

    def __len__(self) -> int: ...
    def lines(self) -> _Int64s:
        """The line on which each record begins."""

    def take_column(self, position: int) -> tuple[_Int64s, _Bytes]:
        """Offsets and data of a column that is kept; it can be taken once.

        Raises:
            ValueError: there is no such column.
        """

    def faults(self) -> tuple[_Int64s, _Bytes, _Int64s]:
        """What is not a record: lines, kinds, and a number that some kinds have.

        The kinds: 0 another number of cells (the number), 1 text after a closing quote, 2 a quote that does not close
        (the line on which it opens), 3 a cell that is too long, 4 a record that is too long, 5 not UTF-8, 6 NUL.
        """

    def take_fault_texts(self) -> tuple[_Int64s, _Bytes]:
        """What stands there, one cell for each fault; it can be taken once."""

def csv_header(text: bytes, delimiter: bytes, is_whole: bool) -> tuple[list[bytes], int, int] | None:
    r"""The first record that is not blank: its cells, where the next begins, and the lines up to there.

    None if it is bad or, unless the text is whole, does not end.

    Raises:
        ValueError: for a delimiter that is none.

    >>> csv_header(b'\nuuid,"a"\n', b",", False)
    ([b'uuid', b'a'], 10, 2)
    """

def split_csv_record(record: bytes, delimiter: bytes) -> list[bytes]:
    """The cells of one record; the whole of it as one cell if its quotes are wrong.

    Raises:
        ValueError: for a delimiter that is none.
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
        The UUIDs, shape (n, 16), zeros for a cell that is not a UUID; and the rows of those cells, ascending.

    >>> import numpy as np
    >>> text = b"6f1c2f3e1a6f4d53a6c50a1e7f7c0a11canary-7"
    >>> uuids, bad = parse_uuid_column(np.array([0, 32, 40]), np.frombuffer(text, dtype=np.uint8))
    >>> uuids[0, :4].tolist(), bad.tolist()
    ([111, 28, 47, 62], [1])
    """

def derive_uuid_column(
    offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8], namespace: bytes
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Derive UUIDs from a column of text: version 5 of RFC 9562. Blanks around a cell are not part of the name.

    Args:
        offsets: n + 1 ascending offsets, as in an Arrow column of large strings.
        data: the text of all cells, UTF-8.
        namespace: the 16 bytes of the UUID of the name space.

    Returns:
        The UUIDs, shape (n, 16), zeros for a blank cell; and the rows of those cells, ascending.

    >>> import uuid, numpy as np
    >>> uuids, bad = derive_uuid_column(np.array([0, 3]), np.frombuffer(b"a-1", np.uint8), uuid.NAMESPACE_DNS.bytes)
    >>> uuid.UUID(bytes=uuids[0].tobytes()) == uuid.uuid5(uuid.NAMESPACE_DNS, "a-1"), bad.tolist()
    (True, [])
    """

def format_uuids(uuids: npt.NDArray[np.uint8]) -> bytes:
    r"""The text of a list: lower case, hyphenated, one UUID a line, a line feed after each; empty for none.

    >>> import numpy as np
    >>> format_uuids(np.zeros((1, 16), dtype=np.uint8))
    b'00000000-0000-0000-0000-000000000000\n'
    """

def digest_uuids(uuids: npt.NDArray[np.uint8]) -> bytes:
    """SHA-256 over UUIDs in ascending order: the digest of a set of devices. One that stands there twice counts twice.

    >>> import numpy as np
    >>> digest_uuids(np.zeros((0, 16), dtype=np.uint8)).hex()[:8]
    'e3b0c442'
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

_Text: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]

@final
class JsonMonitor:
    """How far a reading of JSON is; another thread may ask, and stop it."""

    def __new__(cls) -> JsonMonitor: ...
    @property
    def done(self) -> int:
        """Bytes read so far."""

    def stop(self) -> None:
        """Stop the reading soon."""

@final
class JsonTable:
    """The devices of a JSON document."""

    @property
    def columns(self) -> list[_Text]:
        """For each column that was wanted: offsets, text (UTF-8) and validity bitmap, in Arrow's shape."""

    @property
    def sources(self) -> list[str | None]:
        """For each column, the key in which one of its spellings was found."""

    @property
    def lines(self) -> npt.NDArray[np.int64]:
        """The line on which each row begins, from 1."""

    @property
    def faults(self) -> list[tuple[int, int, str, str]]:
        """What is not a row: its line, the number of rows before it, the reason, and at most 1 KiB of its text."""

    @property
    def unused(self) -> list[str]:
        """The keys that are not used, at most 1000."""

    @property
    def more_unused(self) -> bool:
        """Whether there are more of them."""

    @property
    def missing(self) -> list[tuple[int, int, bool, list[str]]]:
        """Columns with a path that no row has: number, steps that some row has, whether a key is next, other keys."""

    @property
    def repeated(self) -> tuple[str, str, int] | None:
        """Two keys that mean the same column, and its number."""

    @property
    def arrays(self) -> list[str]:
        """The keys of the first row that hold arrays."""

    @property
    def pages(self) -> int:
        """Objects with an array of devices."""

    @property
    def pages_without(self) -> int:
        """Objects without one, where `rows_at` wanted one."""

    @property
    def page_keys(self) -> list[str]:
        """The keys of the first of those, where the path ends."""

    @property
    def total(self) -> int | None:
        """How many devices there are in all, as the last page says."""

    @property
    def has_next(self) -> bool:
        """Whether the last page names another."""

    @property
    def broken(self) -> tuple[int, int, str, bool] | None:
        """Where the document is broken: line, column, reason, and whether it ends too early."""

    @property
    def hopeless(self) -> bool:
        """Whether most of a long text is not a row."""

    @property
    def stopped(self) -> bool:
        """Whether the monitor stopped the reading."""

def read_json(
    data: bytes,
    *,
    named_lines: bool,
    sources: Sequence[str | None],
    off: Sequence[int],
    spellings: dict[str, int],
    rows_at: str | None,
    monitor: JsonMonitor,
) -> JsonTable:
    """Read the devices of a JSON document or of lines of objects.

    Args:
        data: the text, in UTF-8.
        named_lines: whether the name of the file says that it is lines of objects.
        sources: for each column the path of its value; None to find it by its spellings.
        off: the numbers of columns that are not to be found.
        spellings: folded spelling → number of the column.
        rows_at: the path of the array of devices in an object; None for ``devices``.
        monitor: progress.

    Raises:
        ValueError: for a path that `check_json_path` refuses.

    Cost: linear; memory for the columns.

    >>> table = read_json(b'{"id": "a", "x": 1}', named_lines=False, sources=["id"], off=[], spellings={},
    ...                   rows_at=None, monitor=JsonMonitor())
    >>> table.columns[0][1].tobytes(), table.unused, table.lines.tolist()
    (b'a', ['x'], [1])
    """

def extract_json(offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8], path: str) -> _Text:
    """The value at a path in each cell of a column of JSON; the first step of the path is the column itself.

    Args:
        offsets: n + 1 ascending offsets, as in an Arrow column of large strings.
        data: the text of all cells.
        path: as `check_json_path` accepts.

    Returns:
        Offsets, text and validity bitmap of n cells; null where a cell is not JSON or has no such value.
    """

def check_json(
    data: bytes, max_depth: int, max_digits: int
) -> tuple[int, Literal["depth", "digits", "half-pair"]] | None:
    """The first place, in bytes, where a text exceeds what parsers of JSON survive; None for a text that does not.

    The text need not be JSON. Half a pair is an escape of half a surrogate pair.

    >>> check_json(b'["[[", [[1]]]', 2, 1000)
    (8, 'depth')
    """

def check_json_path(text: str) -> str | None:
    """Why a text is not a path; None if it is one.

    >>> check_json_path("attributes[name=mac].value"), check_json_path("tags[")
    (None, 'has neither an index such as [0] nor a filter such as [name=mac] between its brackets')
    """

def first_key_of_path(text: str) -> str | None:
    """The key that a path begins with; None for what is not a path.

    >>> first_key_of_path('"a.b"[0]')
    'a.b'
    """

def fold_column_name(name: str) -> str:
    """A name of a column without case, ``-``, ``_``, ``.`` and white space.

    >>> fold_column_name("Last-Seen")
    'lastseen'
    """
