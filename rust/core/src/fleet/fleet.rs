//! A frozen set of devices, in columns: what a selection reads.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;

use crate::digest::digest;
use crate::error::CoreError;
use crate::fleet::groups::Groups;
use crate::fleet::hardware::Hardware;
use crate::fleet::uuid_column::UuidColumn;
use crate::fleet::uuid_index::{Place, UuidIndex};
use crate::fleet::versions::Versions;
use crate::ids::{Ordinal, Uuid};
use crate::machine::effort::Effort;
use crate::machine::huge_pages;
use crate::machine::thread_pool::{Turns, share};
use crate::sampling::recency::NEVER;
use crate::sets::device_set::{DeviceSet, WordSet};
use crate::sets::fleet_set::{FleetSet, PositionList};
use crate::sets::layout::{CHUNK, Layout, Position};
use crate::sets::portable_set::PortableSet;

/// Columns are padded to this many devices, so that a scan always has whole words.
pub const WORD: usize = 64;

/// Devices for which one `latest` value is kept: 64 words, which stay in the first-level cache while they are scanned.
pub const BLOCK: usize = 64 * WORD;

/// The columns of devices that a [`Fleet`] is made of: one row a device, in ordinal order.
///
/// Ordinals are given for ever, so a deleted device keeps its row: its UUID stays with its ordinal, and the rest of
/// what was known of it is neither read nor kept.
#[derive(Clone, Debug, Default)]
pub struct FleetColumns {
    /// The UUIDs, none of which may stand twice.
    pub uuids: Vec<Uuid>,
    /// Seconds since 1970, UTC; 0 for devices never seen.
    pub last_seen: Vec<u32>,
    /// Index of the device's group in `group_names`; negative for none.
    pub groups: Vec<i32>,
    /// Names of groups, including those without devices.
    pub group_names: Vec<String>,
    /// Index of the device's tag in `tag_names`; negative for none.
    pub tags: Vec<i32>,
    /// Names of tags.
    pub tag_names: Vec<String>,
    /// Production devices.
    pub production: Vec<bool>,
    /// Reported target version; negative if unknown.
    pub target_versions: Vec<i32>,
    /// The rows of devices that are there; the others were deleted. None stands for all of them.
    pub present: Option<Vec<bool>>,
    /// Index of the device's hardware id in `hardware_names`; negative if unknown. None if no device's is known.
    pub hardware: Option<Vec<i32>>,
    /// Hardware ids.
    pub hardware_names: Vec<String>,
}

impl FleetColumns {
    /// Drops what is known of deleted devices, so that no set comes to hold one; and `present` where it says nothing.
    fn forget_deleted(&mut self) {
        let Some(present) = &self.present else { return };
        if present.iter().all(|&there| there) {
            self.present = None;
            return;
        }
        for (row, _) in present.iter().enumerate().filter(|&(_, &there)| !there) {
            self.last_seen[row] = NEVER;
            self.groups[row] = -1;
            self.tags[row] = -1;
            self.production[row] = false;
            self.target_versions[row] = -1;
            if let Some(hardware) = &mut self.hardware {
                hardware[row] = -1;
            }
        }
    }
}

/// Sets that have names: tags.
#[derive(Clone, Debug)]
pub(crate) struct NamedSets {
    names: Vec<String>,
    sets: Vec<FleetSet>,
    by_name: HashMap<String, usize, RandomState>,
}

impl NamedSets {
    fn new(column: &'static str, names: Vec<String>, codes: &[i32]) -> Result<Self, CoreError> {
        let mut members = vec![Vec::new(); names.len()];
        for (position, &code) in (0..).zip(codes) {
            if let Ok(code) = usize::try_from(code) {
                members.get_mut(code).ok_or(CoreError::BadColumns { column })?.push(position);
            }
        }
        let by_name: HashMap<_, _, _> = names.iter().cloned().zip(0..).collect();
        if by_name.len() != names.len() {
            return Err(CoreError::BadColumns { column });
        }
        let sets = members.into_iter().map(|members| FleetSet::from_ascending(codes.len(), members)).collect();
        Ok(Self { names, sets, by_name })
    }

    /// The names, in the order in which they were given.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Each name with its number of devices.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(String::as_str).zip(self.sets.iter().map(FleetSet::len))
    }

    /// The devices of a name.
    pub(crate) fn find(&self, name: &str) -> Option<&FleetSet> {
        self.by_name.get(name).map(|&at| &self.sets[at])
    }

    /// The name under which a device stands, if any.
    fn name_of(&self, position: Position) -> Option<&str> {
        self.sets.iter().position(|set| set.contains(position)).map(|at| self.names[at].as_str())
    }

    /// One code a position: the index of its name, −1 for none.
    fn codes(&self, rows: usize) -> Vec<i32> {
        let mut codes = vec![-1; rows];
        for (code, set) in (0..).zip(&self.sets) {
            set.for_each(|position| codes[position as usize] = code);
        }
        codes
    }
}

/// What check-ins do not change: who the devices are, and the sets that their registry puts them in.
#[derive(Debug)]
pub(crate) struct Registry {
    layout: Layout,
    uuids: UuidColumn,
    index: UuidIndex,
    /// The devices that are there, unless every row is one.
    present: Option<FleetSet>,
    groups: Groups,
    tags: NamedSets,
    production: FleetSet,
    /// None if no device's hardware is known.
    hardware: Option<Hardware>,
    /// The devices of a name that no device has.
    nobody: FleetSet,
}

impl Registry {
    /// Whether the device at a position is there: false for a deleted one.
    fn is_present(&self, position: Position) -> bool {
        self.present.as_ref().is_none_or(|present| present.contains(position))
    }

    /// Where the columns keep a device, if the fleet has it.
    pub(crate) fn position(&self, ordinal: Ordinal) -> Option<Position> {
        let within = (ordinal as usize) < self.layout.rows();
        within.then(|| self.layout.position(ordinal)).filter(|&position| self.is_present(position))
    }

    /// Tells the position of each of many UUIDs, in order; none for those that the fleet does not have.
    pub(crate) fn for_each_position(&self, wanted: &[Uuid], mut tell: impl FnMut(Option<Position>)) {
        self.for_each_place(wanted, |found| tell(found.map(|place| place.position)));
    }

    fn for_each_place(&self, wanted: &[Uuid], mut tell: impl FnMut(Option<Place>)) {
        self.index.for_each(wanted, &self.uuids, |found| {
            tell(found.filter(|place| self.is_present(place.position)));
        });
    }
}

/// A frozen set of devices. Immutable, and shared freely between threads.
///
/// Callers name devices by ordinal. The columns hold them by position; see `layout`.
#[derive(Clone, Debug)]
pub struct Fleet {
    registry: Arc<Registry>,
    /// Seconds since 1970 by position, 0 for never.
    pub(crate) last_seen: Vec<u32>,
    /// The latest `last_seen` of each block: bounds the weights that can occur in it.
    pub(crate) latest: Vec<u32>,
    versions: Versions,
}

impl Fleet {
    /// Builds a fleet from its columns.
    ///
    /// # Errors
    /// [`CoreError::RepeatedUuid`] for a UUID that stands twice; [`CoreError::BadColumns`] for columns of unequal
    /// length or codes without a name; [`CoreError::TooManyDevices`] from 2³² − 1 devices on.
    pub fn new(mut columns: FleetColumns) -> Result<Self, CoreError> {
        let rows = columns.uuids.len();
        if rows >= Ordinal::MAX as usize {
            return Err(CoreError::TooManyDevices { devices: rows });
        }
        for (column, length) in [
            ("last_seen", columns.last_seen.len()),
            ("groups", columns.groups.len()),
            ("tags", columns.tags.len()),
            ("production", columns.production.len()),
            ("target_versions", columns.target_versions.len()),
            ("present", columns.present.as_ref().map_or(rows, Vec::len)),
            ("hardware", columns.hardware.as_ref().map_or(rows, Vec::len)),
        ] {
            if length != rows {
                return Err(CoreError::BadColumns { column });
            }
        }
        columns.forget_deleted();
        if columns.groups.iter().any(|&code| code >= columns.group_names.len() as i32) {
            return Err(CoreError::BadColumns { column: "groups" });
        }
        let (layout, runs) = Layout::by_group(&columns.groups, columns.group_names.len());
        let groups = Groups::new(columns.group_names, runs)?;
        drop(columns.groups);
        let given = &columns.uuids;
        let by_position = (0..rows).map(|position| given[layout.ordinal(position as Position) as usize]);
        let uuids = UuidColumn::new(by_position, WORD);
        let index = UuidIndex::build(&uuids, &layout).map_err(|(first, second)| CoreError::RepeatedUuid {
            uuid: given[first as usize],
            first: first as usize,
            second: second as usize,
        })?;
        drop(columns.uuids);
        let last_seen = layout.by_position(columns.last_seen);
        let set_of = |column: Vec<bool>| FleetSet::from_column(layout.by_position(column).into_iter());
        let registry = Registry {
            tags: NamedSets::new("tags", columns.tag_names, &layout.by_position(columns.tags))?,
            production: set_of(columns.production),
            present: columns.present.map(set_of),
            hardware: match columns.hardware {
                Some(codes) => Some(Hardware::new(columns.hardware_names, &layout.by_position(codes))?),
                None => None,
            },
            nobody: FleetSet::List(PositionList::default()),
            groups,
            uuids,
            index,
            layout,
        };
        Ok(Self {
            latest: latest_of_blocks(&last_seen),
            last_seen,
            versions: Versions::sets_of(&registry.layout.by_position(columns.target_versions)),
            registry: Arc::new(registry),
        })
    }

    /// A fleet whose devices were seen, and report versions, as these columns by position say.
    pub(crate) fn at_a_moment(registry: Arc<Registry>, last_seen: Vec<u32>, target_versions: Vec<i32>) -> Self {
        let versions = Versions::Column { versions: target_versions, sets: OnceLock::new() };
        Self { registry, latest: latest_of_blocks(&last_seen), last_seen, versions }
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The number of devices.
    pub fn len(&self) -> usize {
        self.registry.present.as_ref().map_or(self.rows(), |present| present.len() as usize)
    }

    /// Whether an ordinal is surely the same device in both fleets: they are moments of one live fleet, or the same.
    pub fn has_the_ordinals_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.registry, &other.registry)
    }

    /// Whether the fleet has no devices.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of rows, those of deleted devices among them: every ordinal is below it.
    pub fn rows(&self) -> usize {
        self.registry.layout.rows()
    }

    /// Whether the fleet has the device of this ordinal: false for a deleted one and beyond the last row.
    pub fn has(&self, ordinal: Ordinal) -> bool {
        self.position(ordinal).is_some()
    }

    /// Where the columns keep a device, if the fleet has it.
    pub(crate) fn position(&self, ordinal: Ordinal) -> Option<Position> {
        self.registry.position(ordinal)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.registry.layout
    }

    /// The UUIDs by position, those of deleted devices among them.
    pub(crate) fn uuids(&self) -> &UuidColumn {
        &self.registry.uuids
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.registry.groups
    }

    pub(crate) fn tags(&self) -> &NamedSets {
        &self.registry.tags
    }

    /// The sets that every device of a selection is in: those that are there, and production devices if asked for.
    pub(crate) fn everyone(&self) -> Option<&FleetSet> {
        self.registry.present.as_ref()
    }

    pub(crate) fn production_set(&self) -> &FleetSet {
        &self.registry.production
    }

    /// The devices that listen to a tag: none for a tag that no device has named.
    pub(crate) fn listening_to(&self, tag: &str) -> &FleetSet {
        self.tags().find(tag).unwrap_or(&self.registry.nobody)
    }

    /// What is known of the devices' hardware, if anything.
    pub(crate) fn hardware(&self) -> Option<&Hardware> {
        self.registry.hardware.as_ref()
    }

    /// The devices whose hardware id is known and not among the supported ones; none if there are none.
    pub(crate) fn with_other_hardware_than(&self, supported: &BTreeSet<String>) -> Option<FleetSet> {
        self.hardware()?.others_than(supported)
    }

    /// The hardware id of a device, if it is known.
    pub fn hardware_of(&self, ordinal: Ordinal) -> Option<&str> {
        self.hardware()?.name_of(self.position(ordinal)?)
    }

    /// Each hardware id of some devices with their number, by the order of the names; unknown ones are left out.
    ///
    /// A device that stands there twice counts twice; one that the fleet does not have does not count.
    pub fn hardware_counts(&self, ordinals: impl IntoIterator<Item = Ordinal>) -> Vec<(&str, u64)> {
        let Some(hardware) = self.hardware() else { return Vec::new() };
        let mut counts = vec![0; hardware.names().len()];
        for position in ordinals.into_iter().filter_map(|ordinal| self.position(ordinal)) {
            if let Some(code) = hardware.code(position) {
                counts[code] += 1;
            }
        }
        let counted = hardware.names().iter().map(String::as_str).zip(counts);
        counted.filter(|&(_, devices)| devices > 0).collect()
    }

    /// How many ordinals of a set are those of no device that is there.
    pub(crate) fn count_strangers(&self, set: &PortableSet) -> u64 {
        // Where every row is a device, strangers are beyond the last of them.
        let first = if self.everyone().is_some() { 0 } else { self.rows() / CHUNK };
        let mut strangers = 0;
        set.for_each_from(first, |ordinal| strangers += u64::from(!self.has(ordinal)));
        strangers
    }

    /// The UUID of an ordinal, deleted or not.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn uuid(&self, ordinal: Ordinal) -> Uuid {
        assert!((ordinal as usize) < self.rows(), "the fleet has no ordinal {ordinal}");
        self.uuids().get(self.layout().position(ordinal))
    }

    /// When a device was last seen, in seconds since 1970: 0 for never, and for one that the fleet does not have.
    pub fn last_seen(&self, ordinal: Ordinal) -> u32 {
        self.position(ordinal).map_or(NEVER, |position| self.last_seen[position as usize])
    }

    /// The name of a device's group.
    pub fn group_of(&self, ordinal: Ordinal) -> Option<&str> {
        self.groups().name_of(self.position(ordinal)?)
    }

    /// The name of a device's tag.
    pub fn tag_of(&self, ordinal: Ordinal) -> Option<&str> {
        self.tags().name_of(self.position(ordinal)?)
    }

    /// Whether this is a production device.
    pub fn is_production(&self, ordinal: Ordinal) -> bool {
        self.position(ordinal).is_some_and(|position| self.production_set().contains(position))
    }

    /// The target version that a device reports, if it is known.
    pub fn target_version(&self, ordinal: Ordinal) -> Option<u32> {
        self.versions.of(self.position(ordinal)?)
    }

    /// Each group with its number of devices, in the order in which the names were given.
    pub fn group_counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.groups().counts()
    }

    /// Each tag with its number of devices, in the order in which the names were given.
    pub fn tag_counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.tags().counts()
    }

    /// Each known target version with its number of devices, ascending.
    pub fn version_counts(&self) -> impl Iterator<Item = (u32, u64)> {
        self.by_version().map(|(version, devices)| (version, devices.len()))
    }

    /// The number of production devices.
    pub fn production_count(&self) -> u64 {
        self.production_set().len()
    }

    /// The production devices.
    pub fn production(&self) -> DeviceSet {
        self.over_ordinals(|each| self.production_set().for_each(each))
    }

    /// The devices of a group, if there is one of that name.
    pub fn group(&self, name: &str) -> Option<DeviceSet> {
        let group = self.groups().find(name)?;
        Some(self.over_ordinals(|each| group.runs.iter().cloned().flatten().for_each(each)))
    }

    /// The devices that listen to a tag, if there is one of that name.
    pub fn tag(&self, name: &str) -> Option<DeviceSet> {
        let tag = self.tags().find(name)?;
        Some(self.over_ordinals(|each| tag.for_each(each)))
    }

    /// A set over positions as the same set over ordinals.
    pub fn device_set(&self, words: &WordSet) -> DeviceSet {
        self.over_ordinals(|each| words.iter().for_each(each))
    }

    /// The set over ordinals of positions that come ascending.
    fn over_ordinals(&self, positions: impl FnOnce(&mut dyn FnMut(Position))) -> DeviceSet {
        let (mut set, mut chunk, mut lows) = (DeviceSet::new(), 0, Vec::new());
        let mut close = |chunk: usize, lows: &mut Vec<u16>| {
            lows.sort_unstable();
            set.append_chunk(chunk, lows);
            lows.clear();
        };
        positions(&mut |position| {
            let ordinal = self.layout().ordinal(position);
            if ordinal as usize / CHUNK != chunk {
                close(chunk, &mut lows);
                chunk = ordinal as usize / CHUNK;
            }
            lows.push(ordinal as u16);
        });
        close(chunk, &mut lows);
        set
    }

    /// Each known target version with its devices, ascending.
    pub(crate) fn by_version(&self) -> impl Iterator<Item = (u32, &FleetSet)> {
        self.versions.sets().iter().map(|(&version, devices)| (version, devices))
    }

    /// Sets that together are the devices at a target version or above it.
    pub(crate) fn updated_to(&self, version: u32) -> Vec<Cow<'_, FleetSet>> {
        self.versions.from(version)
    }

    /// The target version of each position; negative if unknown.
    pub(crate) fn version_column(&self) -> Vec<i32> {
        self.versions.column(self.rows())
    }

    /// The ordinal of a UUID, if the fleet has it.
    pub fn ordinal(&self, uuid: &Uuid) -> Option<Ordinal> {
        self.position_of(uuid).map(|position| self.layout().ordinal(position))
    }

    pub(crate) fn position_of(&self, uuid: &Uuid) -> Option<Position> {
        let place = self.registry.index.get(uuid, self.uuids())?;
        self.registry.is_present(place.position).then_some(place.position)
    }

    /// Tells the position of each of many UUIDs, in order; none for those that the fleet does not have.
    pub(crate) fn for_each_position(&self, wanted: &[Uuid], tell: impl FnMut(Option<Position>)) {
        self.registry.for_each_position(wanted, tell);
    }

    /// The positions of those UUIDs that the fleet has, in order.
    pub(crate) fn positions_of(&self, wanted: &[Uuid]) -> Vec<Position> {
        let mut positions = Vec::with_capacity(wanted.len());
        self.for_each_position(wanted, |position| positions.extend(position));
        positions
    }

    /// The ordinals of many UUIDs, in order; `absent` for those that the fleet does not have.
    ///
    /// Two threads share a list that is long enough for it to pay.
    pub fn ordinals(&self, wanted: &[Uuid], absent: Ordinal, effort: &Effort) -> Vec<Ordinal> {
        let mut ordinals = huge_pages::filled(absent, wanted.len());
        let look_up = |wanted: &[Uuid], ordinals: &mut [Ordinal]| {
            let mut ordinals = ordinals.iter_mut();
            self.registry.for_each_place(wanted, |found| {
                *ordinals.next().expect("one for each UUID") = found.map_or(absent, |place| place.ordinal);
            });
        };
        let threads = effort.threads_for(wanted.len() as u64 * LOOK_UP_FOR_SCAN);
        let turns = Turns::of(wanted.chunks(TURN).zip(ordinals.chunks_mut(TURN)));
        share(threads - 1, || turns.take().for_each(|(wanted, ordinals)| look_up(wanted, ordinals)));
        ordinals
    }

    /// The UUIDs of these ordinals, in order, deleted devices included.
    ///
    /// Two threads share many of them.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn uuids_of(&self, ordinals: &[Ordinal], effort: &Effort) -> Vec<Uuid> {
        let mut uuids = huge_pages::zeroed(ordinals.len());
        let threads = effort.threads_for(ordinals.len() as u64 * LOOK_UP_FOR_SCAN);
        let turns = Turns::of(ordinals.chunks(TURN).zip(uuids.chunks_mut(TURN)));
        share(threads - 1, || {
            for (ordinals, uuids) in turns.take() {
                ordinals.iter().zip(uuids).for_each(|(&ordinal, place)| *place = self.uuid(ordinal));
            }
        });
        uuids
    }

    /// SHA-256 over the 16-byte UUIDs of these ordinals in ascending order, deleted devices included: the digest by which
    /// a set of devices is known for ever.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn digest(&self, ordinals: impl IntoIterator<Item = Ordinal>) -> [u8; 32] {
        digest(&self.uuids_of(&ordinals.into_iter().collect::<Vec<_>>(), &Effort::default()))
    }

    /// The columns again, as they were given; those of deleted devices say nothing but their UUIDs.
    pub fn to_columns(&self) -> FleetColumns {
        let (rows, layout) = (self.rows(), self.layout());
        let mut production = vec![false; rows];
        self.production_set().for_each(|position| production[position as usize] = true);
        let mut groups = vec![-1; rows];
        for run in self.groups().by_position() {
            groups[run.positions.start as usize..run.positions.end as usize].fill(run.code);
        }
        FleetColumns {
            uuids: (0..rows as Ordinal).map(|ordinal| self.uuid(ordinal)).collect(),
            last_seen: layout.by_ordinal(&self.last_seen),
            groups: layout.by_ordinal(&groups),
            group_names: self.groups().names().to_vec(),
            tags: layout.by_ordinal(&self.tags().codes(rows)),
            tag_names: self.tags().names().to_vec(),
            production: layout.by_ordinal(&production),
            target_versions: layout.by_ordinal(&self.version_column()),
            present: self.everyone().map(|_| (0..).take(rows).map(|ordinal| self.has(ordinal)).collect()),
            hardware: self.hardware().map(|hardware| layout.by_ordinal(&hardware.column())),
            hardware_names: self.hardware().map_or_else(Vec::new, |hardware| hardware.names().to_vec()),
        }
    }
}

/// How many devices a scan reads in the time of a look-up.
const LOOK_UP_FOR_SCAN: u64 = 64;

/// UUIDs that a thread looks up, or gives, at once.
const TURN: usize = 1 << 13;

fn latest_of_blocks(last_seen: &[u32]) -> Vec<u32> {
    last_seen.chunks(BLOCK).map(|block| block.iter().copied().max().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(devices: u8) -> FleetColumns {
        let n = usize::from(devices);
        FleetColumns {
            uuids: (0..devices).map(|i| [i; 16]).collect(),
            last_seen: (0..n as u32).collect(),
            groups: (0..n as i32).map(|i| i % 4 - 1).collect(),
            group_names: ["a", "b", "c", "empty"].map(String::from).to_vec(),
            tags: vec![0; n],
            tag_names: vec!["main".into()],
            production: (0..n).map(|i| i % 3 == 0).collect(),
            target_versions: (0..n as i32).map(|i| i % 5 - 1).collect(),
            present: None,
            hardware: Some((0..n as i32).map(|i| i % 3 - 1).collect()),
            hardware_names: ["pi", "imx8"].map(String::from).to_vec(),
        }
    }

    #[test]
    fn columns_come_back_as_they_were_given() {
        let given = columns(200);
        let back = Fleet::new(given.clone()).unwrap().to_columns();
        assert_eq!(back.uuids, given.uuids);
        assert_eq!(back.last_seen, given.last_seen);
        assert_eq!(back.groups, given.groups);
        assert_eq!(back.group_names, given.group_names);
        assert_eq!(back.tags, given.tags);
        assert_eq!(back.production, given.production);
        assert_eq!(back.target_versions, given.target_versions);
        assert_eq!(back.present, None);
        assert_eq!((back.hardware, back.hardware_names), (given.hardware, given.hardware_names));
    }

    #[test]
    fn deleted_devices_keep_their_rows_and_are_in_no_set() {
        let mut given = columns(200);
        let there = |row: usize| !row.is_multiple_of(7);
        given.present = Some((0..200).map(there).collect());
        let fleet = Fleet::new(given.clone()).unwrap();
        let count = (0..200).filter(|&row| there(row)).count();
        assert_eq!((fleet.len(), fleet.rows()), (count, 200));
        for (row, uuid) in given.uuids.iter().enumerate() {
            let ordinal = row as Ordinal;
            assert_eq!(fleet.ordinal(uuid), there(row).then_some(ordinal));
            assert_eq!(fleet.has(ordinal), there(row));
            assert_eq!(fleet.uuid(ordinal), *uuid);
            assert_eq!(fleet.group_of(ordinal).is_some(), there(row) && given.groups[row] >= 0);
            assert_eq!(fleet.tag_of(ordinal).is_some(), there(row));
            assert_eq!(fleet.production().contains(ordinal), there(row) && given.production[row]);
            assert_eq!(fleet.is_production(ordinal), there(row) && given.production[row]);
            assert_eq!(fleet.target_version(ordinal).is_some(), there(row) && given.target_versions[row] >= 0);
            assert_eq!(fleet.hardware_of(ordinal).is_some(), there(row) && row % 3 > 0);
        }
        assert!(!fleet.has(200));
        let back = fleet.to_columns();
        assert_eq!((&back.uuids, &back.present), (&given.uuids, &given.present));
        assert_eq!(Fleet::new(back).unwrap().len(), count);
    }

    #[test]
    fn a_fleet_whose_devices_are_all_there_is_one_without_that_column() {
        let given = FleetColumns { present: Some(vec![true; 10]), ..columns(10) };
        assert_eq!(Fleet::new(given).unwrap().to_columns().present, None);
    }

    #[test]
    fn columns_that_do_not_fit_together_are_refused_by_name() {
        let mut short = columns(10);
        short.tags.pop();
        assert!(matches!(Fleet::new(short), Err(CoreError::BadColumns { column: "tags" })));
        let short = FleetColumns { present: Some(vec![true; 9]), ..columns(10) };
        assert!(matches!(Fleet::new(short), Err(CoreError::BadColumns { column: "present" })));
        let mut unnamed = columns(10);
        unnamed.groups[3] = 9;
        assert!(matches!(Fleet::new(unnamed), Err(CoreError::BadColumns { column: "groups" })));
    }

    #[test]
    fn a_repeated_uuid_is_refused_with_both_rows() {
        let mut twice = columns(10);
        twice.uuids[7] = twice.uuids[2];
        assert!(matches!(Fleet::new(twice), Err(CoreError::RepeatedUuid { first: 2, second: 7, .. })));
    }

    #[test]
    fn a_fleet_of_no_devices_is_a_fleet() {
        let fleet = Fleet::new(FleetColumns::default()).unwrap();
        assert!(fleet.is_empty());
        assert_eq!(fleet.ordinal(&[0; 16]), None);
    }
}
