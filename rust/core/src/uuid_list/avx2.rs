//! The fast path with AVX2 instructions.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_movemask_epi8, _mm_set1_epi8,
    _mm256_add_epi8, _mm256_blendv_epi8, _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_maddubs_epi16,
    _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_packus_epi16, _mm256_permute4x64_epi64,
    _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_shuffle_epi8, _mm256_sub_epi8,
};

use bytemuck::cast;

use crate::ids::Uuid;
use crate::machine::prefetch::prefetch;
use crate::uuid_list::forms::{BARE, HYPHENATED, PREFETCH_DISTANCE};
use crate::uuid_list::separators::{gap, gap_in_masks};
use crate::uuid_list::shared_vec::Push;

/// How many bytes after a value are examined at least.
const AFTER: usize = 16;

/// More mispredictions than this, less one per eight correct predictions, and prediction is given up.
const MAX_MISPREDICTIONS: u32 = 8 * 32;

/// The beginning of a text: a value and the bytes after it.
type Head = [u8; HYPHENATED + AFTER];

/// Appends the values at the beginning of a text, as `clean::take_clean` does. Returns how many bytes it took; the rest
/// may be clean.
#[target_feature(enable = "avx2,bmi1")]
pub(super) fn take_many(text: &[u8], uuids: &mut impl Push) -> usize {
    let mut rest = text;
    // Most lists repeat the same form and separators, so the distance to the next value is predicted to be the same.
    // Then the CPU starts on the next value while it still checks this one; otherwise each value would wait for the
    // length of the one before. `black_box` keeps the compiler from replacing the prediction by the computed distance.
    // Lists without a pattern are faster without prediction.
    let (mut predicted, mut mispredictions) = (HYPHENATED + 1, 0u32);
    while let Some(head) = rest.first_chunk::<{ HYPHENATED + AFTER }>() {
        let form = &FORMS[usize::from(has_hyphens(head))];
        let Some(uuid) = form.uuid(head) else { break };
        let Some(gap_length) = form.gap(head) else { break };
        let distance = form.length + gap_length;
        if mispredictions > MAX_MISPREDICTIONS {
            predicted = distance;
        } else if distance == predicted {
            mispredictions = mispredictions.saturating_sub(1);
        } else {
            mispredictions += 8;
            predicted = std::hint::black_box(distance);
        }
        uuids.push(uuid);
        rest = &rest[predicted..];
        prefetch(rest, PREFETCH_DISTANCE);
        if gap_length >= AFTER {
            rest = &rest[gap(rest)..];
        }
    }
    text.len() - rest.len()
}

/// Whether the bytes 8, 13, 18 and 23 are hyphens.
#[inline]
#[target_feature(enable = "avx2")]
fn has_hyphens(text: &Head) -> bool {
    const PLACES: i32 = 0b1000_0100_0010_0001;
    _mm_movemask_epi8(_mm_cmpeq_epi8(sixteen(text, 8), _mm_set1_epi8(b'-' as i8))) & PLACES == PLACES
}

/// The positions of the digits in one form of a value, as shuffle masks.
struct Form {
    length: usize,
    /// The digits of the upper half within bytes 0 to 15, and those of the lower half within bytes 20 to 35. The digits
    /// of a half span up to 18 bytes, so each half takes two loads.
    most: [i8; 32],
    /// The remaining digits, within bytes 2 to 17 and bytes 16 to 31.
    others: [i8; 32],
}

const NONE: i8 = -1;

static FORMS: [Form; 2] = [
    Form {
        length: BARE,
        most: [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, //
            NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
        ],
        others: [
            NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, //
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        ],
    },
    Form {
        length: HYPHENATED,
        most: [
            0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, NONE, NONE, //
            NONE, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        ],
        others: [
            NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 14, 15, //
            3, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
        ],
    },
];

impl Form {
    /// The UUID at the beginning of a text in this form.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn uuid(&self, text: &Head) -> Option<Uuid> {
        let most = _mm256_set_m128i(sixteen(text, 20), sixteen(text, 0));
        let others = _mm256_set_m128i(sixteen(text, 16), sixteen(text, 2));
        let digits =
            _mm256_or_si256(_mm256_shuffle_epi8(most, cast(self.most)), _mm256_shuffle_epi8(others, cast(self.others)));
        let decimal = _mm256_sub_epi8(digits, each(b'0'));
        let letter = _mm256_sub_epi8(_mm256_or_si256(digits, each(0x20)), each(b'a'));
        let is_decimal = up_to(decimal, 9);
        if _mm256_movemask_epi8(_mm256_or_si256(is_decimal, up_to(letter, 5))) != -1 {
            return None;
        }
        let values = _mm256_blendv_epi8(_mm256_add_epi8(letter, each(10)), decimal, is_decimal);
        // 16 · first digit + second digit, as 16-bit numbers; packed to bytes; the two lanes joined.
        let pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0110));
        let bytes = _mm256_permute4x64_epi64::<0b00_00_10_00>(_mm256_packus_epi16(pairs, pairs));
        let bytes = _mm256_castsi256_si128(bytes);
        let halves = [_mm_cvtsi128_si64(bytes), _mm_extract_epi64::<1>(bytes)];
        Some((u128::from(halves[1] as u64) << 64 | u128::from(halves[0] as u64)).to_le_bytes())
    }

    /// The number of quotes and separators after the value, if one of them is a separator: at least [`AFTER`] means that
    /// more may follow.
    #[inline]
    #[target_feature(enable = "avx2,bmi1")]
    fn gap(&self, text: &Head) -> Option<usize> {
        let bytes: __m256i = cast(*text.last_chunk::<32>().expect("52"));
        let is = |byte: u8| _mm256_cmpeq_epi8(bytes, each(byte));
        // Tab to carriage return; U+001C to space.
        let in_range = |first: u8, more: u8| up_to(_mm256_sub_epi8(bytes, each(first)), more);
        let blanks = _mm256_or_si256(in_range(b'\t', 4), in_range(0x1C, 4));
        let marks = _mm256_or_si256(is(b','), _mm256_or_si256(is(b';'), is(b'|')));
        let separators = _mm256_or_si256(blanks, marks);
        let quotes = _mm256_or_si256(is(b'"'), is(b'\''));
        let after = |mask: __m256i| u64::from((_mm256_movemask_epi8(mask) as u32) >> (self.length - 20));
        gap_in_masks(after(separators), after(_mm256_or_si256(separators, quotes)))
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn each(byte: u8) -> __m256i {
    _mm256_set1_epi8(byte as i8)
}

/// All ones in the bytes that are at most `max`.
#[inline]
#[target_feature(enable = "avx2")]
fn up_to(bytes: __m256i, max: u8) -> __m256i {
    // AVX2 has no unsigned comparison: a ≤ b if and only if min(a, b) = a.
    _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, each(max)), bytes)
}

/// Sixteen bytes, from byte `at` on.
#[inline(always)]
fn sixteen(text: &Head, at: usize) -> __m128i {
    cast(*text[at..].first_chunk::<16>().expect("at most 52 − 16"))
}
