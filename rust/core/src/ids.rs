//! UUIDs, ordinals, and the identity hash by which a device enters the sampling algorithm.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::huge_pages;
use crate::workers::share;

/// A device's UUID: 16 bytes, big-endian, in the order in which they are printed.
pub type Uuid = [u8; 16];

/// A device's dense 32-bit number in its factory.
pub type Ordinal = u32;

/// MurmurHash3's 64-bit finalizer, a bijection.
#[inline]
pub const fn fmix64(mut h: u64) -> u64 {
    h ^= h >> 33;
    h = h.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    h ^= h >> 33;
    h = h.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    h ^ (h >> 33)
}

/// The number of which [`fmix64`] is this.
pub(crate) const fn unfmix64(mut h: u64) -> u64 {
    // A shift by more than half undoes itself, and a product is undone by the inverse of an odd factor.
    h ^= h >> 33;
    h = h.wrapping_mul(inverse(0xC4CE_B9FE_1A85_EC53));
    h ^= h >> 33;
    h = h.wrapping_mul(inverse(0xFF51_AFD7_ED55_8CCD));
    h ^ (h >> 33)
}

/// The inverse of an odd number modulo 2⁶⁴: each of Newton's steps doubles the lower bits that are right, at first 3.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut bits = 3;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}

const UPPER_KEY: u64 = 0xA076_1D64_78BD_642F;
const LOWER_KEY: u64 = 0xE703_7ED1_A0B4_28DB;

/// The big-endian halves of a UUID, the upper one first.
#[inline]
pub(crate) const fn halves(uuid: &Uuid) -> (u64, u64) {
    let both = u128::from_be_bytes(*uuid);
    ((both >> 64) as u64, both as u64)
}

/// The 64-bit identity hash of a UUID (algorithm 1, point 2).
///
/// It is kept for each device, so that a selection never reads the UUIDs themselves.
#[inline]
pub const fn identity_hash(uuid: &Uuid) -> u64 {
    let (upper, lower) = halves(uuid);
    fmix64((lower ^ LOWER_KEY).wrapping_add(fmix64(upper ^ UPPER_KEY)))
}

/// The lower half of the UUID that has this upper half and this identity hash: there is one for any two.
#[inline]
pub(crate) const fn lower_half(upper: u64, identity: u64) -> u64 {
    unfmix64(identity).wrapping_sub(fmix64(upper ^ UPPER_KEY)) ^ LOWER_KEY
}

/// SHA-256 over 16-byte UUIDs in ascending order: the digest by which a set of devices is known for ever.
pub fn digest(uuids: impl Iterator<Item = Uuid>) -> [u8; 32] {
    const BLOCK: usize = 1024;
    // As numbers, high byte first: they have the order of the bytes, and are compared in one step.
    let mut numbers = huge_pages::with_room(uuids.size_hint().0);
    numbers.extend(uuids.map(u128::from_be_bytes));
    let mut hash = Sha256::new();
    for part in sorted(numbers).chunks_mut(BLOCK) {
        part.iter_mut().for_each(|number| *number = number.to_be());
        hash.update(bytemuck::cast_slice::<u128, u8>(part));
    }
    hash.finalize().into()
}

/// Sorts numbers: many of them in parts that stay in a cache, by two threads.
fn sorted(mut numbers: Vec<u128>) -> Vec<u128> {
    const MANY: usize = 1 << 15;
    const PARTS: usize = 256;
    if numbers.len() < MANY {
        numbers.sort_unstable();
        return numbers;
    }
    // UUIDs differ in their first byte, as a rule; where they do not, one part is all of them.
    let part = |number: u128| (number >> 120) as usize;
    let mut lengths = [0; PARTS];
    numbers.iter().for_each(|&number| lengths[part(number)] += 1);
    let mut next = lengths;
    next.iter_mut().fold(0, |before, next| before + std::mem::replace(next, before));
    let mut sorted = huge_pages::filled(0, numbers.len());
    for number in numbers {
        let next = &mut next[part(number)];
        sorted[*next] = number;
        *next += 1;
    }
    let mut rest = &mut sorted[..];
    let parts = lengths.map(|length| rest.split_off_mut(..length).expect("they add up to all"));
    let turns = Mutex::new(parts.into_iter());
    let take_turn = || turns.lock().unwrap_or_else(PoisonError::into_inner).next();
    share(1, || {
        while let Some(part) = take_turn() {
            part.sort_unstable();
        }
    });
    drop(turns);
    sorted
}

/// A UUID as it is printed: lower case, hyphenated.
pub fn format_uuid(uuid: &Uuid) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_sorted_however_many_and_wherever_they_differ() {
        for count in [0, 1, 1000, 40_000, 100_000] {
            for shift in [0, 64, 100, 127] {
                let random = |i: u64| u128::from(fmix64(i)) << 64 | u128::from(fmix64(!i));
                let numbers: Vec<u128> = (0..count).map(|i| random(i) >> shift).collect();
                let mut expected = numbers.clone();
                expected.sort();
                assert_eq!(sorted(numbers), expected, "{count} {shift}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_upper_half_and_the_identity_hash_are_the_uuid(uuid in any::<Uuid>(), number in any::<u64>()) {
            let (upper, lower) = halves(&uuid);
            prop_assert_eq!(lower_half(upper, identity_hash(&uuid)), lower);
            prop_assert_eq!(unfmix64(fmix64(number)), number);
            prop_assert_eq!(fmix64(unfmix64(number)), number);
        }
    }

    #[test]
    fn printed_form_is_lower_case_and_hyphenated() {
        let mut uuid = [0u8; 16];
        for (i, byte) in uuid.iter_mut().enumerate() {
            *byte = (i as u8) * 0x11;
        }
        assert_eq!(format_uuid(&uuid), "00112233-4455-6677-8899-aabbccddeeff");
    }
}
