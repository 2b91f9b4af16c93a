//! UUIDs to ordinals and positions, and back.

use crate::digest::digest;
use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::machine::effort::Effort;
use crate::machine::huge_pages;
use crate::machine::thread_pool::{WorkQueue, run_parallel};
use crate::sets::layout::Position;

/// Cost of looking up one UUID, in units of scanning one device.
const LOOK_UP_COST: u64 = 64;

/// UUIDs per unit of work of a thread.
const BATCH: usize = 1 << 13;

impl Fleet {
    /// The ordinal of a UUID, if the fleet has it.
    pub fn ordinal(&self, uuid: &Uuid) -> Option<Ordinal> {
        self.position_of(uuid).map(|position| self.layout().ordinal(position))
    }

    pub(crate) fn position_of(&self, uuid: &Uuid) -> Option<Position> {
        let place = self.registry().index.get(uuid, self.uuids())?;
        self.registry().is_present(place.position).then_some(place.position)
    }

    /// Calls `each` with the position of every UUID, in order; `None` for a UUID that the fleet does not have.
    pub(crate) fn for_each_position(&self, uuids: &[Uuid], each: impl FnMut(Option<Position>)) {
        self.registry().for_each_position(uuids, each);
    }

    /// The positions of the UUIDs, in order, without those that the fleet does not have.
    pub(crate) fn positions_of(&self, uuids: &[Uuid]) -> Vec<Position> {
        let mut positions = Vec::with_capacity(uuids.len());
        self.for_each_position(uuids, |position| positions.extend(position));
        positions
    }

    /// The ordinals of the UUIDs, in order; `absent` for a UUID that the fleet does not have.
    ///
    /// Uses two threads for long lists.
    pub fn ordinals(&self, uuids: &[Uuid], absent: Ordinal, effort: &Effort) -> Vec<Ordinal> {
        let mut ordinals = huge_pages::filled(absent, uuids.len());
        let look_up = |uuids: &[Uuid], ordinals: &mut [Ordinal]| {
            let mut ordinals = ordinals.iter_mut();
            self.registry().for_each_place(uuids, |found| {
                *ordinals.next().expect("one for each UUID") = found.map_or(absent, |place| place.ordinal);
            });
        };
        let threads = effort.threads_for(uuids.len() as u64 * LOOK_UP_COST);
        let queue = WorkQueue::new(uuids.chunks(BATCH).zip(ordinals.chunks_mut(BATCH)));
        run_parallel(threads - 1, || queue.items().for_each(|(uuids, ordinals)| look_up(uuids, ordinals)));
        ordinals
    }

    /// The UUIDs of these ordinals, in order, also of deleted devices.
    ///
    /// Uses two threads for long lists.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn uuids_of(&self, ordinals: &[Ordinal], effort: &Effort) -> Vec<Uuid> {
        let mut uuids = huge_pages::zeroed(ordinals.len());
        let threads = effort.threads_for(ordinals.len() as u64 * LOOK_UP_COST);
        let queue = WorkQueue::new(ordinals.chunks(BATCH).zip(uuids.chunks_mut(BATCH)));
        run_parallel(threads - 1, || {
            for (ordinals, uuids) in queue.items() {
                ordinals.iter().zip(uuids).for_each(|(&ordinal, uuid)| *uuid = self.uuid(ordinal));
            }
        });
        uuids
    }

    /// The digest of a set of devices: SHA-256 over their 16-byte UUIDs in ascending order, deleted devices included.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn digest(&self, ordinals: impl IntoIterator<Item = Ordinal>) -> [u8; 32] {
        digest(&self.uuids_of(&ordinals.into_iter().collect::<Vec<_>>(), &Effort::default()))
    }
}
