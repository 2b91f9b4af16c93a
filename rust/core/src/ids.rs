//! UUIDs, ordinals, and the identity hash that the sampling algorithm uses.

/// A device's UUID: 16 bytes in the order of the text form.
pub type Uuid = [u8; 16];

/// A device's number in its factory: 0, 1, 2 …
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

/// The inverse of [`fmix64`].
pub(crate) const fn unfmix64(mut h: u64) -> u64 {
    // `h ^= h >> 33` is its own inverse; multiply by the inverse of each factor modulo 2⁶⁴.
    h ^= h >> 33;
    h = h.wrapping_mul(inverse(0xC4CE_B9FE_1A85_EC53));
    h ^= h >> 33;
    h = h.wrapping_mul(inverse(0xFF51_AFD7_ED55_8CCD));
    h ^ (h >> 33)
}

/// The inverse of an odd number modulo 2⁶⁴, by Newton's method: each step doubles the number of correct low bits, from 3.
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

/// The upper and the lower half of a UUID, big-endian.
#[inline]
pub(crate) const fn halves(uuid: &Uuid) -> (u64, u64) {
    let both = u128::from_be_bytes(*uuid);
    ((both >> 64) as u64, both as u64)
}

/// The 64-bit identity hash of a UUID (algorithm 1, point 2).
///
/// A fleet stores it for each device, so that a selection does not read UUIDs.
///
/// # Examples
/// ```
/// use groundswell_core::ids::identity_hash;
///
/// assert_ne!(identity_hash(&[1; 16]), identity_hash(&[2; 16]));
/// ```
#[inline]
pub const fn identity_hash(uuid: &Uuid) -> u64 {
    let (upper, lower) = halves(uuid);
    fmix64((lower ^ LOWER_KEY).wrapping_add(fmix64(upper ^ UPPER_KEY)))
}

/// The lower half of the UUID with this upper half and identity hash. For any pair there is exactly one.
#[inline]
pub(crate) const fn lower_half(upper: u64, identity: u64) -> u64 {
    unfmix64(identity).wrapping_sub(fmix64(upper ^ UPPER_KEY)) ^ LOWER_KEY
}

/// The text form of a UUID: lower case, hyphenated.
///
/// # Examples
/// ```
/// use groundswell_core::ids::format_uuid;
///
/// assert_eq!(format_uuid(&[0xAB; 16]), "abababab-abab-abab-abab-abababababab");
/// ```
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
