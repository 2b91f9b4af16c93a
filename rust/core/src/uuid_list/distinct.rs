//! The first occurrences in a column of UUIDs.
//!
//! Most lists repeat nothing, and to know it costs less than to look every UUID up. Keyed hashes of them are dealt into
//! parts, and 32 bits of each are put into a bucket of one cache line, in a table for its part that stays in the
//! second-level cache. What was not in its bucket was not seen before. What was may have been, and is looked for in a
//! second pass, with the few others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::ids::Uuid;
use crate::machine::effort::Effort;
use crate::machine::huge_pages;
use crate::machine::thread_pool::{WorkQueue, run_parallel};

/// Hashes of a part, whose buckets have a quarter of a MiB.
const PART: usize = 1 << 15;

/// Hashes that a bucket has room for.
const ROOM: usize = 15;

/// For so many hashes there is a bucket.
const LOAD: usize = 8;

/// To look for a UUID takes as long as to look at so many devices.
const AS_LONG_AS: u64 = 16;

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
    let mut repeated = Vec::new();
    let suspects = suspects(uuids, &hasher, effort);
    if suspects.is_empty() {
        return repeated;
    }
    let filter = Filter::of(&suspects);
    let mut first_rows: HashMap<Uuid, usize, RandomState> = HashMap::default();
    for (row, uuid) in uuids.iter().enumerate() {
        if filter.may_have(hash(&hasher, uuid)) {
            match first_rows.entry(*uuid) {
                Entry::Vacant(place) => _ = place.insert(row),
                Entry::Occupied(first) => repeated.push((row, *first.get())),
            }
        }
    }
    repeated
}

/// The hashes of UUIDs that may stand in an earlier row: of all that do, and of one in some hundred millions that does
/// not.
fn suspects(uuids: &[Uuid], hasher: &RandomState, effort: &Effort) -> Vec<u64> {
    let parts = uuids.len().div_ceil(PART);
    if parts < 2 {
        let mut table = Table::with_room_for(uuids.len());
        return uuids.iter().map(|uuid| hash(hasher, uuid)).filter(|&hash| table.put(hash)).collect();
    }
    let threads = effort.threads_for(uuids.len() as u64 * AS_LONG_AS);
    let share_of_each = uuids.len().div_ceil(threads);
    let capacity = capacity_of_a_part(share_of_each, parts);
    let mut places = huge_pages::zeroed(capacity * parts * threads);
    let queue = WorkQueue::new(uuids.chunks(share_of_each).zip(places.chunks_mut(capacity * parts)));
    let deal = |(uuids, places)| Dealt::of(uuids, hasher, parts, places);
    let dealt: Vec<Dealt<'_>> =
        run_parallel(threads - 1, || queue.items().map(deal).collect::<Vec<_>>()).into_iter().flatten().collect();
    let queue = WorkQueue::new(0..parts);
    let find = || {
        let (mut table, mut suspects) = (Table::with_room_for(PART), Vec::new());
        for part in queue.items() {
            table.clear();
            let hashes = dealt.iter().flat_map(|dealt| dealt.part(part));
            suspects.extend(hashes.copied().filter(|&hash| table.put(hash)));
        }
        suspects
    };
    let mut suspects = run_parallel(threads - 1, find).concat();
    suspects.extend(dealt.into_iter().flat_map(|dealt| dealt.beyond));
    suspects
}

/// How many of so many hashes a part is given room for: as many as chance gives it, and eight times the usual difference
/// more.
fn capacity_of_a_part(hashes: usize, parts: usize) -> usize {
    let mean = hashes / parts;
    mean + 8 * mean.isqrt() + 8
}

/// The hashes of some UUIDs, in parts.
struct Dealt<'a> {
    /// Places: as many for each part.
    hashes: &'a [u64],
    /// How many each part has.
    used: Vec<usize>,
    /// Those that there was no room for: many UUIDs are the same.
    beyond: Vec<u64>,
}

impl<'a> Dealt<'a> {
    fn of(uuids: &[Uuid], hasher: &RandomState, parts: usize, hashes: &'a mut [u64]) -> Self {
        let (mut used, mut beyond) = (vec![0; parts], Vec::new());
        let capacity = hashes.len() / parts;
        for uuid in uuids {
            let hash = hash(hasher, uuid);
            let part = scaled(hash, parts);
            let at = used[part];
            if at < capacity {
                hashes[part * capacity + at] = hash;
                used[part] = at + 1;
            } else {
                beyond.push(hash);
            }
        }
        Self { hashes, used, beyond }
    }

    fn part(&self, part: usize) -> &[u64] {
        &self.hashes[self.hashes.len() / self.used.len() * part..][..self.used[part]]
    }
}

/// Which hashes were seen, of a part or of all.
struct Table(Vec<Bucket>);

/// One cache line: 32 bits of each hash, the uppermost of them set; 0 where there is none; and in the last place how
/// many there are, which is no mark.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket([u32; ROOM + 1]);

const EMPTY: Bucket = Bucket([0; ROOM + 1]);

impl Table {
    fn with_room_for(hashes: usize) -> Self {
        Self(huge_pages::filled(EMPTY, hashes / LOAD + 1))
    }

    fn clear(&mut self) {
        self.0.fill(EMPTY);
    }

    /// Puts a hash into its bucket, or into one after it; whether it was there, or may have been if there was room for
    /// it.
    #[inline]
    fn put(&mut self, hash: u64) -> bool {
        // The upper bits, by which it came into its part, are nearly the same in all of that.
        let (mark, mut at) = (hash as u32 | 1 << 31, scaled(hash << 16, self.0.len()));
        // Few buckets may be full although there is more room in all than there are UUIDs.
        for _ in 0..self.0.len() {
            let bucket = &mut self.0[at].0;
            // All of them at once, without a way out in between.
            if bucket.iter().fold(false, |found, own| found | (*own == mark)) {
                return true;
            }
            let used = bucket[ROOM] as usize;
            if used < ROOM {
                bucket[used] = mark;
                bucket[ROOM] += 1;
                return false;
            }
            at = if at + 1 == self.0.len() { 0 } else { at + 1 };
        }
        true
    }
}

/// A number below `count` for the upper bits of a hash.
#[inline]
fn scaled(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> 64) as usize
}

#[inline]
fn hash(hasher: &RandomState, uuid: &Uuid) -> u64 {
    hasher.hash_one(u128::from_ne_bytes(*uuid))
}

/// Some hashes, and a few more: one bit for each of many values of the lower bits.
struct Filter(Vec<u64>);

impl Filter {
    fn of(hashes: &[u64]) -> Self {
        let mut filter = Self(vec![0; (hashes.len() / 4).next_power_of_two()]);
        for &hash in hashes {
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
        let hashes: Vec<u64> = (0..14u64).map(|i| (i << 40) | i).collect();
        let mut table = Table::with_room_for(0);
        assert!(hashes.iter().all(|&hash| !table.put(hash)));
        assert!(hashes.iter().all(|&hash| table.put(hash | 1 << 31)), "the uppermost bit does not tell marks apart");
        assert!(!table.put(1 << 20), "the last that there is room for");
        assert!(table.put(1 << 21), "nobody knows whether it was there");
        table.clear();
        assert!(!table.put(1 << 21));
        let filter = Filter::of(&hashes);
        assert!(hashes.iter().all(|&hash| filter.may_have(hash)));
        let hasher = RandomState::default();
        assert_eq!(suspects(&[[7; 16], [8; 16], [7; 16]], &hasher, &Effort::default()), [hash(&hasher, &[7; 16])]);
    }

    #[test]
    fn what_a_part_has_no_room_for_is_kept_beside_it() {
        let (hasher, parts) = (RandomState::default(), 4);
        let mut uuids = [[5; 16]; 400];
        for (value, uuid) in (0u128..).zip(&mut uuids[..50]) {
            *uuid = value.to_be_bytes();
        }
        let mut places = vec![0; capacity_of_a_part(uuids.len(), parts) * parts];
        let dealt = Dealt::of(&uuids, &hasher, parts, &mut places);
        assert!(!dealt.beyond.is_empty());
        let in_parts = (0..parts).flat_map(|part| {
            dealt.part(part).iter().inspect(move |hash| {
                assert_eq!(scaled(**hash, parts), part);
            })
        });
        let mut found: Vec<u64> = in_parts.chain(&dealt.beyond).copied().collect();
        let mut expected = uuids.map(|uuid| hash(&hasher, &uuid));
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}
