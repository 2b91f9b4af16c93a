//! uuid → position: buckets of one cache line each over the UUID column.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::huge_pages;
use crate::ids::{Ordinal, Uuid};
use crate::layout::{Layout, Position};
use crate::prefetch::prefetch;
use crate::uuid_column::UuidColumn;

/// How many look-ups go through each of their stages together, so that their cache misses overlap.
const BATCH: usize = 64;

/// Devices that a bucket has room for.
const ROOM: usize = 12;

/// Devices for which there is a bucket: at 8 of 12 one device in 57 lies beside its bucket, where a look-up waits once
/// more for memory; at 9.6 of 12 it would be one in 19.
const LOAD: usize = 8;

/// A cache line: the tags of its devices, and their positions in the same order.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Bucket {
    /// 8 bits of the hash of each device, never 0; 0 where there is none.
    tags: [u8; ROOM],
    used: u8,
    /// Whether a device that belongs here had to go to a later bucket.
    overflowed: bool,
    positions: [Position; ROOM],
}

impl Bucket {
    /// The places, as bits, whose tag may be this one: all that have it, and now and then another.
    #[inline]
    fn candidates(&self, tag: u8) -> Places {
        let [low, high] = [&self.tags[..8], &self.tags[4..]]
            .map(|tags| u64::from_le_bytes(tags.try_into().expect("eight tags")) ^ (u64::from(tag) * EACH));
        // The upper bit of each byte that is 0; a byte of 1 above one may pass for 0, too.
        let zeros = |bytes: u64| bytes.wrapping_sub(EACH) & !bytes & (EACH * 0x80);
        Places { low: zeros(low), high: zeros(high) >> 32 }
    }
}

const EACH: u64 = 0x0101_0101_0101_0101;

/// Places of a bucket: the upper bit of a byte for each of the first eight, and for each of the last four.
struct Places {
    low: u64,
    high: u64,
}

impl Iterator for Places {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let (bits, before) = if self.low != 0 { (&mut self.low, 0) } else { (&mut self.high, 8) };
        if *bits == 0 {
            return None;
        }
        let place = before + bits.trailing_zeros() as usize / 8;
        *bits &= *bits - 1;
        Some(place)
    }
}

/// Finds the position of a UUID. It holds no UUIDs: the fleet's column does, and is passed to every call.
///
/// Hashes are keyed for each index, since UUIDs may come from strangers. A look-up reads one line, and the UUID column
/// only where a tag agrees.
#[derive(Clone, Debug)]
pub(crate) struct UuidIndex {
    hasher: RandomState,
    buckets: Vec<Bucket>,
}

impl UuidIndex {
    /// Indexes a column.
    ///
    /// # Errors
    /// The ordinals (first, second) of the first UUID, in the order of ordinals, that stands twice.
    pub(crate) fn build(uuids: &UuidColumn, layout: &Layout) -> Result<Self, (Ordinal, Ordinal)> {
        let buckets = layout.rows() / LOAD + 1;
        let mut index =
            Self { hasher: RandomState::default(), buckets: huge_pages::filled(Bucket::default(), buckets) };
        let mut batch = [(0, [0; 16], 0u64); BATCH];
        for first in (0..layout.rows()).step_by(BATCH) {
            let ordinals = first..layout.rows().min(first + BATCH);
            for ((position, uuid, hash), ordinal) in batch.iter_mut().zip(ordinals.clone()) {
                *position = layout.position(ordinal as Ordinal);
                *uuid = uuids.get(*position);
                *hash = index.hash(uuid);
                prefetch(&index.buckets, index.home(*hash));
            }
            for ((position, uuid, hash), ordinal) in batch.iter().zip(ordinals) {
                if let Some(earlier) = index.insert(*hash, *position, uuid, uuids) {
                    return Err((layout.ordinal(earlier), ordinal as Ordinal));
                }
            }
        }
        Ok(index)
    }

    /// The position of a UUID, if it has one.
    pub(crate) fn get(&self, uuid: &Uuid, uuids: &UuidColumn) -> Option<Position> {
        self.find(self.hash(uuid), uuid, uuids)
    }

    /// Looks many UUIDs up and tells the position of each, in order.
    pub(crate) fn for_each(&self, wanted: &[Uuid], uuids: &UuidColumn, mut tell: impl FnMut(Option<Position>)) {
        let mut hashes = [0u64; BATCH];
        let mut likely: [Option<Position>; BATCH] = [None; BATCH];
        for wanted in wanted.chunks(BATCH) {
            for (hash, uuid) in hashes.iter_mut().zip(wanted) {
                *hash = self.hash(uuid);
                prefetch(&self.buckets, self.home(*hash));
            }
            for (hash, likely) in hashes.iter().zip(&mut likely[..wanted.len()]) {
                let bucket = &self.buckets[self.home(*hash)];
                *likely = bucket.candidates(tag(*hash)).next().map(|place| bucket.positions[place]);
                if let Some(position) = likely {
                    uuids.prefetch(*position);
                }
            }
            for ((hash, likely), uuid) in hashes.iter().zip(&likely).zip(wanted) {
                match *likely {
                    Some(position) if uuids.is(position, uuid) => tell(Some(position)),
                    _ => tell(self.find(*hash, uuid, uuids)),
                }
            }
        }
    }

    #[inline]
    fn hash(&self, uuid: &Uuid) -> u64 {
        self.hasher.hash_one(u128::from_ne_bytes(*uuid))
    }

    /// The bucket in which a device belongs: the upper bits of the hash choose it, the lower eight are the tag.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.buckets.len() as u128) >> 64) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.buckets.len() { 0 } else { at + 1 }
    }

    fn find(&self, hash: u64, uuid: &Uuid, uuids: &UuidColumn) -> Option<Position> {
        let mut at = self.home(hash);
        loop {
            let bucket = &self.buckets[at];
            // A free place may pass for one with the tag 1, and its position for that of a device that is not in yet.
            let taken = bucket.candidates(tag(hash)).take_while(|&place| place < usize::from(bucket.used));
            let mut positions = taken.map(|place| bucket.positions[place]);
            if let Some(position) = positions.find(|&position| uuids.is(position, uuid)) {
                return Some(position);
            }
            if !bucket.overflowed {
                return None;
            }
            at = self.after(at);
        }
    }

    /// Puts a device in, or returns the position of an earlier one with the same UUID.
    fn insert(&mut self, hash: u64, position: Position, uuid: &Uuid, uuids: &UuidColumn) -> Option<Position> {
        if let Some(earlier) = self.find(hash, uuid, uuids) {
            return Some(earlier);
        }
        let mut at = self.home(hash);
        // There is more room than there are devices.
        while usize::from(self.buckets[at].used) == ROOM {
            self.buckets[at].overflowed = true;
            at = self.after(at);
        }
        let bucket = &mut self.buckets[at];
        let place = usize::from(bucket.used);
        bucket.tags[place] = tag(hash);
        bucket.positions[place] = position;
        bucket.used += 1;
        None
    }
}

#[inline]
fn tag(hash: u64) -> u8 {
    (hash as u8).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn column(uuids: &[Uuid], codes: &[i32]) -> (UuidColumn, Layout) {
        let (layout, _) = Layout::by_group(codes, 3);
        let by_position = layout.by_position(uuids.to_vec());
        (UuidColumn::new(by_position.into_iter(), 64), layout)
    }

    proptest! {
        #[test]
        fn finds_what_a_map_finds(
            values in prop::collection::hash_set(0u128..5000, 0..2000),
            wanted in prop::collection::vec(0u128..6000, 0..200),
        ) {
            let values: Vec<u128> = values.into_iter().collect();
            let uuids: Vec<Uuid> = values.iter().map(|v| v.to_be_bytes()).collect();
            let codes: Vec<i32> = values.iter().map(|v| (v % 3) as i32).collect();
            let map: HashMap<Uuid, u32> = uuids.iter().copied().zip(0..).collect();
            let (column, layout) = column(&uuids, &codes);
            let index = UuidIndex::build(&column, &layout).unwrap();
            let wanted: Vec<Uuid> = wanted.iter().map(|v| v.to_be_bytes()).collect();
            let expected: Vec<Option<u32>> = wanted.iter().map(|u| map.get(u).copied()).collect();
            let mut found = Vec::new();
            index.for_each(&wanted, &column, |position| found.push(position.map(|p| layout.ordinal(p))));
            prop_assert_eq!(&found, &expected);
            let one_by_one = wanted.iter().map(|u| index.get(u, &column).map(|p| layout.ordinal(p)));
            prop_assert_eq!(one_by_one.collect::<Vec<_>>(), expected);
        }

        #[test]
        fn no_place_with_the_tag_is_missed(tags in any::<[u8; ROOM]>(), at in 0..ROOM) {
            let tag = tags[at].max(1);
            let bucket = Bucket { tags, ..Bucket::default() };
            let candidates: Vec<usize> = bucket.candidates(tag).collect();
            prop_assert!((0..ROOM).filter(|&place| tags[place] == tag).all(|place| candidates.contains(&place)));
            prop_assert!(candidates.is_sorted() && candidates.iter().all(|&place| place < ROOM));
        }
    }

    #[test]
    fn a_uuid_that_stands_twice_is_refused_with_both_ordinals() {
        let uuids = [[1; 16], [2; 16], [3; 16], [2; 16], [1; 16]];
        for codes in [[-1; 5], [2, 1, 0, 0, 0]] {
            let (column, layout) = column(&uuids, &codes);
            assert_eq!(UuidIndex::build(&column, &layout).unwrap_err(), (1, 3));
        }
    }

    #[test]
    fn no_free_place_passes_for_a_device() {
        // Many small columns, each with keys of its own: one tag in 128 is 1, which free places look like now and then.
        let uuids: Vec<Uuid> = (1..=40u128).map(u128::to_be_bytes).collect();
        let (column, layout) = column(&uuids, &[-1; 40]);
        for _ in 0..2000 {
            let index = UuidIndex::build(&column, &layout).unwrap();
            assert!(uuids.iter().enumerate().all(|(at, uuid)| index.get(uuid, &column) == Some(at as Position)));
            assert_eq!(index.get(&[0; 16], &column), None);
        }
    }

    #[test]
    fn an_empty_column_has_an_index() {
        let (column, layout) = column(&[], &[]);
        assert_eq!(UuidIndex::build(&column, &layout).unwrap().get(&[0; 16], &column), None);
    }
}
