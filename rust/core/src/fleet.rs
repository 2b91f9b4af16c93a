//! A frozen set of devices, in columns: what a selection reads.
//!
//! A device's position in the columns is its ordinal. (Positions of their own, laid out by group, can come without
//! changing what callers see: nothing outside this crate knows where a column keeps a device.)

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use crate::device_set::{DeviceSet, WordSet};
use crate::error::CoreError;
use crate::identity::IdentityColumn;
use crate::ids::{Ordinal, Uuid, identity_hash};
use crate::index::UuidIndex;
use crate::recency::NEVER;

/// Columns are padded to this many devices, so that a scan always has whole words.
pub const WORD: usize = 64;

/// Devices for which one `latest` value is kept: 64 words, which stay in the first-level cache while they are scanned.
pub const BLOCK: usize = 64 * WORD;

/// A set is kept as words as well as roaring where at least one device in this many is in it.
const DENSE: u64 = 16;

/// UUIDs that are hashed in one go.
const DIGEST_BLOCK: usize = 1024;

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
        }
    }
}

/// A set of a fleet's devices, as roaring and, if many devices are in it, as words.
#[derive(Clone, Debug)]
pub(crate) struct FleetSet {
    pub(crate) set: DeviceSet,
    words: Option<WordSet>,
}

impl FleetSet {
    fn new(rows: usize, ordinals: &[Ordinal]) -> Self {
        let set = DeviceSet::from_ordinals(ordinals);
        let words = (set.len() * DENSE >= rows as u64).then(|| WordSet::from_set(rows, &set));
        Self { set, words }
    }

    /// Keeps in `scope` what is in this set.
    pub(crate) fn restrict(&self, scope: &mut WordSet) {
        match &self.words {
            Some(words) => scope.intersect(words),
            None => scope.intersect_set(&self.set),
        }
    }

    /// Takes what is in this set out of `scope`.
    pub(crate) fn exclude_from(&self, scope: &mut WordSet) {
        match &self.words {
            Some(words) => scope.subtract(words),
            None => scope.subtract_set(&self.set),
        }
    }
}

/// Sets that have names: groups, or tags.
#[derive(Clone, Debug)]
pub struct NamedSets {
    names: Vec<String>,
    sets: Vec<FleetSet>,
    by_name: HashMap<String, usize, RandomState>,
}

impl NamedSets {
    fn new(column: &'static str, names: Vec<String>, codes: &[i32]) -> Result<Self, CoreError> {
        let mut members = vec![Vec::new(); names.len()];
        for (ordinal, &code) in codes.iter().enumerate() {
            if let Ok(code) = usize::try_from(code) {
                members.get_mut(code).ok_or(CoreError::BadColumns { column })?.push(ordinal as Ordinal);
            }
        }
        let by_name: HashMap<_, _, _> = names.iter().cloned().zip(0..).collect();
        if by_name.len() != names.len() {
            return Err(CoreError::BadColumns { column });
        }
        let sets = members.iter().map(|ordinals| FleetSet::new(codes.len(), ordinals)).collect();
        Ok(Self { names, sets, by_name })
    }

    /// The names, in the order in which they were given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Each name with its number of devices.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(String::as_str).zip(self.sets.iter().map(|s| s.set.len()))
    }

    /// The devices of a name.
    pub fn get(&self, name: &str) -> Option<&DeviceSet> {
        self.find(name).map(|found| &found.set)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&FleetSet> {
        self.by_name.get(name).map(|&at| &self.sets[at])
    }

    /// The name under which a device stands, if any.
    pub fn name_of(&self, ordinal: Ordinal) -> Option<&str> {
        self.sets.iter().position(|s| s.set.contains(ordinal)).map(|at| self.names[at].as_str())
    }

    /// One code a row: the index of its name, −1 for none.
    pub(crate) fn codes(&self, rows: usize) -> Vec<i32> {
        let mut codes = vec![-1; rows];
        for (code, sets) in self.sets.iter().enumerate() {
            for ordinal in sets.set.iter() {
                codes[ordinal as usize] = code as i32;
            }
        }
        codes
    }
}

/// A frozen set of devices. Immutable, and shared freely between threads.
#[derive(Clone, Debug)]
pub struct Fleet {
    uuids: Vec<Uuid>,
    index: UuidIndex,
    /// The devices that are there, unless every row is one.
    present: Option<FleetSet>,
    /// The identity hashes, padded to whole words.
    pub(crate) identity: IdentityColumn,
    pub(crate) last_seen: Vec<u32>,
    /// The latest `last_seen` of each block: bounds the weights that can occur in it.
    pub(crate) latest: Vec<u32>,
    groups: NamedSets,
    tags: NamedSets,
    production: FleetSet,
    versions: BTreeMap<u32, FleetSet>,
    /// The devices of a name that no device has.
    nobody: FleetSet,
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
        ] {
            if length != rows {
                return Err(CoreError::BadColumns { column });
            }
        }
        columns.forget_deleted();
        let index = UuidIndex::build(&columns.uuids).map_err(|(first, second)| CoreError::RepeatedUuid {
            uuid: columns.uuids[first],
            first,
            second,
        })?;
        let identity = IdentityColumn::new(columns.uuids.iter().map(identity_hash), WORD);
        let production: Vec<Ordinal> = ordinals_where(&columns.production, |&p| p);
        Ok(Self {
            index,
            identity,
            latest: latest_of_blocks(&columns.last_seen),
            last_seen: columns.last_seen,
            groups: NamedSets::new("groups", columns.group_names, &columns.groups)?,
            tags: NamedSets::new("tags", columns.tag_names, &columns.tags)?,
            production: FleetSet::new(rows, &production),
            present: columns.present.map(|present| FleetSet::new(rows, &ordinals_where(&present, |&there| there))),
            versions: version_sets(&columns.target_versions),
            nobody: FleetSet::new(rows, &[]),
            uuids: columns.uuids,
        })
    }

    /// The number of devices.
    pub fn len(&self) -> usize {
        self.present.as_ref().map_or(self.rows(), |present| present.set.len() as usize)
    }

    /// Whether the fleet has no devices.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of rows, those of deleted devices among them: every ordinal is below it.
    pub fn rows(&self) -> usize {
        self.uuids.len()
    }

    /// Whether the fleet has the device of this ordinal: false for a deleted one and beyond the last row.
    pub fn has(&self, ordinal: Ordinal) -> bool {
        match &self.present {
            Some(present) => present.set.contains(ordinal),
            None => (ordinal as usize) < self.rows(),
        }
    }

    /// All devices.
    pub fn everyone(&self) -> WordSet {
        let mut everyone = WordSet::all(self.rows());
        if let Some(present) = &self.present {
            present.restrict(&mut everyone);
        }
        everyone
    }

    /// The UUIDs, in ordinal order, those of deleted devices among them.
    pub fn uuids(&self) -> &[Uuid] {
        &self.uuids
    }

    /// When each device was last seen, in ordinal order; 0 for never and for deleted ones.
    pub fn last_seen(&self) -> &[u32] {
        &self.last_seen
    }

    /// The groups.
    pub fn groups(&self) -> &NamedSets {
        &self.groups
    }

    /// The tags.
    pub fn tags(&self) -> &NamedSets {
        &self.tags
    }

    /// The production devices.
    pub fn production(&self) -> &DeviceSet {
        &self.production.set
    }

    pub(crate) fn production_set(&self) -> &FleetSet {
        &self.production
    }

    /// The devices that listen to a tag: none for a tag that no device has named.
    pub(crate) fn listening_to(&self, tag: &str) -> &FleetSet {
        self.tags.find(tag).unwrap_or(&self.nobody)
    }

    /// Each known target version with its devices, ascending.
    pub(crate) fn by_version(&self) -> impl Iterator<Item = (u32, &DeviceSet)> {
        self.versions.iter().map(|(&version, devices)| (version, &devices.set))
    }

    /// Each known target version with its number of devices, ascending.
    pub fn version_counts(&self) -> impl Iterator<Item = (u32, u64)> {
        self.versions.iter().map(|(&version, devices)| (version, devices.set.len()))
    }

    /// The sets of the target versions at or above this one.
    pub(crate) fn versions_from(&self, version: u32) -> impl Iterator<Item = &FleetSet> {
        self.versions.range(version..).map(|(_, devices)| devices)
    }

    /// The target version that a device reports, if it is known.
    pub fn target_version(&self, ordinal: Ordinal) -> Option<u32> {
        self.versions.iter().find(|(_, devices)| devices.set.contains(ordinal)).map(|(&version, _)| version)
    }

    /// The ordinal of a UUID, if the fleet has it.
    pub fn ordinal(&self, uuid: &Uuid) -> Option<Ordinal> {
        self.index.get(uuid, &self.uuids).filter(|&ordinal| self.has(ordinal))
    }

    /// The ordinals of many UUIDs, in order.
    pub fn ordinals<'a>(&'a self, wanted: &'a [Uuid]) -> impl Iterator<Item = Option<Ordinal>> + 'a {
        self.index.get_many(wanted, &self.uuids).map(|found| found.filter(|&ordinal| self.has(ordinal)))
    }

    /// SHA-256 over the 16-byte UUIDs of these ordinals in ascending order, deleted devices included: the digest by which
    /// a set of devices is known for ever.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn digest(&self, ordinals: impl IntoIterator<Item = Ordinal>) -> [u8; 32] {
        // As numbers, high byte first: they have the order of the bytes, and are compared in one step.
        let numbers = ordinals.into_iter().map(|ordinal| u128::from_be_bytes(self.uuids[ordinal as usize]));
        let mut numbers: Vec<u128> = numbers.collect();
        numbers.sort_unstable();
        let mut hash = Sha256::new();
        let mut block = Vec::with_capacity(DIGEST_BLOCK * size_of::<Uuid>());
        for part in numbers.chunks(DIGEST_BLOCK) {
            block.clear();
            block.extend(part.iter().flat_map(|number| number.to_be_bytes()));
            hash.update(&block);
        }
        hash.finalize().into()
    }

    /// The columns again, as they were given; those of deleted devices say nothing but their UUIDs.
    pub fn to_columns(&self) -> FleetColumns {
        let rows = self.rows();
        let mut production = vec![false; rows];
        for ordinal in self.production.set.iter() {
            production[ordinal as usize] = true;
        }
        let mut target_versions = vec![-1; rows];
        for (&version, members) in &self.versions {
            for ordinal in members.set.iter() {
                target_versions[ordinal as usize] = version as i32;
            }
        }
        FleetColumns {
            uuids: self.uuids.clone(),
            last_seen: self.last_seen.clone(),
            groups: self.groups.codes(rows),
            group_names: self.groups.names.clone(),
            tags: self.tags.codes(rows),
            tag_names: self.tags.names.clone(),
            production,
            target_versions,
            present: self.present.as_ref().map(|_| (0..).take(rows).map(|ordinal| self.has(ordinal)).collect()),
        }
    }
}

fn ordinals_where<T>(column: &[T], wanted: impl Fn(&T) -> bool) -> Vec<Ordinal> {
    (0..).zip(column).filter(|(_, value)| wanted(value)).map(|(ordinal, _)| ordinal).collect()
}

fn latest_of_blocks(last_seen: &[u32]) -> Vec<u32> {
    last_seen.chunks(BLOCK).map(|block| block.iter().copied().max().unwrap_or(0)).collect()
}

fn version_sets(target_versions: &[i32]) -> BTreeMap<u32, FleetSet> {
    let mut members: HashMap<u32, Vec<Ordinal>, RandomState> = HashMap::default();
    for (ordinal, &version) in target_versions.iter().enumerate() {
        if let Ok(version) = u32::try_from(version) {
            members.entry(version).or_default().push(ordinal as Ordinal);
        }
    }
    members.into_iter().map(|(version, ordinals)| (version, FleetSet::new(target_versions.len(), &ordinals))).collect()
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
    }

    #[test]
    fn deleted_devices_keep_their_rows_and_are_in_no_set() {
        let mut given = columns(200);
        let there = |row: usize| !row.is_multiple_of(7);
        given.present = Some((0..200).map(there).collect());
        let fleet = Fleet::new(given.clone()).unwrap();
        let count = (0..200).filter(|&row| there(row)).count();
        assert_eq!((fleet.len(), fleet.rows(), fleet.everyone().count()), (count, 200, count as u64));
        for (row, uuid) in given.uuids.iter().enumerate() {
            let ordinal = row as Ordinal;
            assert_eq!(fleet.ordinal(uuid), there(row).then_some(ordinal));
            assert_eq!(fleet.has(ordinal), there(row));
            assert_eq!(fleet.everyone().contains(ordinal), there(row));
            assert_eq!(fleet.groups().name_of(ordinal).is_some(), there(row) && given.groups[row] >= 0);
            assert_eq!(fleet.tags().name_of(ordinal).is_some(), there(row));
            assert_eq!(fleet.production().contains(ordinal), there(row) && given.production[row]);
            assert_eq!(fleet.target_version(ordinal).is_some(), there(row) && given.target_versions[row] >= 0);
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
