//! The clean path of a list: values with hyphens or bare digits, in quotes or not, with separators after each.
//!
//! Whatever else a list may hold is left to `scan`, which knows all the rest and comes back here after it. A clean list
//! is read at the speed of memory; lists from real exports are clean but for a few places.
//!
//! What stands between two values is a run of quotes and separators with a separator in it, whatever their order: the
//! quotes are at the end of a value, at the beginning of one, or an empty cell.

use super::shared_vec::Push;
use super::value::{bare, hyphenated};
#[cfg(target_arch = "x86_64")]
use super::vbmi;
/// The forms of the values of a text: what a later part of it is read by the quicker for what was met before.
#[cfg(target_arch = "x86_64")]
pub(super) use super::vbmi::Forms;
use crate::ids::Uuid;
use crate::machine::kernel::Kernel;
#[cfg(target_arch = "x86_64")]
use crate::machine::prefetch::prefetch;

/// Of no use without AVX-512.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Default)]
pub(super) struct Forms;

/// The hyphenated form.
pub(super) const VALUE: usize = 36;

/// The length of a line of a clean list: what is expected of one that has not been read.
pub(super) const LINE: usize = VALUE + 1;

/// The digits alone.
pub(super) const BARE: usize = 32;

/// The separators that are one byte long.
pub(super) const SEPARATOR: [bool; 256] = table(b",;| \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f");

/// The quotes.
pub(super) const QUOTE: [bool; 256] = table(b"\"'");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = true;
        i += 1;
    }
    table
}

/// Takes clean values and what stands around them from the beginning of some bytes, while there are any. The bytes are
/// the beginning of a text, or come after a separator.
///
/// Returns how many bytes it took. All of them are ASCII, and none is a NUL.
pub(super) fn take_clean(text: &[u8], kernel: Kernel, forms: &mut Forms, uuids: &mut impl Push) -> usize {
    let start = gap(text);
    let taken = start + take_many(&text[start..], kernel, forms, uuids);
    taken + take_one_by_one(&text[taken..], uuids)
}

/// As [`take_clean`], by the instructions of the kernel. What it leaves may be clean.
#[cfg(target_arch = "x86_64")]
fn take_many(text: &[u8], kernel: Kernel, forms: &mut Forms, uuids: &mut impl Push) -> usize {
    #[allow(unsafe_code, reason = "benches/kernels.rs: a list of a million is read in half of the time or less")]
    if kernel.has_vbmi() {
        // SAFETY: a kernel says so only where the CPU was found to have what the function is compiled for.
        unsafe { vbmi::take_many(text, forms, uuids) }
    } else if kernel.has_avx2() {
        // SAFETY: likewise.
        unsafe { avx2::take_many(text, uuids) }
    } else {
        0
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn take_many(_: &[u8], _: Kernel, _: &mut Forms, _: &mut impl Push) -> usize {
    0
}

fn take_one_by_one(text: &[u8], uuids: &mut impl Push) -> usize {
    let mut rest = text;
    loop {
        let with_hyphens = rest.first_chunk::<VALUE>().and_then(|value| Some((hyphenated(value)?, VALUE)));
        let found = with_hyphens.or_else(|| rest.first_chunk::<BARE>().and_then(|value| Some((bare(value)?, BARE))));
        let Some((uuid, length)) = found else { break };
        let after = &rest[length..];
        let gap = gap(after);
        if !after[..gap].iter().any(|byte| SEPARATOR[usize::from(*byte)]) {
            break;
        }
        uuids.push(uuid);
        rest = &after[gap..];
    }
    text.len() - rest.len()
}

/// How many bytes are quotes and separators before the first that is neither.
pub(super) fn gap(text: &[u8]) -> usize {
    text.iter().take_while(|&&byte| SEPARATOR[usize::from(byte)] || QUOTE[usize::from(byte)]).count()
}

/// What a text begins with.
#[cfg(target_arch = "x86_64")]
struct Value {
    uuid: Uuid,
    /// Of the value.
    length: usize,
    /// How many quotes and separators follow: all, or at least as many as were looked at.
    between: usize,
}

/// Quotes and separators after a value of which so many are looked at, at least.
#[cfg(target_arch = "x86_64")]
const AFTER: usize = 16;

/// So many bytes ahead a text is asked for: left to itself a CPU reads ahead to the end of a page.
#[cfg(target_arch = "x86_64")]
pub(super) const AHEAD: usize = 4096;

/// Takes values as long as there is one: `value` finds it in so many bytes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn take_while<const BYTES: usize>(
    text: &[u8],
    uuids: &mut impl Push,
    value: impl Fn(&[u8; BYTES]) -> Option<Value>,
) -> usize {
    /// So many surprises, less one for every eight values as foreseen, are too many.
    const TOO_MANY: u32 = 8 * 32;
    let mut rest = text;
    // Most lists have the same form of value, and the same after every value. Foreseeing that, the CPU begins with the
    // next value while it finds out whether it was so; else each value would wait for the one before it. The compiler
    // must not see that both are the same in the end. A list that is mixed through and through is quicker without
    // foresight.
    let (mut expected, mut surprises) = (VALUE + 1, 0u32);
    while let Some(Value { uuid, length, between }) = rest.first_chunk().and_then(&value) {
        if surprises > TOO_MANY {
            expected = length + between;
        } else if length + between == expected {
            surprises = surprises.saturating_sub(1);
        } else {
            surprises += 8;
            expected = std::hint::black_box(length + between);
        }
        uuids.push(uuid);
        rest = &rest[expected..];
        prefetch(rest, AHEAD);
        if between >= AFTER {
            rest = &rest[gap(rest)..];
        }
    }
    text.len() - rest.len()
}

/// How many bytes stand between a value and the next, if there is a separator among them: a bit for each byte after the
/// value says whether it is a separator, and whether it is one or a quote. Some bit of the latter must be 0.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn between(separators: u64, gaps: u64) -> Option<usize> {
    let others = !gaps;
    // The ones below the first byte that is neither.
    let run = others ^ others.wrapping_sub(1);
    (separators & run != 0).then(|| others.trailing_zeros() as usize)
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_movemask_epi8, _mm_set1_epi8,
        _mm256_add_epi8, _mm256_blendv_epi8, _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_maddubs_epi16,
        _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_packus_epi16, _mm256_permute4x64_epi64,
        _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_shuffle_epi8, _mm256_sub_epi8,
    };

    use bytemuck::cast;

    use super::{AFTER, BARE, Push, VALUE, Value, between, take_while};
    use crate::ids::Uuid;

    /// The beginning of a text.
    type Head = [u8; VALUE + AFTER];

    #[target_feature(enable = "avx2,bmi1")]
    pub(super) fn take_many(text: &[u8], uuids: &mut impl Push) -> usize {
        take_while(text, uuids, |head: &Head| {
            let form = &FORMS[usize::from(has_hyphens(head))];
            Some(Value { uuid: form.uuid(head)?, length: form.length, between: form.between(head)? })
        })
    }

    /// Whether bytes 8, 13, 18 and 23 are hyphens.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn has_hyphens(text: &Head) -> bool {
        const PLACES: i32 = 0b1000_0100_0010_0001;
        _mm_movemask_epi8(_mm_cmpeq_epi8(sixteen(text, 8), _mm_set1_epi8(b'-' as i8))) & PLACES == PLACES
    }

    /// Where the digits of a value are.
    struct Form {
        length: usize,
        /// Of the 16 bytes from the beginning on, and of those from byte 20 on: the digits of the upper half, and those
        /// of the lower half. They span 18 and 17 bytes, so that both halves take two loads.
        most: [i8; 32],
        /// Of the 16 bytes from byte 2 on, and of those from byte 16 on.
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
            length: VALUE,
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
        /// The UUID that a text begins with.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn uuid(&self, text: &Head) -> Option<Uuid> {
            let most = _mm256_set_m128i(sixteen(text, 20), sixteen(text, 0));
            let others = _mm256_set_m128i(sixteen(text, 16), sixteen(text, 2));
            let digits = _mm256_or_si256(
                _mm256_shuffle_epi8(most, cast(self.most)),
                _mm256_shuffle_epi8(others, cast(self.others)),
            );
            let decimal = _mm256_sub_epi8(digits, each(b'0'));
            let letter = _mm256_sub_epi8(_mm256_or_si256(digits, each(0x20)), each(b'a'));
            let is_decimal = up_to(decimal, 9);
            if _mm256_movemask_epi8(_mm256_or_si256(is_decimal, up_to(letter, 5))) != -1 {
                return None;
            }
            let values = _mm256_blendv_epi8(_mm256_add_epi8(letter, each(10)), decimal, is_decimal);
            // Sixteen times the first of two digits and once the second; a byte each; both lanes side by side.
            let pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0110));
            let bytes = _mm256_permute4x64_epi64::<0b00_00_10_00>(_mm256_packus_epi16(pairs, pairs));
            let bytes = _mm256_castsi256_si128(bytes);
            let halves = [_mm_cvtsi128_si64(bytes), _mm_extract_epi64::<1>(bytes)];
            Some((u128::from(halves[1] as u64) << 64 | u128::from(halves[0] as u64)).to_le_bytes())
        }

        /// How many quotes and separators follow the value, if there is a separator among them.
        #[inline]
        #[target_feature(enable = "avx2,bmi1")]
        fn between(&self, text: &Head) -> Option<usize> {
            let bytes: __m256i = cast(*text.last_chunk::<32>().expect("52"));
            let is = |byte: u8| _mm256_cmpeq_epi8(bytes, each(byte));
            // Tab to carriage return; U+001C to U+001F and the space.
            let among = |first: u8, more: u8| up_to(_mm256_sub_epi8(bytes, each(first)), more);
            let blanks = _mm256_or_si256(among(b'\t', 4), among(0x1C, 4));
            let marks = _mm256_or_si256(is(b','), _mm256_or_si256(is(b';'), is(b'|')));
            let separators = _mm256_or_si256(blanks, marks);
            let quotes = _mm256_or_si256(is(b'"'), is(b'\''));
            let after = |mask: __m256i| u64::from((_mm256_movemask_epi8(mask) as u32) >> (self.length - 20));
            between(after(separators), after(_mm256_or_si256(separators, quotes)))
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn each(byte: u8) -> __m256i {
        _mm256_set1_epi8(byte as i8)
    }

    /// Which bytes are at most so much.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn up_to(bytes: __m256i, most: u8) -> __m256i {
        // There is no unsigned comparison: a ≤ b where the smaller of the two is a.
        _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, each(most)), bytes)
    }

    /// The sixteen bytes from a place on.
    #[inline(always)]
    fn sixteen(text: &Head, at: usize) -> __m128i {
        cast(*text[at..].first_chunk::<16>().expect("at most 52 − 16"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is taken by each kernel, which must be the same.
    fn taken(text: &[u8]) -> (usize, Vec<Uuid>) {
        let mut all = Kernel::all().map(|kernel| {
            let mut uuids: Vec<Uuid> = Vec::new();
            let taken = take_clean(text, kernel, &mut Forms::default(), &mut uuids);
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

    /// Values with what stands around them: more than are remembered.
    const FORMS: [&str; 12] = [
        "_\n",
        "\"_\",",
        "_; ",
        "'_'\r\n",
        "_\t",
        "_ | \"",
        "\"\"_\"\",\n",
        "_                           \n",
        "_                            \n",
        "_\n                                                       ",
        " _,",
        "_,;,;",
    ];

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

        #[test]
        fn kernels_agree_on_long_lists_of_mixed_forms(
            values in prop::collection::vec((any::<Uuid>(), 0..FORMS.len(), any::<bool>()), 0..1000),
            by_turns in prop::option::of(1usize..6),
            flaws in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut text = Vec::new();
            for (number, (uuid, form, bare)) in values.iter().enumerate() {
                let (form, bare) = by_turns.map_or((*form, *bare), |turns| (number % turns, number % turns == 2));
                let value = crate::ids::format_uuid(uuid);
                let value = if bare { value.replace('-', "") } else { value };
                text.extend(FORMS[form].replace('_', &value).bytes());
            }
            let (end, found) = taken(&text);
            prop_assert_eq!(end, text.len());
            prop_assert!(found.iter().eq(values.iter().map(|(uuid, ..)| uuid)));
            for (at, byte) in flaws {
                if !text.is_empty() {
                    let at = at.index(text.len());
                    text[at] = byte;
                }
            }
            taken(&text);
        }
    }
}
