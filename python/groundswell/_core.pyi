"""The core of Groundswell, in Rust: sets, selection, lists of UUIDs.

Internal: callers use `groundswell.Fleet`, `groundswell.Selection` and `groundswell.UuidList`. Arrays are numpy's;
``uuids`` are always uint8 of shape (n, 16), big-endian as printed. The GIL is released around all real work.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol, TypeAlias, final

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
    "MAX_CLOCK_SKEW",
    "MAX_CSV_CELL",
    "MAX_CSV_RECORD",
    "MAX_NAME_LENGTH",
    "MAX_VERSION",
    "NAME_PATTERN",
    "NEVER_SEEN",
    "NO_ORDINAL",
    "RUN_ENDS",
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
    "Simulation",
    "SimulationPlan",
    "SimulationScenario",
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
    "gate_at_most_failing",
    "gate_boundary",
    "gate_bounds",
    "gate_least_to_prove",
    "gate_noticed",
    "gate_probability_to_stop",
    "gate_prove",
    "gate_silence",
    "gate_stop",
    "identity_hash",
    "intersect_uuids",
    "is_wave_offered",
    "key",
    "leak",
    "merge_selections",
    "nearest",
    "online_since",
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
"""The number of the rule for a wave's candidates, stored with every rollout. Rule 1 ignored unsupported devices."""
NO_ORDINAL: Final[int]
"""Stands for "no ordinal" in arrays of ordinals."""
MAX_VERSION: Final[int]
"""The largest target version, 2³¹ − 1."""
MAX_CLOCK_SKEW: Final[int]
"""Seconds that a device's clock may be ahead: such an instant counts as now, a later one is refused."""
NEVER_SEEN: Final[int]
"""Stands for "never" in arrays of last-seen seconds."""
DEBUG_BUILD: Final[bool]
"""Whether the extension was built without optimisation."""
KERNEL: Final[str]
"""The kernel of the inner loops: the last of `KERNELS`, or the one that GROUNDSWELL_KERNEL selects."""
KERNELS: Final[tuple[str, ...]]
"""The kernels that this CPU supports: ``portable``, and possibly ``avx2``, ``avx512`` and ``avx512vbmi``."""

def identity_hash(uuid: bytes) -> int:
    """The 64-bit identity hash of a UUID of 16 bytes (algorithm 1, point 2)."""

def variate(uuid: bytes, seed: int) -> int:
    """The 64-bit variate of a UUID of 16 bytes under a seed (algorithm 1, point 3)."""

def key(uuid: bytes, seed: int, step: int) -> float:
    """The exponentially distributed key of a UUID of 16 bytes for a seed and a step (algorithm 1, point 4).

    Raises:
        ValueError: for a step above 80.
    """

def recency_step(last_seen: int, now: int, online_threshold: int, half_life: int) -> int:
    """The recency step of a device (algorithm 1, point 1), 0 to 80. All in seconds; `last_seen` 0 is never.

    Raises:
        InputError: ``bad-setting`` for a negative threshold or a half-life below 1.
    """

def online_since(now: int, online_threshold: int) -> int:
    """The first ``last_seen`` that counts as online: now − threshold, at least 1. A later one counts, too.

    Raises:
        InputError: ``bad-setting`` for a negative threshold.

    >>> online_since(now=1_795_000_000, online_threshold=14_400)
    1794985600
    """

def leak(value: object) -> None:
    """Leak a reference, so that its destructor never runs, not even when the interpreter exits.

    It also discards what libraries write to stderr after the interpreter has exited.
    """

def nearest(word: str, known: list[str], at_most: int = 3) -> list[str]:
    """The known words that are most similar to `word`, best first; empty if none is similar.

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
        """The set of these ordinals, in any order; duplicates are allowed."""

    @staticmethod
    def from_portable(data: bytes) -> DeviceSet:
        """Read the portable Roaring format, as pyroaring's ``serialize`` writes it.

        Raises:
            InputError: ``bad-device-set`` for bytes that are not such a set, are truncated, or have data after its end.
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
    """A frozen set of devices in columns; a device's ordinal is its row number.

    A deleted device keeps its row, because ordinals are never reused. It is in no set and no count, and looking up its
    UUID fails. Only `uuids` still returns the UUID of its ordinal.

    Args:
        uuids: must be distinct.
        last_seen: seconds since 1970, UTC; 0 for never.
        groups: for each device the index of its group in `group_names`; negative for none.
        group_names: the groups' names, including empty groups.
        tags: for each device the index of its tag in `tag_names`; negative for none.
        tag_names: the tags' names.
        production: which devices are production devices.
        target_versions: reported target versions; negative if unknown.
        present: false for the rows of deleted devices; None if there are none. The other columns of a deleted device
            are ignored.
        hardware: for each device the index of its hardware id in `hardware_names`; negative if unknown. None if no
            device's is known.
        hardware_names: the hardware ids.

    Raises:
        InputError: ``repeated-uuid``; ``bad-columns`` for inconsistent columns; ``too-many-devices``.

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
        """The number of rows, including deleted devices; every ordinal is less."""

    def has_the_ordinals_of(self, other: Fleet) -> bool:
        """Whether ordinals mean the same devices in both: they are the same fleet, or states of one live fleet."""

    def group_counts(self) -> list[tuple[str, int]]:
        """Each group with its number of devices, in the order of `group_names`."""

    def tag_counts(self) -> list[tuple[str, int]]:
        """Each tag with its number of devices, in the order of `tag_names`."""

    def version_counts(self) -> list[tuple[int, int]]:
        """Each known target version with its number of devices, ascending."""

    def hardware_counts(self, ordinals: npt.NDArray[np.uint32]) -> list[tuple[str, int]]:
        """Each hardware id of these devices with their number, in the order of `hardware_names`.

        Unknown ids are omitted. Duplicates count repeatedly; ordinals that the fleet does not have do not count.
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
        """The UUIDs of ordinals, in order; also of deleted devices, because stored sets may contain them.

        Raises:
            IndexError: for an ordinal that the fleet does not have.
        """

    def digest(self, devices: DeviceSet) -> bytes:
        """SHA-256 over the 16-byte UUIDs of a set in ascending order, deleted devices included.

        Raises:
            IndexError: for an ordinal beyond the last row.
        """

    def columns(self) -> dict[str, object]:
        """The columns, by the names of the constructor's arguments. `present` is None if no device is deleted."""

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

        `excluded_set` is a set of ordinals, or the bytes of one in the portable Roaring format. `threads` is the
        maximum number of threads (default: 1 or 2, depending on the amount of work).

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
        """The number of matching devices seen within the threshold; None unless the limit is a percentage of them."""

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
        """The limit as a number of devices."""

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Offenders that were skipped, in list order: UUID and reason."""

    def keys(self) -> npt.NDArray[np.float64]:
        """The picked devices' keys, ascending."""

    def ordinals(self) -> npt.NDArray[np.uint32]:
        """The picked devices' ordinals, in key order."""

    def uuids(self) -> npt.NDArray[np.uint8]:
        """The picked devices' UUIDs, in key order."""

    def bitmap(self) -> bytes:
        """The picked devices' ordinals in the portable Roaring format."""

    def digest(self) -> bytes:
        """SHA-256 over the picked devices' UUIDs in ascending order."""

    def breakdown(self) -> Breakdown:
        """Count picks and candidates by recency band, group and hardware. Cost: a pass over the candidates."""

    def explain(self, uuid: bytes) -> Explanation:
        """Explain why a device (UUID of 16 bytes) was picked or not. Cost: a pass over the candidates."""

def merge_selections(selections: Sequence[Selection], *, limit: Limit) -> MergedSelection:
    """Merge the selections from all shards of a fleet; see `groundswell.merge_selections`.

    Raises:
        InputError: ``bad-limit``, ``unlike-selections``, ``short-selection``, ``repeated-uuid``.
    """

@final
class MergedSelection:
    """The merged selection of several shards. Arrays are in key order, with one item per pick."""

    def __len__(self) -> int: ...
    @property
    def wanted(self) -> int:
        """The limit as a number of devices."""

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
        """The index of the selection that each comes from, from 0."""

    def ordinals(self) -> npt.NDArray[np.uint32]:
        """The ordinal of each in its own shard."""

@final
class LiveFleet:
    """A fleet that accepts check-ins from many threads while selections run on frozen copies of its state.

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
        """The number of rows, including deleted devices."""

    def freeze(self) -> Fleet:
        """A frozen copy of the present state. A concurrent check-in is included either completely or not at all."""

    def check_in(
        self,
        devices: npt.NDArray[np.uint8] | npt.NDArray[np.uint32],
        *,
        at: npt.NDArray[np.uint32],
        target_versions: npt.NDArray[np.int32],
        now: int,
    ) -> tuple[int, int, int, int, int]:
        """Apply check-ins; the latest one of each device wins.

        Args:
            devices: their UUIDs, shape (n, 16), or their ordinals, shape (n,).
            at: the instants, in seconds since 1970; one for all, or one for each.
            target_versions: the reported versions, negative for none; one for all, or one for each.
            now: the receiver's clock. An instant up to a day after it is replaced by it; a later one is refused.

        Returns:
            The numbers of check-ins that were applied, not newer than the known one, from unknown devices, and refused;
            and how many of the others were ahead of `now`.

        Raises:
            ValueError: the columns have different lengths.
        """

@final
class Breakdown:
    """Counts of picked devices and candidates, by three criteria. The parts of each list sum to all devices.

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
    """Why a device was picked or not. For a device that the fleet does not have, everything but the verdict is None."""

    @property
    def verdict(self) -> str:
        """``picked``, ``beyond-limit``, or the first reason that excludes the device."""

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
        """Its exponentially distributed key."""

    @property
    def rank(self) -> int | None:
        """Its rank among the candidates by key, from 1; None for a device that is not a candidate."""

@final
class Wave:
    """The delivery of one target version to the production devices of one tag: its state, and its sets over a fleet.

    - matching = production ∩ tag
    - updated = matching ∩ { target version ≥ `target_version` }; an unknown version counts as older
    - covered = matching ∩ (staged ∪ every device now in a group that was rolled out whole)
    - unsupported = matching ∩ { hardware id known and not in `supported_hardware` }
    - scheduled = covered − updated − unsupported while active; matching − updated − unsupported once complete; ∅ if
      canceled
    - candidates = matching ∩ group? ∩ listed? − covered − updated − unsupported

    Immutable: `stage` computes a rollout, and `after` returns the wave after it.

    Args:
        target_version: the build number that the wave's targets share.
        tag: the wave's tag; there may be no devices with it.
        staged: all devices that sampled and listed rollouts have chosen, whether they match now or not.
        whole_groups: the groups that were rolled out whole, by the names under which the fleet knows them now. A group
            that the fleet does not know covers no device.
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
        """The hardware ids with a target, ascending; None if no device counts as unsupported."""

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
        """Hardware ids without a target in the wave, with the number of given devices that have them; most first."""

    def scheduled(self, fleet: Fleet, *, state: _WaveState) -> DeviceSet:
        """The devices that are yet to be updated by the wave.

        Args:
            fleet: the devices as they are now.
            state: the state of the wave.
        """

    def candidates(
        self, fleet: Fleet, *, group: str | None = None, listed: npt.NDArray[np.uint8] | None = None
    ) -> DeviceSet:
        """The devices that a sample could take.

        Args:
            fleet: the devices as they are now.
            group: only devices of this group.
            listed: only these devices, shape (n, 16); those that do not match are omitted.

        Raises:
            InputError: ``empty-list``.
            NotFoundError: ``unknown-group``.
        """

    def stage(self, fleet: Fleet, request: RolloutRequest) -> Staging:
        """Compute the devices of a rollout, without applying it.

        - a group alone, with `whole_group`: its matching devices − covered, and a standing rule
        - a limit: a sample of the candidates, of the group and of the list if they are given
        - a list without a limit: the listed devices − covered, each of them checked
        - a goal: a sample of as many candidates as needed until this number of matching ∩ group? is covered or updated

        Anything else is refused: an argument that is absent, empty or 0 never means more devices.

        Args:
            fleet: the devices as they are now.
            request: the request.

        Raises:
            InputError: those of `RolloutRequest.kind`; ``mismatched-devices``.
            NotFoundError: ``unknown-group``.

        Cost: that of a selection, and a pass over the staged set.
        """

    def breakdown(self, fleet: Fleet, picked: npt.NDArray[np.uint32], request: RolloutRequest) -> Breakdown:
        """Count the devices and candidates of a rollout by recency band, group and hardware.

        Args:
            fleet: the devices as they were.
            picked: the ordinals of the devices.
            request: the request; its group, list and instant are used.

        Raises:
            InputError: ``empty-list``.
            NotFoundError: ``unknown-group``.

        Cost: a pass over the candidates.
        """

    def after(self, staging: Staging) -> Wave:
        """The wave after a rollout: with its devices staged, or with its group as a whole group."""

    def check_plan(self, fleet: Fleet, planned: npt.NDArray[np.uint8], *, group: str | None = None) -> PlanCheck:
        """Find the devices of a plan that no longer match; check-ins alone never change the result.

        Args:
            fleet: the devices as they are now.
            planned: the devices of the plan, shape (n, 16); may be empty.
            group: the group that the plan was made for.

        Raises:
            NotFoundError: ``unknown-group``.
        """

    def membership(self, fleet: Fleet, uuid: bytes, *, state: _WaveState) -> Membership | None:
        """The membership of a device (UUID of 16 bytes); None if the fleet does not have it."""

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
        """Count the progress of the wave, for the tag and for each group.

        Args:
            fleet: the devices as they are now.
            state: the state of the wave.
            rolled_out: the groups to list first.
            coverings: the operations that scheduled devices, in order, each with its instant in seconds since 1970: the
                staged set of a rollout, the name of a group that was rolled out whole, or None for all devices
                (completion). The first one that includes a device is the rollout that covers it.
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
            state: the state of the wave.
            coverings: as for `status`; used only for ``silent``.
            now: seconds since 1970.
            online_threshold: seconds.

        Raises:
            InputError: ``bad-setting``.

        Cost: a few passes over the matching devices.
        """

@final
class RolloutRequest:
    """A rollout request; `groundswell.RolloutRequest` is the same value in Python.

    Args:
        group: only devices of this group.
        listed: only these devices, shape (n, 16), each of them checked: known, production, on the tag, in the group;
            not unsupported, unless it is already covered or updated.
        whole_group: the group as a whole, now and later.
        online_only: no devices beyond the online threshold; for samples only.
        limit: a count, a percentage, a goal, or none of them. A percentage is taken of the ``matching`` devices
            (∩ group? ∩ listed?), of the ``remaining`` ones (the candidates), or of the ``online`` ones (matching and
            seen within the threshold), and is rounded up.
        skip_mismatched: skip listed devices that fail their check instead of refusing the rollout.
        seed: 0 to 2⁶⁴ − 1. The seed and the next three arguments are used only for samples.
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
        """The kind of rollout.

        Raises:
            InputError: ``nothing-asked``, ``whole-group-unsaid``, ``bad-whole-group``, ``empty-list``, ``bad-limit``,
                ``bad-goal``, ``online-only-without-sample``.
        """

@final
class Staging:
    """The result of a rollout that was computed but not applied.

    matching = updated + covered + unsupported + candidates, counted within the rollout's group and list.
    """

    def __len__(self) -> int:
        """The number of devices that the rollout adds."""

    @property
    def kind(self) -> Literal["whole-group", "sample", "listed", "sample-within-list"]:
        """The kind of rollout."""

    @property
    def group(self) -> str | None:
        """The requested group."""

    @property
    def newly_scheduled(self) -> int:
        """The number of its devices that are scheduled.

        Listed devices and members of a group are not scheduled if they are already updated, or if the wave has no
        target for their hardware.
        """

    @property
    def wanted(self) -> int:
        """The requested number of devices.

        The limit as a number, the number that is missing for the goal, all listed devices that are not offenders, or
        the size of the whole group.
        """

    @property
    def goal(self) -> int | None:
        """The goal as a number of covered or updated devices; None without a goal."""

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
        """The candidates seen within the threshold; None unless `online_only`."""

    @property
    def online(self) -> int | None:
        """The matching devices seen within the threshold; None unless the limit is a percentage of them."""

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
        """The reason why it adds fewer devices than requested, or none; None otherwise.

        Listed devices and members of a group that were covered before count as found unless nothing else is.
        """

    def already(self) -> DeviceSet:
        """Listed devices that are already covered or updated; those that are updated but not covered are staged."""

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
    """The devices of a plan that still match, and those that do not."""

    @property
    def offenders(self) -> list[tuple[str, str]]:
        """The devices that no longer match, in the order of the plan: UUID and reason."""

    @property
    def covered(self) -> int:
        """The number of matching devices that the wave covers now."""

    def devices(self) -> DeviceSet:
        """Those that match."""

@final
class Membership:
    """Whether a device is in a wave, and the reasons."""

    @property
    def ordinal(self) -> int:
        """The device's ordinal."""

    @property
    def mismatch(self) -> Literal["test", "wrong-tag"] | None:
        """Why the device does not match; None if it does."""

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
        """Whether it is scheduled."""

@final
class Status:
    """The progress of a wave. The parts sum to the counts of the tag."""

    @property
    def tag(self) -> Counts:
        """All matching devices."""

    @property
    def rolled_out(self) -> list[tuple[str, Counts]]:
        """Those of each group in `rolled_out`, in that order; all zero for a group without matching devices."""

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
        """On an earlier or unknown version."""

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
        """In the wave, and neither updated nor unsupported."""

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

def is_wave_offered(*, target_version: int, state: _WaveState, production_version: int | None) -> bool:
    """Whether some device may be served the targets of a wave: it is active, or canceled and above production.

    Args:
        target_version: the wave's.
        state: the wave's.
        production_version: the target version of its tag's production targets; None if it has none.

    >>> [is_wave_offered(target_version=42, state="canceled", production_version=version) for version in (41, 42)]
    [True, False]
    """

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
        waves: the waves of its tag in the order of their start: target version, state, whether the wave covers the
            device (as `Wave.membership` says).
        production_version: the target version of the tag's production targets; None if it has none.

    Returns:
        ``"nothing"``, ``"ci"``, ``"production"``, or the index in `waves` of the wave whose targets are served.

    >>> waves = [(42, "canceled", False), (43, "active", True)]
    >>> [targets_variant(production=True, tagged=True, target_version=version, waves=waves[:n], production_version=41)
    ...  for version, n in ((41, 1), (42, 1), (42, 2))]
    ['production', 0, 1]
    """

@final
class UuidListReport:
    """A parsed list of UUIDs, including its bad values."""

    @property
    def uuids(self) -> npt.NDArray[np.uint8]:
        """The distinct UUIDs, shape (n, 16), in order of first appearance."""

    @property
    def duplicates(self) -> int:
        """The number of further occurrences, which were dropped."""

    @property
    def header(self) -> bool:
        """Whether the list begins with a header ``uuid``."""

    @property
    def bad(self) -> list[tuple[int, int, int | None, str, str]]:
        """The first 100 000 bad values in the order of the text: line and column from 1, element, text, reason.

        The column counts characters. The element is that of a JSON array, from 1; None in other lists. The text is
        cropped to 40 characters; invisible characters are escaped.
        """

    @property
    def bad_count(self) -> int:
        """The number of all bad values."""

def parse_uuid_list(text: bytes) -> UuidListReport:
    r"""Parse a list of UUIDs; bad values and an empty list do not raise an error.

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
    """A column of UUIDs that is built in batches.

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
        """Append UUIDs, shape (n, 16)."""

    def take(self) -> npt.NDArray[np.uint8]:
        """Return all UUIDs as a read-only array, shape (n, 16), and empty the column."""

_Int64s: TypeAlias = npt.NDArray[np.int64]
_Bytes: TypeAlias = npt.NDArray[np.uint8]
_BadCells: TypeAlias = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8], npt.NDArray[np.int64]]

CELL_REASONS: Final[tuple[str, ...]]
"""Why a cell may be bad: the names of the codes."""
MAX_NAME_LENGTH: Final[int]
"""The most characters of a name of a group, tag, wave or factory."""
NAME_PATTERN: Final[str]
"""What `reason_for_name` accepts, as a regular expression that matches a whole name."""
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
        that some reasons need. The UUID of a bad cell is undefined.

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
        now: the read instant, in seconds since 1970; instants up to 24 hours after it are replaced by it.

    Returns:
        Seconds since 1970, 0 for never and for an absent cell; which ones were in the future; the bad cells.
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
    """As `read_instants`, for numbers; `are_numbers` is False if they come from a column of instants.

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
    """Reads the names of a column, in one or more batches.

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
        """The names by their codes. The reader cannot be used afterwards."""

@final
class CsvSplitter:
    r"""Splits CSV, given in pieces, into records.

    Args:
        delimiter: one ASCII character.
        least: minimum number of cells in a record.
        width: maximum number of cells; further cells must be blank.
        kept: positions of the columns to keep.
        line: the line of the first byte.

    Raises:
        ValueError: for an invalid delimiter.

    >>> splitter = CsvSplitter(b",", 2, 2, [0], 1)
    >>> table = splitter.feed(b'a, "b",\nc', True)
    >>> len(table), table.lines().tolist(), [part.tolist() for part in table.faults()]
    (1, [1], [[2], [0], [1]])
    >>> table.take_column(0)[1].tobytes()
    b'a'
    """

    def __new__(cls, delimiter: bytes, least: int, width: int, kept: Sequence[int], line: int) -> CsvSplitter: ...
    def feed(self, piece: bytes, is_last: bool) -> CsvTable:
        """The further records that are complete after this piece; all remaining ones for the last piece."""

@final
class CsvTable:
    """A batch of records."""

    def __len__(self) -> int: ...
    def lines(self) -> _Int64s:
        """The line on which each record begins."""

    def take_column(self, position: int) -> tuple[_Int64s, _Bytes]:
        """Offsets and data of a column that is kept; it can be taken once.

        Raises:
            ValueError: there is no such column.
        """

    def faults(self) -> tuple[_Int64s, _Bytes, _Int64s]:
        """The faults: lines, kinds, and a number that some kinds have.

        The kinds: 0 another number of cells (the number), 1 text after a closing quote, 2 a quote that does not close
        (the line on which it opens), 3 a cell that is too long, 4 a record that is too long, 5 not UTF-8, 6 NUL.
        """

    def take_fault_texts(self) -> tuple[_Int64s, _Bytes]:
        """The text of each fault; it can be taken once."""

def csv_header(text: bytes, delimiter: bytes, is_whole: bool) -> tuple[list[bytes], int, int] | None:
    r"""The first record that is not blank: its cells, where the next begins, and the lines up to there.

    None if it is bad or, unless the text is whole, does not end.

    Raises:
        ValueError: for an invalid delimiter.

    >>> csv_header(b'\nuuid,"a"\n', b",", False)
    ([b'uuid', b'a'], 10, 2)
    """

def split_csv_record(record: bytes, delimiter: bytes) -> list[bytes]:
    """The cells of one record; the whole of it as one cell if its quotes are wrong.

    Raises:
        ValueError: for an invalid delimiter.
    """

def parse_uuid_column(
    offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Read a column of text in which each cell is one UUID, in any form that a list accepts.

    White space and quotes around a UUID are ignored. Cell i is ``data[offsets[i]:offsets[i + 1]]``, as in an
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
    r"""The text of a list: lower case with hyphens, one UUID per line, each with a line feed; empty for no UUIDs.

    >>> import numpy as np
    >>> format_uuids(np.zeros((1, 16), dtype=np.uint8))
    b'00000000-0000-0000-0000-000000000000\n'
    """

def digest_uuids(uuids: npt.NDArray[np.uint8]) -> bytes:
    """SHA-256 over UUIDs in ascending order: the digest of a set of devices. Duplicates count repeatedly.

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
    """The rows, ascending, whose UUID also occurs in an earlier row; and for each of them the first row with it.

    >>> import numpy as np
    >>> a, b = np.arange(32, dtype=np.uint8).reshape(2, 16)
    >>> rows, first_rows = find_repeated_uuids(np.stack([a, b, a, a]))
    >>> rows.tolist(), first_rows.tolist()
    ([2, 3], [0, 0])
    """

_Text: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]

@final
class JsonMonitor:
    """The progress of reading JSON. Another thread may query it, and stop the read."""

    def __new__(cls) -> JsonMonitor: ...
    @property
    def done(self) -> int:
        """Bytes read so far."""

    def stop(self) -> None:
        """Ask the read to stop."""

@final
class JsonTable:
    """The devices of a JSON document."""

    @property
    def columns(self) -> list[_Text]:
        """For each requested column: offsets, text (UTF-8) and validity bitmap, in Arrow's layout."""

    @property
    def sources(self) -> list[str | None]:
        """For each column, the key in which one of its spellings was found."""

    @property
    def lines(self) -> npt.NDArray[np.int64]:
        """The line on which each row begins, from 1."""

    @property
    def faults(self) -> list[tuple[int, int, str, str]]:
        """The faults: line, number of rows before it, reason, and at most 1 KiB of the text."""

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
        """Objects without the array that `rows_at` names."""

    @property
    def page_keys(self) -> list[str]:
        """The keys of the first of those, where the path ends."""

    @property
    def total(self) -> int | None:
        """The total number of devices according to the last page."""

    @property
    def has_next(self) -> bool:
        """Whether the last page refers to a next one."""

    @property
    def broken(self) -> tuple[int, int, str, bool] | None:
        """Where the document is broken: line, column, reason, and whether it is truncated."""

    @property
    def hopeless(self) -> bool:
        """Whether most of a long text consists of faults."""

    @property
    def stopped(self) -> bool:
        """Whether the monitor stopped the read."""

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
        named_lines: whether the file's extension means one object per line.
        sources: for each column the path of its value; None to find it by its spellings.
        off: the numbers of columns to ignore.
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
    """The first byte offset at which a text exceeds the limits of JSON parsers, and the limit; None if it does not.

    The text may be invalid JSON. ``half-pair`` is an escaped unpaired surrogate.

    >>> check_json(b'["[[", [[1]]]', 2, 1000)
    (8, 'depth')
    """

def check_json_path(text: str) -> str | None:
    """Why a text is not a path; None if it is one.

    >>> check_json_path("attributes[name=mac].value"), check_json_path("tags[")
    (None, 'has neither an index such as [0] nor a filter such as [name=mac] between its brackets')
    """

def first_key_of_path(text: str) -> str | None:
    """The first key of a path; None for a malformed path.

    >>> first_key_of_path('"a.b"[0]')
    'a.b'
    """

def fold_column_name(name: str) -> str:
    """Normalise the name of a column: lower case, without ``-``, ``_``, ``.`` and white space.

    >>> fold_column_name("Last-Seen")
    'lastseen'
    """

def gate_stop(n: npt.NDArray[np.uint64], x: npt.NDArray[np.uint64], limit: float) -> npt.NDArray[np.float64]:
    """E(n, x) of the stop test for each pair; see `groundswell.gate.stop_evidence`."""

def gate_prove(n: npt.NDArray[np.uint64], x: npt.NDArray[np.uint64], below: float) -> npt.NDArray[np.float64]:
    """E′(n, x) of the prove test for each pair; see `groundswell.gate.prove_evidence`."""

def gate_silence(picked: list[bool], left_picked: list[int], left: list[int]) -> float:
    """E of the silence test; see `groundswell.gate.silence_evidence`."""

def gate_bounds(n: int, x: int, alpha: float) -> tuple[float, float]:
    """The rates that the two tests reject; see `groundswell.gate.bounds`."""

def gate_boundary(limit: float, alpha: float, devices: int) -> list[int]:
    """By x: the greatest n ≤ `devices` at which x failures stop; 0 for never. The last item holds for greater x."""

def gate_least_to_prove(below: float, alpha: float, x: int) -> int:
    """The least n at which x failures prove; see `groundswell.gate.least_to_prove`."""

def gate_noticed(limit: float, alpha: float, n: int, power: float) -> float | None:
    """The rate that is noticed; see `groundswell.gate.noticed_rate`."""

def gate_probability_to_stop(limit: float, alpha: float, rate: float, n: int) -> float:
    """See `groundswell.gate.probability_to_stop`."""

def gate_at_most_failing(devices: int, n: int, x: int, alpha: float) -> int:
    """See `groundswell.gate.at_most_failing`."""

RUN_ENDS: Final[list[str]]
"""How a simulated run can end; the column ``end`` has indexes into it."""

class _Least(Protocol):
    @property
    def thousandths(self) -> int | None: ...
    @property
    def count(self) -> int | None: ...

class _Step(Protocol):
    @property
    def group(self) -> str | None: ...
    @property
    def uuids(self) -> npt.NDArray[np.uint8] | None: ...
    @property
    def limit(self) -> Limit | None: ...
    @property
    def draw(self) -> str: ...
    @property
    def soak(self) -> int: ...
    @property
    def reported(self) -> _Least: ...
    @property
    def settled(self) -> _Least: ...
    @property
    def prove(self) -> float | None: ...
    @property
    def approve(self) -> bool: ...
    @property
    def not_before(self) -> int: ...
    @property
    def deadline(self) -> int | None: ...

class _Strategy(Protocol):
    @property
    def steps(self) -> Sequence[_Step]: ...
    @property
    def failure(self) -> float | None: ...
    @property
    def by(self) -> str | None: ...
    @property
    def silence(self) -> bool: ...
    @property
    def lost(self) -> float | None: ...
    @property
    def devices(self) -> int | None: ...
    @property
    def alpha(self) -> float: ...
    @property
    def cancel(self) -> bool: ...
    @property
    def patience(self) -> int: ...
    @property
    def attempts(self) -> int: ...
    @property
    def concurrent(self) -> int | None: ...
    @property
    def complete(self) -> bool: ...
    @property
    def windows(self) -> Sequence[tuple[int, int]] | None: ...

@final
class SimulationPlan:
    """A strategy that is resolved on the fleet of a simulation."""

    @property
    def values(self) -> list[str]:
        """The values of `by` that matching devices have, by name; the column ``value`` has indexes into it."""

@final
class SimulationScenario:
    """A scenario on the fleet of a simulation."""

    @property
    def devices(self) -> int:
        """How many matching devices can have the defect."""

@final
class Simulation:
    """A fleet with its check-in habits, ready to simulate strategies on. All durations are seconds."""

    @staticmethod
    def of(
        fleet: Fleet,
        *,
        tag: str | None,
        target_version: int | None,
        now: int,
        tick: int,
        horizon: int,
        approve_after: int,
        online_threshold: int,
        half_life: int,
        gone_after: int,
        seed: int,
    ) -> Simulation | None:
        """Fit the habits of the matching devices; None if all of them are gone.

        Raises:
            NotFoundError: ``unknown-tag``.
            InputError: ``bad-setting``.
        """

    @property
    def matching(self) -> int:
        """The number of matching devices."""

    @property
    def gone(self) -> int:
        """Matching devices that never check in again."""

    @property
    def rates(self) -> list[tuple[int, float]]:
        """(mean seconds between check-ins, share of the devices that are not gone) of each rate."""

    def expected_within(self, seconds: int) -> float:
        """How many devices are expected to check in within this time."""

    def prepare(self, strategy: _Strategy) -> SimulationPlan:
        """Resolve a strategy on the fleet.

        Raises:
            NotFoundError: ``unknown-group``.
            InputError: ``mismatched-devices``, ``bad-limit``.
        """

    def scenario(
        self,
        *,
        defect: float,
        base: float,
        hardware: str | None,
        group: str | None,
        below: int | None,
        away: int | None,
        after: int,
        brick: bool,
        install: tuple[int, int],
    ) -> SimulationScenario:
        """Find the devices of a scenario. Names that no device has leave none."""

    def run(
        self,
        plan: SimulationPlan,
        scenario: SimulationScenario,
        *,
        first: int,
        count: int,
        threads: int | None = None,
    ) -> dict[str, npt.NDArray[np.uint32]]:
        """Simulate the runs ``first`` to ``first + count - 1``; a column for each number, in the order of the runs.

        Columns: ``end`` (index into `RUN_ENDS`), ``value``, ``ended``, ``step``, ``exposed``, ``harmed``,
        ``first_signal``, ``updated_50``, ``updated_90``, ``updated_99``, and ``curve`` of shape (count, 120): the
        updated devices, evenly over the horizon. Instants are seconds since the start; 2³² − 1 means never.
        """
