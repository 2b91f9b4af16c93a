//! uuid → position: buckets of one cache line each over the UUID column.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::fleet::uuid_column::UuidColumn;
use crate::ids::{Ordinal, Uuid};
use crate::machine::huge_pages;
use crate::machine::prefetch::prefetch;
use crate::sets::layout::{Layout, Position};

/// How many look-ups go through each of their stages together, so that their cache misses overlap.
const BATCH: usize = 64;

/// Devices that a bucket has room for.
const ROOM: usize = 9;

/// Devices for which there is a bucket: at 6 of 9 one device in 34 with a random UUID lies beside its bucket, where a
/// look-up waits once more for memory; at 7 of 9 it would be one in 16.
const LOAD: usize = 6;

/// Where a device is: its position, and what callers know it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: Position,
    pub(crate) ordinal: Ordinal,
}

/// A cache line: the tags of its devices, and their places in the same order.
///
/// An ordinal can be had from its position, too, but a look-up would wait once more for memory.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Bucket {
    /// The upper halves of ordinals, which are those of their positions.
    chunks: [u16; ROOM],
    /// The lower halves of positions.
    positions: [u16; ROOM],
    /// The lower halves of ordinals.
    ordinals: [u16; ROOM],
    /// 8 bits of the hash of each device, never 0; 0 where there is none.
    tags: [u8; ROOM],
    /// How many devices it has, and [`OVERFLOWED`].
    used: u8,
}

/// A bit of `used`.
const OVERFLOWED: u8 = 0x80;

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    #[inline]
    fn used(&self) -> usize {
        usize::from(self.used & !OVERFLOWED)
    }

    #[inline]
    fn place(&self, at: usize) -> Place {
        let chunk = u32::from(self.chunks[at]) << 16;
        Place { position: chunk | u32::from(self.positions[at]), ordinal: chunk | u32::from(self.ordinals[at]) }
    }

    /// Whether a device that belongs here had to go to a later bucket.
    #[inline]
    fn overflowed(&self) -> bool {
        self.used & OVERFLOWED != 0
    }

    /// The place of the first device with this tag.
    #[inline]
    fn likely(&self, tag: u8) -> Option<Place> {
        self.candidates(tag).next().map(|at| self.place(at))
    }

    /// Puts a device in where there is room.
    fn push(&mut self, tag: u8, place: Place) {
        debug_assert_eq!(place.position >> 16, place.ordinal >> 16, "a device lies in the chunk of its ordinal");
        let at = self.used();
        self.chunks[at] = (place.ordinal >> 16) as u16;
        self.positions[at] = place.position as u16;
        self.ordinals[at] = place.ordinal as u16;
        self.tags[at] = tag;
        self.used += 1;
    }

    /// Which devices may have this tag, ascending: all that have it, and now and then another. The first always has it.
    #[inline]
    fn candidates(&self, tag: u8) -> Candidates {
        let tags = u64::from_le_bytes(self.tags[..8].try_into().expect("eight tags")) ^ (u64::from(tag) * EACH);
        // The upper bit of each byte that is 0; a byte of 1 above such a one may pass for 0, too.
        let first = tags.wrapping_sub(EACH) & !tags & (EACH * 0x80);
        Candidates { first, last: self.tags[8] == tag }
    }
}

const EACH: u64 = 0x0101_0101_0101_0101;

/// Devices of a bucket: the upper bit of a byte for each of the first eight, and the last.
struct Candidates {
    first: u64,
    last: bool,
}

impl Iterator for Candidates {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.first == 0 {
            return std::mem::take(&mut self.last).then_some(8);
        }
        let at = self.first.trailing_zeros() as usize / 8;
        self.first &= self.first - 1;
        Some(at)
    }
}

/// Finds the place of a UUID. It holds no UUIDs: the fleet's column does, and is passed to every call.
///
/// Hashes are keyed for each index, since UUIDs may come from strangers. A look-up reads one line, seldom two, and the UUID
/// column only where a tag agrees.
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
        let mut batch = [(Place { position: 0, ordinal: 0 }, [0; 16], 0u64); BATCH];
        for first in (0..layout.rows()).step_by(BATCH) {
            let ordinals = first as Ordinal..layout.rows().min(first + BATCH) as Ordinal;
            for ((place, uuid, hash), ordinal) in batch.iter_mut().zip(ordinals.clone()) {
                *place = Place { position: layout.position(ordinal), ordinal };
                *uuid = uuids.get(place.position);
                *hash = index.hash(uuid);
                prefetch(&index.buckets, index.home(*hash));
            }
            for (place, uuid, hash) in &batch[..ordinals.len()] {
                if let Some(earlier) = index.insert(*hash, *place, uuid, uuids) {
                    return Err((earlier.ordinal, place.ordinal));
                }
            }
        }
        Ok(index)
    }

    /// The place of a UUID, if it has one.
    pub(crate) fn get(&self, uuid: &Uuid, uuids: &UuidColumn) -> Option<Place> {
        self.find(self.hash(uuid), uuid, uuids)
    }

    /// Looks many UUIDs up and tells the place of each, in order.
    pub(crate) fn for_each(&self, wanted: &[Uuid], uuids: &UuidColumn, mut tell: impl FnMut(Option<Place>)) {
        let mut hashes = [0u64; BATCH];
        let mut likely: [Option<Place>; BATCH] = [None; BATCH];
        let mut strays = [0; BATCH];
        for wanted in wanted.chunks(BATCH) {
            for (hash, uuid) in hashes.iter_mut().zip(wanted) {
                *hash = self.hash(uuid);
                prefetch(&self.buckets, self.home(*hash));
            }
            let mut elsewhere = 0;
            for (at, (hash, likely)) in hashes.iter().zip(&mut likely[..wanted.len()]).enumerate() {
                let home = self.home(*hash);
                *likely = self.buckets[home].likely(tag(*hash));
                if let Some(place) = likely {
                    uuids.prefetch(place.position);
                } else if self.buckets[home].overflowed() {
                    prefetch(&self.buckets, self.after(home));
                    strays[elsewhere] = at;
                    elsewhere += 1;
                }
            }
            // Nearly all of those that did not fit into a bucket are in the next.
            for &at in &strays[..elsewhere] {
                let next = self.after(self.home(hashes[at]));
                likely[at] = self.buckets[next].likely(tag(hashes[at]));
                if let Some(place) = likely[at] {
                    uuids.prefetch(place.position);
                }
            }
            for ((hash, likely), uuid) in hashes.iter().zip(&likely).zip(wanted) {
                match *likely {
                    Some(place) if uuids.is(place.position, uuid) => tell(Some(place)),
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

    fn find(&self, hash: u64, uuid: &Uuid, uuids: &UuidColumn) -> Option<Place> {
        let mut at = self.home(hash);
        loop {
            let bucket = &self.buckets[at];
            // No tag may pass for the tag 1, and the place beside it for that of a device that is not in yet.
            let taken = bucket.candidates(tag(hash)).take_while(|&at| at < bucket.used());
            let mut places = taken.map(|at| bucket.place(at));
            if let Some(place) = places.find(|place| uuids.is(place.position, uuid)) {
                return Some(place);
            }
            if !bucket.overflowed() {
                return None;
            }
            at = self.after(at);
        }
    }

    /// Puts a device in, or returns the place of an earlier one with the same UUID.
    fn insert(&mut self, hash: u64, place: Place, uuid: &Uuid, uuids: &UuidColumn) -> Option<Place> {
        if let Some(earlier) = self.find(hash, uuid, uuids) {
            return Some(earlier);
        }
        let mut at = self.home(hash);
        // There is more room than there are devices.
        while self.buckets[at].used() == ROOM {
            self.buckets[at].used |= OVERFLOWED;
            at = self.after(at);
        }
        self.buckets[at].push(tag(hash), place);
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
    use crate::ids::fmix64;

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
            index.for_each(&wanted, &column, |place| found.push(place.map(|p| p.ordinal)));
            prop_assert_eq!(&found, &expected);
            let one_by_one = wanted.iter().map(|u| index.get(u, &column).map(|p| p.ordinal));
            prop_assert_eq!(one_by_one.collect::<Vec<_>>(), expected);
        }

        #[test]
        fn no_place_with_the_tag_is_missed(mut tags in any::<[u8; ROOM]>(), tag in 1u8.., at in 0..ROOM) {
            tags[at] = tag;
            let bucket = Bucket { tags, ..Bucket::default() };
            let candidates: Vec<usize> = bucket.candidates(tag).collect();
            prop_assert!((0..ROOM).filter(|&at| tags[at] == tag).all(|at| candidates.contains(&at)));
            prop_assert!(candidates.is_sorted() && candidates.iter().all(|&at| at < ROOM));
            prop_assert_eq!(tags[candidates[0]], tag, "or a free place would be taken for a device");
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
            let place = |at| Place { position: at, ordinal: at };
            assert!((0..).zip(&uuids).all(|(at, uuid)| index.get(uuid, &column) == Some(place(at))));
            assert_eq!(index.get(&[0; 16], &column), None);
        }
    }

    fn strays(uuids: &[Uuid]) -> usize {
        let (column, layout) = column(uuids, &vec![-1; uuids.len()]);
        let index = UuidIndex::build(&column, &layout).unwrap();
        let is_at_home = |uuid: &Uuid| {
            let (hash, place) = (index.hash(uuid), index.get(uuid, &column).unwrap());
            let bucket = &index.buckets[index.home(hash)];
            (0..bucket.used()).any(|at| bucket.place(at) == place)
        };
        uuids.iter().filter(|uuid| !is_at_home(uuid)).count()
    }

    #[test]
    fn few_devices_lie_beside_their_bucket() {
        // One in 34 are 1765, and chance moves that by some 50.
        let random: Vec<Uuid> =
            (0..60_000).map(|i| (u128::from(fmix64(i)) << 64 | u128::from(fmix64(!i))).to_be_bytes()).collect();
        let found = strays(&random);
        assert!((1_200..2_400).contains(&found), "{found} of 60,000");
        // UUIDs that count up are spread by the hash as its key has it.
        let counting: Vec<Uuid> = (0..60_000u128).map(u128::to_be_bytes).collect();
        let found = strays(&counting);
        assert!(found < 12_000, "{found} of 60,000");
    }

    #[test]
    fn an_empty_column_has_an_index() {
        let (column, layout) = column(&[], &[]);
        assert_eq!(UuidIndex::build(&column, &layout).unwrap().get(&[0; 16], &column), None);
    }
}
