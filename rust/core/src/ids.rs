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

/// The 64-bit identity hash of a UUID (algorithm 1, point 2).
///
/// It is kept for each device, so that a selection never reads the UUIDs themselves.
#[inline]
pub const fn identity_hash(uuid: &Uuid) -> u64 {
    let both = u128::from_be_bytes(*uuid);
    let (a, b) = ((both >> 64) as u64, both as u64);
    fmix64((b ^ 0xE703_7ED1_A0B4_28DB).wrapping_add(fmix64(a ^ 0xA076_1D64_78BD_642F)))
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
    use super::*;

    #[test]
    fn printed_form_is_lower_case_and_hyphenated() {
        let mut uuid = [0u8; 16];
        for (i, byte) in uuid.iter_mut().enumerate() {
            *byte = (i as u8) * 0x11;
        }
        assert_eq!(format_uuid(&uuid), "00112233-4455-6677-8899-aabbccddeeff");
    }
}
