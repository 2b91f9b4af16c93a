//! The digest of a set of devices: SHA-256 over its sorted UUIDs.

use std::slice::IterMut;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::ids::Uuid;
use crate::machine::bucket_sort::bucket_sort;
use crate::machine::huge_pages;
use crate::machine::thread_pool::{WorkQueue, run_parallel};

/// A UUID as a big-endian number, which compares like its bytes, in one operation.
type Number = u128;

/// One part for each value of the first byte.
const PARTS: usize = 256;

/// From this many UUIDs on, a second thread pays.
const MIN_PARALLEL: usize = 1 << 15;

/// SHA-256 over 16-byte UUIDs in ascending order. The order of `uuids` does not matter; repeats count.
///
/// Sorts in parts that fit in the cache, with two threads for many UUIDs, and hashes each part as soon as it is sorted.
///
/// # Examples
/// ```
/// use groundswell_core::digest::digest;
///
/// assert_eq!(digest(&[[2; 16], [1; 16]]), digest(&[[1; 16], [2; 16]]));
/// ```
pub fn digest(uuids: &[Uuid]) -> [u8; 32] {
    let threads = if uuids.len() < MIN_PARALLEL { 1 } else { 2 };
    let (mut grouped, lengths) = by_first_byte(uuids, threads);
    let mut rest = &mut grouped[..];
    let parts = lengths.map(|length| rest.split_off_mut(..length).expect("they add up to all"));
    let queue = WorkQueue::new(parts.into_iter().enumerate());
    let (sorted, hashing) = (Mutex::new([None; PARTS]), Mutex::new(Hashing::default()));
    run_parallel(threads - 1, || {
        let mut scratch = Scratch::default();
        for (number, part) in queue.items() {
            scratch.sort(part);
            let part: &[Number] = part;
            lock(&sorted)[number] = Some(part);
            // While the other thread hashes, this one sorts the next part.
            if let Ok(mut hashing) = hashing.try_lock() {
                hashing.advance(&sorted);
            }
        }
    });
    let mut hashing = hashing.into_inner().unwrap_or_else(PoisonError::into_inner);
    hashing.advance(&sorted);
    hashing.hash.finalize().into()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Groups UUIDs by their first byte, as numbers. Returns them and the size of each group.
fn by_first_byte(uuids: &[Uuid], threads: usize) -> (Vec<Number>, [usize; PARTS]) {
    let shares: Vec<&[Uuid]> = uuids.chunks(uuids.len().div_ceil(threads).max(1)).collect();
    let mut lengths = [0; PARTS];
    let mut of_shares = vec![[0; PARTS]; shares.len()];
    for (share, of_share) in shares.iter().zip(&mut of_shares) {
        share.iter().for_each(|uuid| of_share[usize::from(uuid[0])] += 1);
        lengths.iter_mut().zip(&*of_share).for_each(|(length, more)| *length += more);
    }
    let mut grouped = huge_pages::zeroed(uuids.len());
    let mut rest = &mut grouped[..];
    // For each share of the input and each part: the slots that it fills, which are adjacent.
    let mut places: Vec<Vec<IterMut<'_, Number>>> = shares.iter().map(|_| Vec::with_capacity(PARTS)).collect();
    for part in 0..PARTS {
        for (of_share, places) in of_shares.iter().zip(&mut places) {
            places.push(rest.split_off_mut(..of_share[part]).expect("they add up to all").iter_mut());
        }
    }
    let queue = WorkQueue::new(shares.into_iter().zip(places));
    run_parallel(threads - 1, || {
        for (uuids, mut places) in queue.items() {
            for uuid in uuids {
                let place = places[usize::from(uuid[0])].next().expect("one for each that was counted");
                *place = Number::from_be_bytes(*uuid);
            }
        }
    });
    (grouped, lengths)
}

/// Reused memory for sorting a part.
#[derive(Default)]
struct Scratch {
    sorted: Vec<Number>,
    starts: Vec<u32>,
}

impl Scratch {
    /// Sorts numbers that begin with the same byte, and converts them back to the bytes of the UUIDs.
    fn sort(&mut self, part: &mut [Number]) {
        self.sorted.clear();
        self.sorted.resize(part.len(), 0);
        // Most UUIDs are random, so the bytes after the first are nearly uniform.
        let key = |number: Number| (number >> 88) as u32;
        bucket_sort(part, &mut self.sorted, &mut self.starts, key, |a, b| a < b);
        part.iter_mut().zip(&self.sorted).for_each(|(place, number)| *place = number.to_be());
    }
}

/// The hash of the parts so far.
#[derive(Default)]
struct Hashing {
    hash: Sha256,
    /// The first part that is not hashed.
    next: usize,
}

impl Hashing {
    /// Hashes the next parts up to the first that is not sorted.
    fn advance(&mut self, sorted: &Mutex<[Option<&[Number]>; PARTS]>) {
        let sorted = |number: usize| lock(sorted).get(number).copied().flatten();
        while let Some(part) = sorted(self.next) {
            self.hash.update(bytemuck::cast_slice::<Number, u8>(part));
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::fmix64;

    #[test]
    fn the_digest_is_sha256_of_the_sorted_bytes() {
        for count in [0, 1, 1000, 40_000, 100_000] {
            for shift in [0, 64, 100, 127] {
                let random = |i: u64| u128::from(fmix64(i)) << 64 | u128::from(fmix64(!i));
                let uuids: Vec<Uuid> = (0..count).map(|i| (random(i) >> shift).to_be_bytes()).collect();
                let mut expected = uuids.clone();
                expected.sort();
                let expected: [u8; 32] = Sha256::digest(expected.as_flattened()).into();
                assert_eq!(digest(&uuids), expected, "{count} {shift}");
            }
        }
    }
}
