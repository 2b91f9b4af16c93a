//! A growing open-addressing hash table from UUID to the row of its first occurrence in a column.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::ids::Uuid;

/// The bits of a slot that hold the row plus one. The other bits are a tag. 2⁴⁰ rows exceed any memory.
const ROW_BITS: u32 = 40;
const ROW: u64 = (1 << ROW_BITS) - 1;

/// How many UUIDs are hashed before the first is looked up.
pub(super) const BATCH: usize = 32;

/// Rows by UUID. The UUIDs are in the caller's column, which every call takes.
///
/// Hashes have a random key per table, because UUIDs come from outside. A free slot is 0.
pub(super) struct UuidTable {
    hasher: RandomState,
    slots: Vec<u64>,
    count: usize,
}

impl UuidTable {
    /// A table that does not grow before it holds `expected` UUIDs.
    pub(super) fn with_capacity(expected: usize) -> Self {
        let size = (expected + expected / 3 + 1).next_power_of_two().max(16);
        Self { hasher: RandomState::default(), slots: vec![0; size], count: 0 }
    }

    /// Hashes at most [`BATCH`] UUIDs that are looked up next.
    ///
    /// It also reads their slots, so that the cache misses of a batch overlap. Look-ups alone would wait for each miss,
    /// because the branch on a free slot is unpredictable.
    #[inline]
    pub(super) fn hash_all(&self, uuids: &[Uuid], hashes: &mut [u64; BATCH]) {
        let last = self.slots.len() - 1;
        let mut touched = 0;
        for (hash, uuid) in hashes.iter_mut().zip(uuids) {
            *hash = self.hash(uuid);
            touched |= self.slots[*hash as usize & last];
        }
        std::hint::black_box(touched);
    }

    #[inline]
    fn hash(&self, uuid: &Uuid) -> u64 {
        self.hasher.hash_one(u128::from_ne_bytes(*uuid))
    }

    /// The row of a UUID.
    #[inline]
    pub(super) fn row(&self, hash: u64, uuid: &Uuid, column: &[Uuid]) -> Option<usize> {
        self.slot(hash, uuid, column).ok()
    }

    /// Inserts the UUID at `row`, or returns its earlier row.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, row: usize, column: &[Uuid]) -> Option<usize> {
        let free = match self.slot(hash, &column[row], column) {
            Ok(earlier) => return Some(earlier),
            Err(free) => free,
        };
        self.slots[free] = (hash & !ROW) | (row as u64 + 1);
        self.count += 1;
        if self.count > self.slots.len() / 4 * 3 {
            self.grow(column);
        }
        None
    }

    /// The row of a UUID, or the free slot for it.
    #[inline]
    fn slot(&self, hash: u64, uuid: &Uuid, column: &[Uuid]) -> Result<usize, usize> {
        let last = self.slots.len() - 1;
        let mut at = hash as usize & last;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return Err(at);
            }
            // The column is read only if the tags agree, so almost never for an absent UUID.
            if (slot ^ hash) & !ROW == 0 && column[row_of(slot)] == *uuid {
                return Ok(row_of(slot));
            }
            at = (at + 1) & last;
        }
    }

    #[cold]
    fn grow(&mut self, column: &[Uuid]) {
        let bigger = vec![0; self.slots.len() * 2];
        let last = bigger.len() - 1;
        for slot in std::mem::replace(&mut self.slots, bigger).into_iter().filter(|slot| *slot != 0) {
            let mut at = self.hash(&column[row_of(slot)]) as usize & last;
            while self.slots[at] != 0 {
                at = (at + 1) & last;
            }
            self.slots[at] = slot;
        }
    }
}

#[inline]
fn row_of(slot: u64) -> usize {
    (slot & ROW) as usize - 1
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_first_row_of_each_uuid_is_found_while_the_table_grows() {
        let column: Vec<Uuid> = (0..20_000u128).map(|i| (i * i % 7919).to_be_bytes()).collect();
        let mut table = UuidTable::with_capacity(0);
        let mut map = HashMap::new();
        for (row, uuid) in column.iter().enumerate() {
            let expected = map.get(uuid).copied();
            map.entry(*uuid).or_insert(row);
            assert_eq!(table.insert(table.hash(uuid), row, &column), expected);
        }
        for i in 0..8000u128 {
            let uuid = i.to_be_bytes();
            assert_eq!(table.row(table.hash(&uuid), &uuid, &column), map.get(&uuid).copied());
        }
    }
}
