//! The first occurrences in a column of UUIDs.
//!
//! Most lists repeat nothing, and to know it costs less than to look every UUID up: 32 bits of a keyed hash of each are
//! put into a bucket of one cache line. What was not in its bucket was not seen before. What was may have been, and is
//! looked for in a second pass, with the few others.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::effort::Effort;
use crate::huge_pages;
use crate::ids::Uuid;
use crate::prefetch::prefetch;
use crate::workers::{Turns, share};

/// UUIDs whose buckets are asked for before the first of them is looked at.
const BATCH: usize = 64;

/// Hashes that a bucket has room for.
const ROOM: usize = 15;

/// For so many UUIDs there is a bucket.
const LOAD: usize = 8;

/// To look for a UUID takes as long as to look at so many devices.
const AS_LONG_AS: u64 = 16;

/// One cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    /// 32 bits of the hash of each UUID, never 0; 0 where there is none.
    marks: [u32; ROOM],
    used: u32,
}

const EMPTY: Bucket = Bucket { marks: [0; ROOM], used: 0 };

/// Drops every UUID that an earlier one is equal to. Returns how many they were.
pub(super) fn keep_first(uuids: &mut Vec<Uuid>, effort: &Effort) -> usize {
    let repeated = find_repeated(uuids, effort);
    if !repeated.is_empty() {
        let (mut repeated, mut rows) = (repeated.iter().map(|&(row, _)| row).peekable(), 0..);
        uuids.retain(|_| repeated.next_if_eq(&rows.next().expect("as many as anyone likes")).is_none());
    }
    repeated.len()
}

/// The rows, ascending, whose UUID an earlier row has, each with the first such row.
pub fn find_repeated(uuids: &[Uuid], effort: &Effort) -> Vec<(usize, usize)> {
    let hasher = RandomState::default();
    let suspects = suspects(uuids, &hasher, effort);
    if suspects.is_empty() {
        return Vec::new();
    }
    // The first row of each UUID that is a suspect's.
    let mut first_rows: HashMap<Uuid, Option<usize>, RandomState> =
        suspects.iter().map(|&row| (uuids[row], None)).collect();
    let filter = Filter::of(suspects.iter().map(|&row| hash(&hasher, &uuids[row])));
    for (row, uuid) in uuids.iter().enumerate() {
        if filter.may_have(hash(&hasher, uuid))
            && let Some(first) = first_rows.get_mut(uuid)
        {
            first.get_or_insert(row);
        }
    }
    let first_row = |row: usize| first_rows[&uuids[row]].expect("at least its own");
    suspects.into_iter().map(|row| (row, first_row(row))).filter(|(row, first)| row != first).collect()
}

/// The rows, ascending, of the UUIDs that may stand in an earlier row: all that do, and one in some hundred millions
/// that does not.
fn suspects(uuids: &[Uuid], hasher: &RandomState, effort: &Effort) -> Vec<usize> {
    let mut buckets = huge_pages::filled(EMPTY, uuids.len() / LOAD + 1);
    let threads = effort.threads_for(uuids.len() as u64 * AS_LONG_AS);
    // Each thread has buckets of its own, and goes over all UUIDs: what takes long is to wait for the buckets.
    let (count, share_of_each) = (buckets.len(), buckets.len().div_ceil(threads));
    let shares = Turns::of(buckets.chunks_mut(share_of_each).enumerate());
    let find = |(number, own): (usize, &mut [Bucket])| {
        Share { first: number * share_of_each, own, count }.suspects(uuids, hasher)
    };
    let mut suspects = share(threads - 1, || shares.take().flat_map(find).collect::<Vec<usize>>()).concat();
    suspects.sort_unstable();
    suspects
}

/// Some of the buckets.
struct Share<'a> {
    /// How many there are before these.
    first: usize,
    own: &'a mut [Bucket],
    /// How many there are in all.
    count: usize,
}

impl Share<'_> {
    /// The rows of those UUIDs that belong into these buckets and may stand in an earlier row.
    fn suspects(self, uuids: &[Uuid], hasher: &RandomState) -> Vec<usize> {
        let mut suspects = Vec::new();
        let (mut marks, mut homes, mut places) = ([0; BATCH], [0; BATCH], [0; BATCH]);
        for (batch, chunk) in uuids.chunks(BATCH).enumerate() {
            let mut belong = 0;
            for (place, uuid) in chunk.iter().enumerate() {
                let hash = hash(hasher, uuid);
                let home = home(hash, self.count).wrapping_sub(self.first);
                prefetch(self.own, home.min(self.own.len()));
                // What belongs to another share is written over.
                (marks[belong % BATCH], homes[belong % BATCH], places[belong % BATCH]) = (mark(hash), home, place);
                belong += usize::from(home < self.own.len());
            }
            for at in 0..belong {
                if put(self.own, homes[at], marks[at]) {
                    suspects.push(batch * BATCH + places[at]);
                }
            }
        }
        suspects
    }
}

/// Puts a mark into its bucket, or into one after it; whether it was there, or may have been if there was room for it.
#[inline]
fn put(buckets: &mut [Bucket], home: usize, mark: u32) -> bool {
    let mut at = home;
    // Few buckets may be full although there is more room in all than there are UUIDs.
    for _ in 0..buckets.len() {
        let bucket = &mut buckets[at];
        // All of them at once, without a way out in between.
        if bucket.marks.iter().fold(false, |found, own| found | (*own == mark)) {
            return true;
        }
        if let Some(place) = bucket.marks.get_mut(bucket.used as usize) {
            *place = mark;
            bucket.used += 1;
            return false;
        }
        at = if at + 1 == buckets.len() { 0 } else { at + 1 };
    }
    true
}

#[inline]
fn home(hash: u64, buckets: usize) -> usize {
    ((u128::from(hash) * buckets as u128) >> 64) as usize
}

/// What stands for a hash in a bucket.
#[inline]
fn mark(hash: u64) -> u32 {
    hash as u32 | 1
}

#[inline]
fn hash(hasher: &RandomState, uuid: &Uuid) -> u64 {
    hasher.hash_one(u128::from_ne_bytes(*uuid))
}

/// Some hashes, and a few more: one bit for each of many values of the lower bits.
struct Filter(Vec<u64>);

impl Filter {
    fn of(hashes: impl ExactSizeIterator<Item = u64>) -> Self {
        let mut filter = Self(vec![0; (hashes.len() / 4).next_power_of_two()]);
        for hash in hashes {
            let (word, bit) = filter.place(hash);
            filter.0[word] |= 1 << bit;
        }
        filter
    }

    #[inline]
    fn may_have(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        self.0[word] >> bit & 1 == 1
    }

    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        ((hash >> 6) as usize & (self.0.len() - 1), hash & 63)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::num::NonZero;

    use proptest::prelude::*;

    use super::*;

    fn check(list: &[u128]) {
        let uuids: Vec<Uuid> = list.iter().map(|value| value.to_be_bytes()).collect();
        let mut seen = HashSet::new();
        let expected: Vec<Uuid> = uuids.iter().copied().filter(|uuid| seen.insert(*uuid)).collect();
        for threads in [1, 3] {
            let effort = Effort { threads: NonZero::new(threads), ..Effort::default() };
            let mut kept = uuids.clone();
            assert_eq!(keep_first(&mut kept, &effort), list.len() - expected.len(), "{effort:?}");
            assert_eq!(kept, expected, "{effort:?}");
        }
    }

    proptest! {
        #[test]
        fn keeps_what_a_plain_set_has_not_seen(list in prop::collection::vec(0u128..500, 0..600)) {
            check(&list);
        }
    }

    #[test]
    fn large_lists_with_no_repeats_with_few_and_of_one_uuid() {
        let mut list: Vec<u128> = (0..200_000).collect();
        check(&list);
        (list[77_777], list[199_999]) = (12_345, 0);
        check(&list);
        check(&[5; 100_000]);
    }

    #[test]
    fn marks_that_pass_for_others_drop_nothing() {
        // One bucket for all: every mark that is equal to another's makes a suspect of a UUID that is none.
        let hasher = RandomState::default();
        let hashes: Vec<u64> = (0..14u64).map(|i| (i << 40) | (2 * i)).collect();
        let mut bucket = [EMPTY];
        assert!(hashes.iter().all(|&hash| !put(&mut bucket, 0, mark(hash))));
        assert!(
            hashes.iter().all(|&hash| put(&mut bucket, 0, mark(hash | 1))),
            "the lowest bit does not tell marks apart"
        );
        assert!(!put(&mut bucket, 0, mark(1 << 20)), "the last that there is room for");
        assert!(put(&mut bucket, 0, mark(1 << 21)), "nobody knows whether it was there");
        let filter = Filter::of(hashes.iter().copied());
        assert!(hashes.iter().all(|&hash| filter.may_have(hash)));
        assert_eq!(suspects(&[[7; 16], [8; 16], [7; 16]], &hasher, &Effort::default()), [2]);
    }
}
