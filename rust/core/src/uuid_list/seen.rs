//! Which UUIDs were there before: a growing open-addressing table over a column of UUIDs.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::ids::Uuid;

/// Bits of a slot that hold a row number plus one; the rest is a tag. A trillion rows are more than any memory has.
const ROW_BITS: u32 = 40;
const ROW: u64 = (1 << ROW_BITS) - 1;

/// How many UUIDs are hashed before the first of them is looked up.
pub(super) const BATCH: usize = 32;

/// The rows of the UUIDs that were seen. It holds no UUIDs: the caller's column does, and is passed to every call.
///
/// Hashes are keyed for each table, since UUIDs come from strangers. A slot is 0 when free.
pub(super) struct Seen {
    hasher: RandomState,
    slots: Vec<u64>,
    count: usize,
}

impl Seen {
    /// A table that need not grow before it holds `expected` UUIDs.
    pub(super) fn with_room_for(expected: usize) -> Self {
        let size = (expected + expected / 3 + 1).next_power_of_two().max(16);
        Self { hasher: RandomState::default(), slots: vec![0; size], count: 0 }
    }

    /// Hashes at most [`BATCH`] UUIDs that are looked up next.
    ///
    /// It also reads their slots, so that the cache misses of a batch overlap; one look-up after another would wait
    /// for each of them, since whether a slot is free cannot be foreseen.
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

    /// The row at which a UUID was seen.
    #[inline]
    pub(super) fn row(&self, hash: u64, uuid: &Uuid, column: &[Uuid]) -> Option<usize> {
        self.slot(hash, uuid, column).ok()
    }

    /// The earlier row of the UUID at `row`; if there is none, that UUID is from now on seen there.
    #[inline]
    pub(super) fn see(&mut self, hash: u64, row: usize, column: &[Uuid]) -> Option<usize> {
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

    /// The row of a UUID, or else the slot that it would take.
    #[inline]
    fn slot(&self, hash: u64, uuid: &Uuid, column: &[Uuid]) -> Result<usize, usize> {
        let last = self.slots.len() - 1;
        let mut at = hash as usize & last;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return Err(at);
            }
            // The column is read only where the tags agree: for nearly every absent UUID it is not read at all.
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
    fn remembers_the_first_row_of_each_uuid_while_it_grows() {
        let column: Vec<Uuid> = (0..20_000u128).map(|i| (i * i % 7919).to_be_bytes()).collect();
        let mut seen = Seen::with_room_for(0);
        let mut map = HashMap::new();
        for (row, uuid) in column.iter().enumerate() {
            let expected = map.get(uuid).copied();
            map.entry(*uuid).or_insert(row);
            assert_eq!(seen.see(seen.hash(uuid), row, &column), expected);
        }
        for i in 0..8000u128 {
            let uuid = i.to_be_bytes();
            assert_eq!(seen.row(seen.hash(&uuid), &uuid, &column), map.get(&uuid).copied());
        }
    }
}
