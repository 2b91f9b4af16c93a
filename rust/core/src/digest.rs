//! The digest by which a set of devices is known for ever.

use std::slice::IterMut;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::ids::Uuid;
use crate::machine::bucket_sort::sort_nearly_even;
use crate::machine::huge_pages;
use crate::machine::thread_pool::{Turns, share};

/// UUIDs as numbers, high byte first: they have the order of the bytes, and are compared in one step.
type Number = u128;

/// There is a part for each first byte.
const PARTS: usize = 256;

/// Fewer UUIDs are not worth a second thread.
const MANY: usize = 1 << 15;

/// SHA-256 over 16-byte UUIDs in ascending order.
///
/// They are sorted in parts that stay in a cache, many of them by two threads; what is sorted is hashed meanwhile.
pub fn digest(uuids: &[Uuid]) -> [u8; 32] {
    let threads = if uuids.len() < MANY { 1 } else { 2 };
    let (mut grouped, lengths) = by_first_byte(uuids, threads);
    let mut rest = &mut grouped[..];
    let parts = lengths.map(|length| rest.split_off_mut(..length).expect("they add up to all"));
    let turns = Turns::of(parts.into_iter().enumerate());
    let (sorted, hashing) = (Mutex::new([None; PARTS]), Mutex::new(Hashing::default()));
    share(threads - 1, || {
        let mut scratch = Scratch::default();
        for (number, part) in turns.take() {
            scratch.sort(part);
            let part: &[Number] = part;
            lock(&sorted)[number] = Some(part);
            // Whoever comes while another hashes sorts on.
            if let Ok(mut hashing) = hashing.try_lock() {
                hashing.go_on(&sorted);
            }
        }
    });
    let mut hashing = hashing.into_inner().unwrap_or_else(PoisonError::into_inner);
    hashing.go_on(&sorted);
    hashing.hash.finalize().into()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts those together that begin with the same byte, as numbers. Gives them all, and how many there are of each.
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
    // Where the UUIDs of each share go: of each part to some places next to each other.
    let mut places: Vec<Vec<IterMut<'_, Number>>> = shares.iter().map(|_| Vec::with_capacity(PARTS)).collect();
    for part in 0..PARTS {
        for (of_share, places) in of_shares.iter().zip(&mut places) {
            places.push(rest.split_off_mut(..of_share[part]).expect("they add up to all").iter_mut());
        }
    }
    let turns = Turns::of(shares.into_iter().zip(places));
    share(threads - 1, || {
        for (uuids, mut places) in turns.take() {
            for uuid in uuids {
                let place = places[usize::from(uuid[0])].next().expect("one for each that was counted");
                *place = Number::from_be_bytes(*uuid);
            }
        }
    });
    (grouped, lengths)
}

/// Memory in which a part is sorted.
#[derive(Default)]
struct Scratch {
    sorted: Vec<Number>,
    places: Vec<u32>,
}

impl Scratch {
    /// Sorts numbers that begin with the same byte, and makes them the bytes of the UUIDs again.
    fn sort(&mut self, part: &mut [Number]) {
        self.sorted.clear();
        self.sorted.resize(part.len(), 0);
        // Those of most UUIDs are random: the bytes after the first are nearly even.
        let covered = |number: Number| (number >> 88) as u32;
        sort_nearly_even(part, &mut self.sorted, &mut self.places, covered, |a, b| a < b);
        part.iter_mut().zip(&self.sorted).for_each(|(place, number)| *place = number.to_be());
    }
}

/// How far the parts are hashed.
#[derive(Default)]
struct Hashing {
    hash: Sha256,
    /// The number of the first part that is not.
    next: usize,
}

impl Hashing {
    /// Hashes the parts that come next, as long as they are sorted.
    fn go_on(&mut self, sorted: &Mutex<[Option<&[Number]>; PARTS]>) {
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
    fn it_is_that_of_the_sorted_bytes_however_many_and_wherever_they_differ() {
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
