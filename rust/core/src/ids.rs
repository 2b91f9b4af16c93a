//! UUIDs, ordinals, and the identity hash by which a device enters the sampling algorithm.

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
