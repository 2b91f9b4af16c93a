//! uuid → ordinal: an open-addressing table of (tag, ordinal) slots over the UUID column.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::ids::{Ordinal, Uuid};

/// How many look-ups are hashed before the first is probed, so that their cache misses overlap.
const BATCH: usize = 32;

/// Finds the ordinal of a UUID. It holds no UUIDs: the caller's column does, and is passed to every call.
///
/// Hashes are keyed for each table, since UUIDs may come from strangers. A slot is 0 when free, otherwise the lower
/// half of the hash as a tag above the ordinal plus one; a probe reads the UUID column only where the tag agrees.
#[derive(Clone, Debug)]
pub struct UuidIndex {
    hasher: RandomState,
    shift: u32,
    slots: Vec<u64>,
}

impl UuidIndex {
    /// Indexes a column, whose ordinals are its row numbers.
    ///
    /// # Errors
    /// The rows (first, second) of the first UUID that stands twice.
    pub fn build(uuids: &[Uuid]) -> Result<Self, (usize, usize)> {
        assert!(uuids.len() < Ordinal::MAX as usize, "ordinals are 32 bits");
        let size = (uuids.len() * 3 / 2).next_power_of_two().max(16);
        let mut index =
            Self { hasher: RandomState::default(), shift: 64 - size.trailing_zeros(), slots: vec![0; size] };
        let mut hashes = [0u64; BATCH];
        for (batch, chunk) in uuids.chunks(BATCH).enumerate() {
            for (hash, uuid) in hashes.iter_mut().zip(chunk) {
                *hash = index.hash(uuid);
            }
            for (i, uuid) in chunk.iter().enumerate() {
                let row = batch * BATCH + i;
                if let Some(first) = index.insert(hashes[i], row, uuid, uuids) {
                    return Err((first, row));
                }
            }
        }
        Ok(index)
    }

    /// The ordinal of a UUID, if it has one. `uuids` is the column that was indexed.
    pub fn get(&self, uuid: &Uuid, uuids: &[Uuid]) -> Option<Ordinal> {
        self.probe(self.hash(uuid), uuid, uuids)
    }

    /// Looks many UUIDs up, in order.
    pub fn get_many<'a>(&'a self, wanted: &'a [Uuid], uuids: &'a [Uuid]) -> impl Iterator<Item = Option<Ordinal>> + 'a {
        wanted.chunks(BATCH).flat_map(move |chunk| {
            let mut hashes = [0u64; BATCH];
            for (hash, uuid) in hashes.iter_mut().zip(chunk) {
                *hash = self.hash(uuid);
            }
            chunk.iter().enumerate().map(move |(i, uuid)| self.probe(hashes[i], uuid, uuids))
        })
    }

    #[inline]
    fn hash(&self, uuid: &Uuid) -> u64 {
        self.hasher.hash_one(u128::from_ne_bytes(*uuid))
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    fn probe(&self, hash: u64, uuid: &Uuid, uuids: &[Uuid]) -> Option<Ordinal> {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if same_tag(slot, hash) && uuids[row_of(slot)] == *uuid {
                return Some(row_of(slot) as Ordinal);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Puts a row in, or returns the earlier row of the same UUID.
    fn insert(&mut self, hash: u64, row: usize, uuid: &Uuid, uuids: &[Uuid]) -> Option<usize> {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                self.slots[at] = tag(hash) | (row as u64 + 1);
                return None;
            }
            if same_tag(slot, hash) && uuids[row_of(slot)] == *uuid {
                return Some(row_of(slot));
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

/// The tag is the lower half of the hash: the upper bits already chose the home slot.
#[inline]
fn tag(hash: u64) -> u64 {
    hash << 32
}

#[inline]
fn same_tag(slot: u64, hash: u64) -> bool {
    (slot ^ tag(hash)) >> 32 == 0
}

#[inline]
fn row_of(slot: u64) -> usize {
    (slot as u32 - 1) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_map_finds(values in prop::collection::hash_set(0u128..5000, 0..2000), wanted in prop::collection::vec(0u128..6000, 0..200)) {
            let uuids: Vec<Uuid> = values.iter().map(|v| v.to_be_bytes()).collect();
            let map: HashMap<Uuid, u32> = uuids.iter().copied().zip(0..).collect();
            let index = UuidIndex::build(&uuids).unwrap();
            let wanted: Vec<Uuid> = wanted.iter().map(|v| v.to_be_bytes()).collect();
            let expected: Vec<Option<u32>> = wanted.iter().map(|u| map.get(u).copied()).collect();
            prop_assert_eq!(index.get_many(&wanted, &uuids).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(wanted.iter().map(|u| index.get(u, &uuids)).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_uuid_that_stands_twice_is_refused_with_both_rows() {
        let uuids = [[1; 16], [2; 16], [3; 16], [2; 16], [1; 16]];
        assert_eq!(UuidIndex::build(&uuids).unwrap_err(), (1, 3));
    }

    #[test]
    fn an_empty_column_has_an_index() {
        assert_eq!(UuidIndex::build(&[]).unwrap().get(&[0; 16], &[]), None);
    }
}
