//! The first occurrences in a column of UUIDs.
//!
//! Most lists repeat nothing, and to know it costs less than to look every UUID up: 32 bits of a keyed hash of each are
//! put into a bucket of one cache line. What was not in its bucket was not seen before. What was may have been, and is
//! looked for in a second pass, with the few others.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::huge_pages;
use crate::ids::Uuid;
use crate::kernel::Kernel;
use crate::prefetch::prefetch;

/// UUIDs whose buckets are asked for before the first of them is looked at.
const BATCH: usize = 64;

/// Hashes that a bucket has room for.
const ROOM: usize = 15;

/// For so many UUIDs there is a bucket.
const LOAD: usize = 8;

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
pub(super) fn keep_first(uuids: &mut Vec<Uuid>, kernel: Kernel) -> usize {
    let repeated = find_repeated(uuids, kernel);
    if !repeated.is_empty() {
        let (mut repeated, mut rows) = (repeated.iter().map(|&(row, _)| row).peekable(), 0..);
        uuids.retain(|_| repeated.next_if_eq(&rows.next().expect("as many as anyone likes")).is_none());
    }
    repeated.len()
}

/// The rows, ascending, whose UUID an earlier row has, each with the first such row.
pub fn find_repeated(uuids: &[Uuid], kernel: Kernel) -> Vec<(usize, usize)> {
    let hasher = RandomState::default();
    let suspects = suspects(uuids, &hasher, kernel);
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
fn suspects(uuids: &[Uuid], hasher: &RandomState, kernel: Kernel) -> Vec<usize> {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "benches/kernels.rs: a bucket is one register of AVX-512")]
    if kernel.has_avx512() {
        // SAFETY: a kernel says so only where the CPU was found to have what the function is compiled for.
        return unsafe { suspects_avx512(uuids, hasher) };
    }
    let _ = kernel;
    suspects_with(uuids, hasher)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn suspects_avx512(uuids: &[Uuid], hasher: &RandomState) -> Vec<usize> {
    suspects_with(uuids, hasher)
}

/// Inlined, as all that it calls for each UUID, so that it is compiled for the instructions of its caller.
#[inline(always)]
fn suspects_with(uuids: &[Uuid], hasher: &RandomState) -> Vec<usize> {
    let mut buckets = huge_pages::filled(EMPTY, uuids.len() / LOAD + 1);
    let mut suspects = Vec::new();
    let mut hashes = [0; BATCH];
    for (batch, chunk) in uuids.chunks(BATCH).enumerate() {
        for (place, uuid) in hashes.iter_mut().zip(chunk) {
            *place = hash(hasher, uuid);
            prefetch(&buckets, home(*place, buckets.len()));
        }
        for (at, &hash) in hashes[..chunk.len()].iter().enumerate() {
            if put(&mut buckets, hash) {
                suspects.push(batch * BATCH + at);
            }
        }
    }
    suspects
}

/// Puts a hash into its bucket; whether one that passes for it was there.
#[inline(always)]
fn put(buckets: &mut [Bucket], hash: u64) -> bool {
    let mark = hash as u32 | 1;
    let mut at = home(hash, buckets.len());
    loop {
        let bucket = &mut buckets[at];
        // All of them at once, without a way out in between.
        if bucket.marks.iter().fold(false, |found, own| found | (*own == mark)) {
            return true;
        }
        // There is more room than there are UUIDs.
        if let Some(place) = bucket.marks.get_mut(bucket.used as usize) {
            *place = mark;
            bucket.used += 1;
            return false;
        }
        at = if at + 1 == buckets.len() { 0 } else { at + 1 };
    }
}

#[inline]
fn home(hash: u64, buckets: usize) -> usize {
    ((u128::from(hash) * buckets as u128) >> 64) as usize
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

    use proptest::prelude::*;

    use super::*;

    fn check(list: &[u128]) {
        let uuids: Vec<Uuid> = list.iter().map(|value| value.to_be_bytes()).collect();
        let mut seen = HashSet::new();
        let expected: Vec<Uuid> = uuids.iter().copied().filter(|uuid| seen.insert(*uuid)).collect();
        for kernel in Kernel::all() {
            let mut kept = uuids.clone();
            assert_eq!(keep_first(&mut kept, kernel), list.len() - expected.len(), "{kernel:?}");
            assert_eq!(kept, expected, "{kernel:?}");
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
        assert!(hashes.iter().all(|&hash| !put(&mut bucket, hash)));
        assert!(hashes.iter().all(|&hash| put(&mut bucket, hash | 1)), "the lowest bit does not tell marks apart");
        let filter = Filter::of(hashes.iter().copied());
        assert!(hashes.iter().all(|&hash| filter.may_have(hash)));
        assert_eq!(suspects(&[[7; 16], [8; 16], [7; 16]], &hasher, Kernel::PORTABLE), [2]);
    }
}
