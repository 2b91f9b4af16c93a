//! The digest by which a set of devices is known for ever.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::huge_pages;
use crate::ids::Uuid;
use crate::nearly_even::sort_nearly_even;
use crate::workers::{Turns, share};

/// UUIDs as numbers, high byte first: they have the order of the bytes, and are compared in one step.
type Number = u128;

/// There is a part for each first byte.
const PARTS: usize = 256;

/// Fewer UUIDs are not worth a second thread.
const MANY: usize = 1 << 15;

/// SHA-256 over 16-byte UUIDs in ascending order.
///
/// They are sorted in parts that stay in a cache, many of them by two threads; what is sorted is hashed meanwhile.
pub fn digest(uuids: impl Iterator<Item = Uuid>) -> [u8; 32] {
    let mut numbers = huge_pages::with_room(uuids.size_hint().0);
    numbers.extend(uuids.map(Number::from_be_bytes));
    let (mut grouped, lengths) = by_first_byte(&numbers);
    let mut rest = &mut grouped[..];
    let parts = lengths.map(|length| rest.split_off_mut(..length).expect("they add up to all"));
    let turns = Turns::of(parts.into_iter().enumerate());
    let (sorted, hashing) = (Mutex::new([None; PARTS]), Mutex::new(Hashing::default()));
    share(usize::from(numbers.len() >= MANY), || {
        let mut room = Room::default();
        for (number, part) in turns.take() {
            room.sort(part);
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

/// Puts numbers together that begin with the same byte. Gives them all, and how many there are of each.
fn by_first_byte(numbers: &[Number]) -> (Vec<Number>, [usize; PARTS]) {
    let part = |number: Number| (number >> 120) as usize;
    let mut lengths = [0; PARTS];
    numbers.iter().for_each(|&number| lengths[part(number)] += 1);
    let mut next = lengths;
    next.iter_mut().fold(0, |before, next| before + std::mem::replace(next, before));
    let mut grouped = huge_pages::filled(0, numbers.len());
    for &number in numbers {
        let next = &mut next[part(number)];
        grouped[*next] = number;
        *next += 1;
    }
    (grouped, lengths)
}

/// Memory in which a part is sorted.
#[derive(Default)]
struct Room {
    sorted: Vec<Number>,
    places: Vec<u32>,
}

impl Room {
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
                assert_eq!(digest(uuids.into_iter()), expected, "{count} {shift}");
            }
        }
    }
}
