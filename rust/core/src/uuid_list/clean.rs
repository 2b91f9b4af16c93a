//! The clean path of a list: hyphenated values of 36 characters with separators after each, one after another.
//!
//! Whatever else a list may hold is left to `scan`, which knows all the rest and comes back here after it. A clean list
//! is read at the speed of memory; lists from real exports are clean but for a few places.

use super::value::hyphenated;
use crate::ids::Uuid;
use crate::kernel::Kernel;

/// The hyphenated form.
pub(super) const VALUE: usize = 36;

/// The separators that are one byte long.
pub(super) const SEPARATOR: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b",;| \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f";
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = true;
        i += 1;
    }
    table
};

/// Takes clean values and the separators after them from the beginning of some bytes, while there are any.
///
/// Returns how many bytes it took. All of them are ASCII, and none is a NUL.
pub(super) fn take_clean(text: &[u8], kernel: Kernel, uuids: &mut Vec<Uuid>) -> usize {
    #[cfg(target_arch = "x86_64")]
    let taken = if kernel.has_avx2() {
        #[allow(unsafe_code, reason = "benches/kernels.rs: a list of a million is read in a third of the time")]
        // SAFETY: a kernel says so only where the CPU was found to have what the function is compiled for.
        unsafe {
            avx2::take_clean(text, uuids)
        }
    } else {
        0
    };
    #[cfg(not(target_arch = "x86_64"))]
    let (taken, _) = (0, kernel);
    taken + take_one_by_one(&text[taken..], uuids)
}

fn take_one_by_one(text: &[u8], uuids: &mut Vec<Uuid>) -> usize {
    let mut rest = text;
    while let Some((value, [separator, tail @ ..])) = rest.split_first_chunk::<VALUE>() {
        if !SEPARATOR[usize::from(*separator)] {
            break;
        }
        let Some(uuid) = hyphenated(value) else { break };
        uuids.push(uuid);
        rest = match tail {
            // The second half of `\r\n` or `, `.
            [second, tail @ ..] if SEPARATOR[usize::from(*second)] => tail,
            _ => tail,
        };
    }
    text.len() - rest.len()
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set_epi64x, _mm_set1_epi8, _mm_sub_epi8, _mm256_add_epi8, _mm256_blendv_epi8, _mm256_castsi256_si128,
        _mm256_cmpeq_epi8, _mm256_maddubs_epi16, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_packus_epi16, _mm256_permute4x64_epi64, _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi16,
        _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_sub_epi8,
    };

    use super::VALUE;
    use crate::ids::Uuid;

    /// The bytes after a value that are looked at for separators.
    const AFTER: usize = 16;

    /// So many surprises, less one for every eight values as foreseen, are too many.
    const TOO_MANY: u32 = 8 * 32;

    /// As its namesake above, but for the last values, after which fewer bytes come than it looks at.
    #[target_feature(enable = "avx2,bmi1")]
    pub(super) fn take_clean(text: &[u8], uuids: &mut Vec<Uuid>) -> usize {
        let mut rest = text;
        // Most lists have the same after every value. Foreseeing that, the CPU begins with the next value while it finds
        // out whether it was so; else each value would wait for the separators before it. The compiler must not see
        // that both are the same in the end. A list that is mixed through and through is quicker without foresight.
        let (mut expected, mut surprises) = (1, 0u32);
        while let Some(head) = rest.first_chunk::<{ VALUE + AFTER }>() {
            let separators = separators(sixteen(head, VALUE));
            let Some(uuid) = hyphenated(head) else { break };
            if surprises > TOO_MANY {
                if separators == 0 {
                    break;
                }
                expected = separators;
            } else if separators == expected {
                surprises = surprises.saturating_sub(1);
            } else {
                if separators == 0 {
                    break;
                }
                surprises += 8;
                expected = std::hint::black_box(separators);
            }
            uuids.push(uuid);
            rest = &rest[VALUE + expected..];
        }
        text.len() - rest.len()
    }

    /// How many of these bytes are separators before the first that is none.
    #[inline]
    #[target_feature(enable = "avx2,bmi1")]
    fn separators(bytes: __m128i) -> usize {
        // There is no unsigned comparison: a ≤ b where the smaller of the two is a.
        let among = |first: u8, more: i8| {
            let from_first = _mm_sub_epi8(bytes, _mm_set1_epi8(first as i8));
            _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8(more)), from_first)
        };
        let is = |byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
        // Tab to carriage return; U+001C to U+001F and the space.
        let blanks = _mm_or_si128(among(b'\t', 4), among(0x1C, 4));
        let marks = _mm_or_si128(is(b','), _mm_or_si128(is(b';'), is(b'|')));
        (!_mm_movemask_epi8(_mm_or_si128(blanks, marks))).trailing_zeros() as usize
    }

    /// The UUID that the first 36 bytes are.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn hyphenated(text: &[u8; VALUE + AFTER]) -> Option<Uuid> {
        const NONE: i8 = -1;
        // The digits of the upper half in the lower lane, those of the lower half in the upper: each from two loads,
        // since they span 18 and 17 bytes.
        let most = _mm256_set_m128i(sixteen(text, 20), sixteen(text, 0));
        let others = _mm256_set_m128i(sixteen(text, 19), sixteen(text, 2));
        let digits = _mm256_or_si256(
            _mm256_shuffle_epi8(
                most,
                _mm256_setr_epi8(
                    0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, NONE, NONE, //
                    NONE, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                ),
            ),
            _mm256_shuffle_epi8(
                others,
                _mm256_setr_epi8(
                    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 14, 15, //
                    0, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
                ),
            ),
        );
        let up_to = |value, most: i8| _mm256_cmpeq_epi8(_mm256_min_epu8(value, _mm256_set1_epi8(most)), value);
        let decimal = _mm256_sub_epi8(digits, _mm256_set1_epi8(b'0' as i8));
        let letter = _mm256_sub_epi8(_mm256_or_si256(digits, _mm256_set1_epi8(0x20)), _mm256_set1_epi8(b'a' as i8));
        let is_decimal = up_to(decimal, 9);
        let is_hex = _mm256_or_si256(is_decimal, up_to(letter, 5));
        // Bytes 8, 13, 18 and 23.
        let hyphens = _mm_movemask_epi8(_mm_cmpeq_epi8(sixteen(text, 8), _mm_set1_epi8(b'-' as i8)));
        if _mm256_movemask_epi8(is_hex) != -1 || hyphens & 0b1000_0100_0010_0001 != 0b1000_0100_0010_0001 {
            return None;
        }
        let values = _mm256_blendv_epi8(_mm256_add_epi8(letter, _mm256_set1_epi8(10)), decimal, is_decimal);
        // Sixteen times the first of two digits and once the second; a byte each; both lanes side by side.
        let pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0110));
        let bytes = _mm256_permute4x64_epi64::<0b00_00_10_00>(_mm256_packus_epi16(pairs, pairs));
        let bytes = _mm256_castsi256_si128(bytes);
        let halves = [_mm_cvtsi128_si64(bytes), _mm_extract_epi64::<1>(bytes)];
        Some((u128::from(halves[1] as u64) << 64 | u128::from(halves[0] as u64)).to_le_bytes())
    }

    /// One load instruction, without a pointer.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sixteen(text: &[u8; VALUE + AFTER], at: usize) -> __m128i {
        let half = |at: usize| i64::from_le_bytes(*text[at..].first_chunk().expect("at most 52 − 16"));
        _mm_set_epi64x(half(at + 8), half(at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is taken by each kernel, which must be the same.
    fn taken(text: &[u8]) -> (usize, Vec<Uuid>) {
        let mut all = Kernel::all().map(|kernel| {
            let mut uuids = Vec::new();
            let taken = take_clean(text, kernel, &mut uuids);
            // One kernel may leave a run of separators to `scan` that another takes: what counts is what comes next.
            let rest = text[taken..].iter().position(|byte| !SEPARATOR[usize::from(*byte)]);
            (rest.map_or(text.len(), |at| taken + at), uuids)
        });
        let first = all.next().expect("there is a portable kernel");
        all.for_each(|other| assert_eq!(other, first, "{:?}", String::from_utf8_lossy(text)));
        first
    }

    const CLEAN: &[u8; VALUE] = b"00112233-4455-6677-8899-aABBccddEEff";
    const UUID: Uuid = *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";

    #[test]
    fn each_of_the_36_places_matters_to_each_kernel() {
        for place in 0..VALUE {
            for byte in 0..=255 {
                let mut text = [*CLEAN, *CLEAN].as_flattened().to_vec();
                text.splice(VALUE..VALUE, [b'\n']);
                text.push(b'\n');
                text[place] = byte;
                let fits = if CLEAN[place] == b'-' { byte == b'-' } else { byte.is_ascii_hexdigit() };
                assert_eq!(taken(&text).1.len(), if fits { 2 } else { 0 }, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn each_separator_is_one_to_each_kernel() {
        for byte in 0..=255u8 {
            let text = [CLEAN.as_slice(), &[byte], CLEAN, &[byte; 2], CLEAN, b"\n", &[b'\n'; 20]].concat();
            let found = taken(&text).1;
            assert_eq!(found.first(), SEPARATOR[usize::from(byte)].then_some(&UUID), "{byte}");
        }
    }

    proptest! {
        #[test]
        fn kernels_agree_on_lists_with_a_flaw(
            uuids in prop::collection::vec(any::<Uuid>(), 0..8),
            gaps in prop::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just(", "), Just(";")], 8),
            flaw in (any::<prop::sample::Index>(), any::<u8>()),
        ) {
            let mut text: Vec<u8> = uuids
                .iter()
                .zip(&gaps)
                .flat_map(|(uuid, gap)| crate::ids::format_uuid(uuid).into_bytes().into_iter().chain(gap.bytes()))
                .collect();
            let (end, found) = taken(&text);
            prop_assert_eq!((end, &found), (text.len(), &uuids));
            if !text.is_empty() {
                let at = flaw.0.index(text.len());
                text[at] = flaw.1;
                taken(&text);
            }
        }
    }
}
