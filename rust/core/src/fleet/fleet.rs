//! A frozen fleet, in columns.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use crate::error::CoreError;
use crate::fleet::columns::{FleetColumns, NEVER};
use crate::fleet::groups::Groups;
use crate::fleet::hardware::Hardware;
use crate::fleet::registry::{NamedSets, Registry};
use crate::fleet::uuid_column::UuidColumn;
use crate::fleet::versions::Versions;
use crate::ids::{Ordinal, Uuid};
use crate::sets::device_set::DeviceSet;
use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::{CHUNK, Layout, Position};
use crate::sets::portable_set::PortableSet;
use crate::sets::words::{WORD, WordSet};

/// Devices per entry of `latest`: 64 words, which fit in the L1 cache during a scan.
pub const BLOCK: usize = 64 * WORD;

/// A frozen set of devices. Immutable; threads share it.
///
/// Callers name devices by ordinal. The columns store them by position; see `sets::layout`.
#[derive(Clone, Debug)]
pub struct Fleet {
    registry: Arc<Registry>,
    /// Seconds since 1970 by position; [`NEVER`] for never seen.
    pub(crate) last_seen: Vec<u32>,
    /// The greatest `last_seen` of each block, a bound for the weights in it.
    pub(crate) latest: Vec<u32>,
    versions: Versions,
}

impl Fleet {
    /// Builds a fleet from its columns.
    ///
    /// # Errors
    /// [`CoreError::RepeatedUuid`]; [`CoreError::BadColumns`] for columns of unequal length, a code without a name or a
    /// repeated name; [`CoreError::TooManyDevices`] from 2³² − 1 devices on.
    ///
    /// # Examples
    /// ```
    /// use groundswell_core::{CoreError, Fleet, FleetColumns};
    ///
    /// let columns = FleetColumns {
    ///     uuids: vec![[1; 16], [2; 16]],
    ///     last_seen: vec![1_795_000_000, 0],
    ///     groups: vec![0, -1],
    ///     group_names: vec!["canary".to_owned()],
    ///     tags: vec![-1, -1],
    ///     production: vec![true, false],
    ///     target_versions: vec![41, -1],
    ///     ..FleetColumns::default()
    /// };
    /// let fleet = Fleet::new(columns)?;
    /// assert_eq!((fleet.len(), fleet.production_count()), (2, 1));
    /// assert_eq!((fleet.group_of(0), fleet.target_version(1)), (Some("canary"), None));
    /// # Ok::<(), CoreError>(())
    /// ```
    pub fn new(mut columns: FleetColumns) -> Result<Self, CoreError> {
        columns.check_lengths()?;
        columns.clear_deleted();
        let last_seen = std::mem::take(&mut columns.last_seen);
        let target_versions = std::mem::take(&mut columns.target_versions);
        let registry = Registry::new(columns)?;
        let last_seen = registry.layout.by_position(last_seen);
        Ok(Self {
            latest: latest_of_blocks(&last_seen),
            last_seen,
            versions: Versions::sets_of(&registry.layout.by_position(target_versions)),
            registry: Arc::new(registry),
        })
    }

    /// A moment of a live fleet. Both columns are by position; a negative version is unknown.
    pub(crate) fn from_registry(registry: Arc<Registry>, last_seen: Vec<u32>, target_versions: Vec<i32>) -> Self {
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

    /// Whether both are the same fleet, or moments of the same live fleet, so that an ordinal means the same device.
    pub fn has_the_ordinals_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.registry, &other.registry)
    }

    /// Whether the fleet has no devices.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of rows, including deleted devices. Every ordinal is below it.
    pub fn rows(&self) -> usize {
        self.registry.layout.rows()
    }

    /// Whether the fleet has a device with this ordinal; false for a deleted device and beyond the last row.
    pub fn has(&self, ordinal: Ordinal) -> bool {
        self.position(ordinal).is_some()
    }

    /// The position of a device, if the fleet has it.
    pub(crate) fn position(&self, ordinal: Ordinal) -> Option<Position> {
        self.registry.position(ordinal)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.registry.layout
    }

    /// The UUIDs by position, including deleted devices.
    pub(crate) fn uuids(&self) -> &UuidColumn {
        &self.registry.uuids
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.registry.groups
    }

    pub(crate) fn tags(&self) -> &NamedSets {
        &self.registry.tags
    }

    /// The devices that are not deleted; `None` if every row is a device.
    pub(crate) fn present(&self) -> Option<&FleetSet> {
        self.registry.present.as_ref()
    }

    pub(crate) fn production_set(&self) -> &FleetSet {
        &self.registry.production
    }

    /// The devices that listen to a tag; empty for an unknown tag.
    pub(crate) fn with_tag(&self, tag: &str) -> &FleetSet {
        self.tags().find(tag).unwrap_or(&self.registry.empty)
    }

    /// The hardware ids; `None` if no device's is known.
    pub(crate) fn hardware(&self) -> Option<&Hardware> {
        self.registry.hardware.as_ref()
    }

    /// The devices whose hardware id is known and not in `supported`; `None` if there is no such device.
    pub(crate) fn with_other_hardware_than(&self, supported: &BTreeSet<String>) -> Option<FleetSet> {
        self.hardware()?.others_than(supported)
    }

    /// The hardware id of a device, if it is known.
    pub fn hardware_of(&self, ordinal: Ordinal) -> Option<&str> {
        self.hardware()?.name_of(self.position(ordinal)?)
    }

    /// Counts some devices by hardware id, in the order of the hardware names. Omits ids with a count of 0.
    ///
    /// A repeated ordinal counts twice. Devices that the fleet does not have, or whose hardware is unknown, don't count.
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

    /// The number of ordinals in a set that are not devices of the fleet.
    pub(crate) fn count_unknown(&self, set: &PortableSet) -> u64 {
        // If every row is a device, the unknown ordinals are beyond the last row.
        let first = if self.present().is_some() { 0 } else { self.rows() / CHUNK };
        let mut unknown = 0;
        set.for_each_from(first, |ordinal| unknown += u64::from(!self.has(ordinal)));
        unknown
    }

    /// The UUID of an ordinal, also of a deleted device.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn uuid(&self, ordinal: Ordinal) -> Uuid {
        assert!((ordinal as usize) < self.rows(), "the fleet has no ordinal {ordinal}");
        self.uuids().get(self.layout().position(ordinal))
    }

    /// When a device was last seen, in seconds since 1970; [`NEVER`] also for a device that the fleet does not have.
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

    /// Whether a device is a production device; false for a device that the fleet does not have.
    pub fn is_production(&self, ordinal: Ordinal) -> bool {
        self.position(ordinal).is_some_and(|position| self.production_set().contains(position))
    }

    /// The target version that a device reported last, if it is known.
    pub fn target_version(&self, ordinal: Ordinal) -> Option<u32> {
        self.versions.of(self.position(ordinal)?)
    }

    /// Each group with its number of devices, in the order of `group_names`.
    pub fn group_counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.groups().counts()
    }

    /// Each tag with its number of devices, in the order of `tag_names`.
    pub fn tag_counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.tags().counts()
    }

    /// Each reported target version with its number of devices, ascending.
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

    /// The devices of a group; `None` for an unknown group.
    pub fn group(&self, name: &str) -> Option<DeviceSet> {
        let group = self.groups().find(name)?;
        Some(self.over_ordinals(|each| group.runs.iter().cloned().flatten().for_each(each)))
    }

    /// The devices that listen to a tag; `None` for an unknown tag.
    pub fn tag(&self, name: &str) -> Option<DeviceSet> {
        let tag = self.tags().find(name)?;
        Some(self.over_ordinals(|each| tag.for_each(each)))
    }

    /// Converts a set over positions to the same set over ordinals.
    pub fn device_set(&self, words: &WordSet) -> DeviceSet {
        self.over_ordinals(|each| words.iter().for_each(each))
    }

    /// Converts ascending positions to a set over ordinals.
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

    /// Each reported target version with its devices, ascending.
    pub(crate) fn by_version(&self) -> impl Iterator<Item = (u32, &FleetSet)> {
        self.versions.sets().iter().map(|(&version, devices)| (version, devices))
    }

    /// Sets whose union is the devices at `version` or above.
    pub(crate) fn updated_to(&self, version: u32) -> Vec<Cow<'_, FleetSet>> {
        self.versions.from(version)
    }

    /// The target version of each position; negative if unknown.
    pub(crate) fn version_column(&self) -> Vec<i32> {
        self.versions.column(self.rows())
    }

    /// The columns of the fleet, in ordinal order. Of deleted devices only the UUID is left.
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
            present: self.present().map(|_| (0..).take(rows).map(|ordinal| self.has(ordinal)).collect()),
            hardware: self.hardware().map(|hardware| layout.by_ordinal(&hardware.column())),
            hardware_names: self.hardware().map_or_else(Vec::new, |hardware| hardware.names().to_vec()),
        }
    }
}

fn latest_of_blocks(last_seen: &[u32]) -> Vec<u32> {
    last_seen.chunks(BLOCK).map(|block| block.iter().copied().max().unwrap_or(0)).collect()
}
