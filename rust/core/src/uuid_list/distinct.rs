//! Repeated UUIDs in a column, with a filter for the common case that there is none.
//!
//! The first pass partitions the hashes of the UUIDs and inserts 32 bits of each into a table that fits in the L2 cache.
//! A miss proves that a value is new. A hit may be a false positive; a second pass checks those exactly.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::ids::Uuid;
use crate::machine::effort::Effort;
use crate::machine::huge_pages;
use crate::machine::thread_pool::{WorkQueue, run_parallel};

/// Hashes per partition; their table has a quarter of a MiB.
const PARTITION: usize = 1 << 15;

/// The capacity of a bucket.
const SLOTS: usize = 15;

/// The target load of a bucket.
const LOAD: usize = 8;

/// Cost of checking one UUID, in units of scanning one device.
const CHECK_COST: u64 = 16;

/// Removes every UUID that is equal to an earlier one. Returns how many it removed.
pub(super) fn keep_first(uuids: &mut Vec<Uuid>, effort: &Effort) -> usize {
    let repeated = find_repeated(uuids, effort);
    if !repeated.is_empty() {
        let (mut repeated, mut rows) = (repeated.iter().map(|&(row, _)| row).peekable(), 0..);
        uuids.retain(|_| repeated.next_if_eq(&rows.next().expect("an endless range")).is_none());
    }
    repeated.len()
}

/// The rows, ascending, whose UUID is in an earlier row, each with the first row of that UUID.
///
/// # Examples
/// ```
/// use groundswell_core::{Effort, uuid_list::find_repeated};
///
/// let uuids = [[7; 16], [8; 16], [7; 16]];
/// assert_eq!(find_repeated(&uuids, &Effort::default()), [(2, 0)]);
/// ```
pub fn find_repeated(uuids: &[Uuid], effort: &Effort) -> Vec<(usize, usize)> {
    let hasher = RandomState::default();
    let mut repeated = Vec::new();
    let suspects = suspects(uuids, &hasher, effort);
    if suspects.is_empty() {
        return repeated;
    }
    let filter = Filter::of(&suspects);
    let mut first_rows: HashMap<Uuid, usize, RandomState> = HashMap::default();
    for (row, uuid) in uuids.iter().enumerate() {
        if filter.may_contain(hash(&hasher, uuid)) {
            match first_rows.entry(*uuid) {
                Entry::Vacant(place) => _ = place.insert(row),
                Entry::Occupied(first) => repeated.push((row, *first.get())),
            }
        }
    }
    repeated
}

/// The hashes of the UUIDs that may be in an earlier row. Includes all that are; about one in 10⁸ is a false positive.
fn suspects(uuids: &[Uuid], hasher: &RandomState, effort: &Effort) -> Vec<u64> {
    let partitions = uuids.len().div_ceil(PARTITION);
    if partitions < 2 {
        let mut table = Table::with_capacity(uuids.len());
        return uuids.iter().map(|uuid| hash(hasher, uuid)).filter(|&hash| table.insert(hash)).collect();
    }
    let threads = effort.threads_for(uuids.len() as u64 * CHECK_COST);
    let share_of_each = uuids.len().div_ceil(threads);
    let capacity = partition_capacity(share_of_each, partitions);
    let mut slots = huge_pages::zeroed(capacity * partitions * threads);
    let queue = WorkQueue::new(uuids.chunks(share_of_each).zip(slots.chunks_mut(capacity * partitions)));
    let partition = |(uuids, slots)| Partitioned::of(uuids, hasher, partitions, slots);
    let partitioned: Vec<Partitioned<'_>> =
        run_parallel(threads - 1, || queue.items().map(partition).collect::<Vec<_>>()).into_iter().flatten().collect();
    let queue = WorkQueue::new(0..partitions);
    let find = || {
        let (mut table, mut suspects) = (Table::with_capacity(PARTITION), Vec::new());
        for number in queue.items() {
            table.clear();
            let hashes = partitioned.iter().flat_map(|share| share.partition(number));
            suspects.extend(hashes.copied().filter(|&hash| table.insert(hash)));
        }
        suspects
    };
    let mut suspects = run_parallel(threads - 1, find).concat();
    suspects.extend(partitioned.into_iter().flat_map(|share| share.overflow));
    suspects
}

/// The capacity of a partition: the expected number of its hashes and eight standard deviations more.
fn partition_capacity(hashes: usize, partitions: usize) -> usize {
    let mean = hashes / partitions;
    mean + 8 * mean.isqrt() + 8
}

/// The hashes of some UUIDs by partition.
struct Partitioned<'a> {
    /// The same number of slots for each partition.
    hashes: &'a [u64],
    /// The number of used slots per partition.
    used: Vec<usize>,
    /// Hashes that did not fit, because many UUIDs are equal.
    overflow: Vec<u64>,
}

impl<'a> Partitioned<'a> {
    fn of(uuids: &[Uuid], hasher: &RandomState, partitions: usize, hashes: &'a mut [u64]) -> Self {
        let (mut used, mut overflow) = (vec![0; partitions], Vec::new());
        let capacity = hashes.len() / partitions;
        for uuid in uuids {
            let hash = hash(hasher, uuid);
            let partition = scaled(hash, partitions);
            let at = used[partition];
            if at < capacity {
                hashes[partition * capacity + at] = hash;
                used[partition] = at + 1;
            } else {
                overflow.push(hash);
            }
        }
        Self { hashes, used, overflow }
    }

    fn partition(&self, number: usize) -> &[u64] {
        &self.hashes[self.hashes.len() / self.used.len() * number..][..self.used[number]]
    }
}

/// A set of hashes of one partition, with false positives.
struct Table(Vec<Bucket>);

/// One cache line: a mark per hash, which is its lower 32 bits with the top bit set; 0 for a free slot; and in the last
/// element the number of used slots, which is never a mark.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket([u32; SLOTS + 1]);

const EMPTY: Bucket = Bucket([0; SLOTS + 1]);

impl Table {
    fn with_capacity(hashes: usize) -> Self {
        Self(huge_pages::filled(EMPTY, hashes / LOAD + 1))
    }

    fn clear(&mut self) {
        self.0.fill(EMPTY);
    }

    /// Inserts a hash. Returns whether it may have been there before: its mark was, or the table is full.
    #[inline]
    fn insert(&mut self, hash: u64) -> bool {
        // The upper bits chose the partition, so they are nearly the same for all its hashes.
        let (mark, mut at) = (hash as u32 | 1 << 31, scaled(hash << 16, self.0.len()));
        // A full bucket overflows to the next. The loop ends even if all are full.
        for _ in 0..self.0.len() {
            let bucket = &mut self.0[at].0;
            // A fold, because a loop without an early exit vectorises.
            if bucket.iter().fold(false, |found, own| found | (*own == mark)) {
                return true;
            }
            let used = bucket[SLOTS] as usize;
            if used < SLOTS {
                bucket[used] = mark;
                bucket[SLOTS] += 1;
                return false;
            }
            at = if at + 1 == self.0.len() { 0 } else { at + 1 };
        }
        true
    }
}

/// Maps the upper bits of a hash to a number below `count`.
#[inline]
fn scaled(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> 64) as usize
}

#[inline]
fn hash(hasher: &RandomState, uuid: &Uuid) -> u64 {
    hasher.hash_one(u128::from_ne_bytes(*uuid))
}

/// A Bloom filter with one hash function: the lower bits of the hash.
struct Filter(Vec<u64>);

impl Filter {
    fn of(hashes: &[u64]) -> Self {
        let mut filter = Self(vec![0; (hashes.len() / 4).next_power_of_two()]);
        for &hash in hashes {
            let (word, bit) = filter.locate(hash);
            filter.0[word] |= 1 << bit;
        }
        filter
    }

    #[inline]
    fn may_contain(&self, hash: u64) -> bool {
        let (word, bit) = self.locate(hash);
        self.0[word] >> bit & 1 == 1
    }

    #[inline]
    fn locate(&self, hash: u64) -> (usize, u64) {
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
        fn first_occurrences_are_kept(list in prop::collection::vec(0u128..500, 0..600)) {
            check(&list);
        }
    }

    #[test]
    fn large_lists_without_repeats_with_few_and_of_one_uuid() {
        let mut list: Vec<u128> = (0..200_000).collect();
        check(&list);
        (list[77_777], list[199_999]) = (12_345, 0);
        check(&list);
        check(&[5; 100_000]);
    }

    #[test]
    fn false_positives_drop_nothing() {
        // One bucket: equal marks of different hashes are false positives.
        let hashes: Vec<u64> = (0..14u64).map(|i| (i << 40) | i).collect();
        let mut table = Table::with_capacity(0);
        assert!(hashes.iter().all(|&hash| !table.insert(hash)));
        assert!(hashes.iter().all(|&hash| table.insert(hash | 1 << 31)), "marks ignore the top bit");
        assert!(!table.insert(1 << 20), "the last free slot");
        assert!(table.insert(1 << 21), "a full table answers yes");
        table.clear();
        assert!(!table.insert(1 << 21));
        let filter = Filter::of(&hashes);
        assert!(hashes.iter().all(|&hash| filter.may_contain(hash)));
        let hasher = RandomState::default();
        assert_eq!(suspects(&[[7; 16], [8; 16], [7; 16]], &hasher, &Effort::default()), [hash(&hasher, &[7; 16])]);
    }

    #[test]
    fn hashes_beyond_the_capacity_overflow() {
        let (hasher, partitions) = (RandomState::default(), 4);
        let mut uuids = [[5; 16]; 400];
        for (value, uuid) in (0u128..).zip(&mut uuids[..50]) {
            *uuid = value.to_be_bytes();
        }
        let mut slots = vec![0; partition_capacity(uuids.len(), partitions) * partitions];
        let partitioned = Partitioned::of(&uuids, &hasher, partitions, &mut slots);
        assert!(!partitioned.overflow.is_empty());
        let in_partitions = (0..partitions).flat_map(|number| {
            partitioned.partition(number).iter().inspect(move |hash| {
                assert_eq!(scaled(**hash, partitions), number);
            })
        });
        let mut found: Vec<u64> = in_partitions.chain(&partitioned.overflow).copied().collect();
        let mut expected = uuids.map(|uuid| hash(&hasher, &uuid));
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}
