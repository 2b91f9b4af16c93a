//! The columns that a fleet is built from.

use crate::error::CoreError;
use crate::ids::{Ordinal, Uuid};

/// The value in a last-seen column that means "never seen".
pub const NEVER: u32 = 0;

/// The largest target version: 2³¹ − 1.
pub const MAX_VERSION: i32 = i32::MAX;

/// How many seconds the clock of a device may be ahead: an instant up to here in the future is replaced by now, a later
/// one is refused.
pub const MAX_CLOCK_SKEW: u32 = 24 * 3600;

/// The columns of a [`Fleet`](crate::Fleet): one row per device, in ordinal order.
///
/// A deleted device keeps its row, because its UUID keeps its ordinal. Its other values are ignored.
#[derive(Clone, Debug, Default)]
pub struct FleetColumns {
    /// The UUIDs, each at most once.
    pub uuids: Vec<Uuid>,
    /// Seconds since 1970, UTC; [`NEVER`] for devices that were never seen.
    pub last_seen: Vec<u32>,
    /// Index of the device's group in `group_names`; negative for none.
    pub groups: Vec<i32>,
    /// Names of groups, including groups without devices.
    pub group_names: Vec<String>,
    /// Index of the device's tag in `tag_names`; negative for none.
    pub tags: Vec<i32>,
    /// Names of tags.
    pub tag_names: Vec<String>,
    /// Whether each device is a production device.
    pub production: Vec<bool>,
    /// Reported target version; negative if unknown.
    pub target_versions: Vec<i32>,
    /// Whether each row is a device, as opposed to a deleted one. `None`: every row is a device.
    pub present: Option<Vec<bool>>,
    /// Index of the device's hardware id in `hardware_names`; negative if unknown. `None`: all are unknown.
    pub hardware: Option<Vec<i32>>,
    /// Hardware ids.
    pub hardware_names: Vec<String>,
}

impl FleetColumns {
    /// Checks that all columns have the same length, and that it fits an ordinal.
    ///
    /// # Errors
    /// [`CoreError::TooManyDevices`] from 2³² − 1 devices on; [`CoreError::BadColumns`] with the first column of
    /// another length than `uuids`.
    pub(crate) fn check_lengths(&self) -> Result<(), CoreError> {
        let rows = self.uuids.len();
        if rows >= Ordinal::MAX as usize {
            return Err(CoreError::TooManyDevices { devices: rows });
        }
        let lengths = [
            ("last_seen", self.last_seen.len()),
            ("groups", self.groups.len()),
            ("tags", self.tags.len()),
            ("production", self.production.len()),
            ("target_versions", self.target_versions.len()),
            ("present", self.present.as_ref().map_or(rows, Vec::len)),
            ("hardware", self.hardware.as_ref().map_or(rows, Vec::len)),
        ];
        match lengths.into_iter().find(|&(_, length)| length != rows) {
            Some((column, _)) => Err(CoreError::BadColumns { column }),
            None => Ok(()),
        }
    }

    /// Clears the values of deleted devices, so that no set contains one. Drops `present` if no device is deleted.
    pub(crate) fn clear_deleted(&mut self) {
        let Some(present) = &self.present else { return };
        if present.iter().all(|&is_present| is_present) {
            self.present = None;
            return;
        }
        for (row, _) in present.iter().enumerate().filter(|&(_, &is_present)| !is_present) {
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
