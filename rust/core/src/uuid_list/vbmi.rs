//! The fast path with AVX-512 VBMI instructions, which classify 64 bytes at once.
//!
//! Lists repeat patterns: a pattern is the form of a value and of the gap after it. The parser remembers patterns and
//! which pattern followed which. Checking a prediction takes one comparison, and the start of the next value is known
//! before this one is checked, so the CPU can overlap both.

use std::arch::x86_64::{
    __m512i, _mm_or_si128, _mm_slli_epi16, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm512_and_si512,
    _mm512_castsi512_si256, _mm512_cmpeq_epi8_mask, _mm512_permutex2var_epi8, _mm512_permutexvar_epi8,
    _mm512_set1_epi8, _mm512_ternarylogic_epi32,
};

use bytemuck::cast;

use crate::ids::Uuid;
use crate::machine::prefetch::prefetch;
use crate::uuid_list::forms::{BARE, HYPHENATED, PREFETCH_DISTANCE};
use crate::uuid_list::separators::{QUOTE, SEPARATOR, gap, gap_in_masks};
use crate::uuid_list::shared_vec::Push;

/// The class of a byte, in its upper half. Hex digits have class 0, and their value in the lower half.
const A_SEPARATOR: u8 = 0x10;
const A_QUOTE: u8 = 0x20;
const A_HYPHEN: u8 = 0x40;
const OTHER: u8 = 0x80;

/// The mask of the class.
const CLASS: u8 = 0xF0;

/// The class and value of each ASCII byte, in two tables of 64.
static KINDS: [[u8; 64]; 2] = {
    let mut kinds = [[OTHER; 64]; 2];
    let mut byte = 0;
    while byte < 128 {
        let kind = &mut kinds[byte / 64][byte % 64];
        match byte as u8 {
            b'0'..=b'9' => *kind = byte as u8 - b'0',
            b'a'..=b'f' => *kind = byte as u8 - b'a' + 10,
            b'A'..=b'F' => *kind = byte as u8 - b'A' + 10,
            b'-' => *kind = A_HYPHEN,
            _ if SEPARATOR[byte] => *kind = A_SEPARATOR,
            _ if QUOTE[byte] => *kind = A_QUOTE,
            _ => {}
        }
        byte += 1;
    }
    kinds
};

/// The positions of the hyphens in a value.
const HYPHENS: u64 = 1 << 8 | 1 << 13 | 1 << 18 | 1 << 23;

/// The positions of the digits without and with hyphens: the 16 upper digits of the bytes, then the 16 lower ones.
static DIGITS: [[u8; 64]; 2] = [digits(0), digits(HYPHENS)];

/// The length and the mask of the digits, without and with hyphens.
const VALUES: [(usize, u64); 2] = [(BARE, (1 << BARE) - 1), (HYPHENATED, ((1 << HYPHENATED) - 1) & !HYPHENS)];

const fn digits(hyphens: u64) -> [u8; 64] {
    let mut places = [0; 64];
    let (mut digit, mut at) = (0, 0);
    while digit < BARE {
        if hyphens >> at & 1 == 0 {
            places[digit / 2 + digit % 2 * 16] = at as u8;
            digit += 1;
        }
        at += 1;
    }
    places
}

/// The form of a value and of the gap after it.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Pattern {
    /// The class of each byte.
    classes: [u8; 64],
    /// The mask of the bytes that must agree: those up to the next value and its first byte.
    bytes: u64,
    /// The distance to the next value.
    length: usize,
    /// Whether the value has hyphens.
    hyphens: bool,
    /// The index of the pattern that followed last time.
    next: usize,
}

/// A pattern that matches no text, because no byte has its class.
const NO_PATTERN: Pattern = Pattern { classes: [!CLASS; 64], bytes: u64::MAX, length: 0, hyphens: false, next: 0 };

/// The number of remembered patterns.
const MAX_PATTERNS: usize = 8;

/// More mispredictions than this, less one per eight correct predictions, and [`take_mixed`] takes over.
const MAX_MISPREDICTIONS: u32 = 8 * 32;

/// The patterns that were met in a text, as a ring buffer.
pub(super) struct Patterns {
    patterns: [Pattern; MAX_PATTERNS],
    /// How many were met, including those that were overwritten.
    met: usize,
    /// The index of the last pattern that occurred.
    last: usize,
    mispredictions: u32,
}

impl Default for Patterns {
    fn default() -> Self {
        Self { patterns: [NO_PATTERN; MAX_PATTERNS], met: 0, last: 0, mispredictions: 0 }
    }
}

impl Patterns {
    /// Records a pattern that was not predicted.
    #[cold]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn record(&mut self, block: &Block, length: usize, hyphens: bool) {
        self.mispredictions += 8;
        let index = self.patterns.iter().position(|pattern| block.matches(pattern)).unwrap_or_else(|| {
            let index = self.met % MAX_PATTERNS;
            self.met += 1;
            let bytes = u64::MAX >> (63 - length);
            self.patterns[index] = Pattern { classes: cast(block.classes), bytes, length, hyphens, next: index };
            index
        });
        self.patterns[self.last].next = index;
        self.last = index;
    }
}

/// Appends the values at the beginning of a text, as `clean::take_clean` does. Returns how many bytes it took; the rest
/// may be clean.
#[target_feature(enable = "avx512vbmi,avx512f,avx512bw,avx512vl,avx2,bmi1,popcnt")]
pub(super) fn take_many(text: &[u8], patterns: &mut Patterns, uuids: &mut impl Push) -> usize {
    let mut rest = text;
    while let Some(head) = rest.first_chunk::<64>() {
        let block = Block::of(head);
        let predicted = patterns.patterns[patterns.last % MAX_PATTERNS].next % MAX_PATTERNS;
        let pattern = &patterns.patterns[predicted];
        if block.matches(pattern) {
            uuids.push(block.uuid(pattern.hyphens));
            rest = &rest[pattern.length..];
            patterns.last = predicted;
            patterns.mispredictions = patterns.mispredictions.saturating_sub(1);
            prefetch(rest, PREFETCH_DISTANCE);
            continue;
        }
        let Some((hyphens, value)) = block.value() else { break };
        let separators = block.mask(A_SEPARATOR);
        let gaps = separators | block.mask(A_QUOTE);
        let Some(gap_length) = gap_in_masks(separators >> value, gaps >> value) else { break };
        uuids.push(block.uuid(hyphens));
        let length = value + gap_length;
        rest = &rest[length..];
        if length == head.len() {
            rest = &rest[gap(rest)..];
        } else if block.mask(0) >> length & 1 == 1 {
            patterns.record(&block, length, hyphens);
        }
        if patterns.mispredictions > MAX_MISPREDICTIONS {
            rest = &rest[take_mixed(rest, uuids)..];
            patterns.mispredictions = 0;
        }
    }
    text.len() - rest.len()
}

/// How many bytes are searched for the starts of values at once.
const WINDOW: usize = 4096;

/// A block of this many bytes contains the starts of at most two values.
const BLOCK: usize = 64;

/// [`take_many`] without prediction: finds the starts of many values first, then reads each without waiting for the one
/// before.
#[target_feature(enable = "avx512vbmi,avx512f,avx512bw,avx512vl,avx2,bmi1,popcnt")]
fn take_mixed(text: &[u8], uuids: &mut impl Push) -> usize {
    let mut starts = [0u32; WINDOW / BLOCK * 2 + 2];
    let mut rest = text;
    while rest.len() >= WINDOW + BLOCK {
        // The first byte must be the start of a value.
        let (mut count, mut is_after_gap) = (0, 1);
        for (block, at) in rest[..WINDOW].as_chunks::<BLOCK>().0.iter().zip((0u32..).step_by(BLOCK)) {
            let block = Block::of(block);
            let gaps = block.mask(A_SEPARATOR) | block.mask(A_QUOTE);
            let begin = !gaps & (gaps << 1 | is_after_gap);
            is_after_gap = gaps >> 63;
            // Branchless: always writes two starts, then counts those that exist. If there are more, one of the first two
            // is too short to be a value, and parsing stops there.
            starts[count] = at + begin.trailing_zeros();
            starts[count + 1] = at + (begin & begin.wrapping_sub(1)).trailing_zeros();
            count += begin.count_ones().min(2) as usize;
        }
        let mut taken = 0;
        for pair in starts[..count].windows(2) {
            let (start, next) = (pair[0] as usize, pair[1] as usize);
            let Some(head) = rest[start..].first_chunk::<64>() else { break };
            let block = Block::of(head);
            let Some((hyphens, value)) = block.value() else { break };
            let (separators, length) = (block.mask(A_SEPARATOR), next - start);
            // The gap begins right after the value. It reaches to the next value by construction.
            let is_at_end = (separators | block.mask(A_QUOTE)) >> value & 1 == 1;
            if start != taken || !is_at_end || length >= head.len() || (separators & ((1 << length) - 1)) >> value == 0
            {
                break;
            }
            uuids.push(block.uuid(hyphens));
            taken = next;
        }
        rest = &rest[taken..];
        if taken == 0 {
            break;
        }
    }
    text.len() - rest.len()
}

/// 64 classified bytes.
struct Block {
    /// Class and digit value of each byte.
    kinds: __m512i,
    classes: __m512i,
}

impl Block {
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512f")]
    fn of(bytes: &[u8; 64]) -> Self {
        let ([lower, upper], bytes) = (KINDS.map(cast::<_, __m512i>), cast(*bytes));
        let kinds = _mm512_permutex2var_epi8(lower, bytes, upper);
        // The look-up uses only the lower seven bits. Bytes with the eighth bit get the class `OTHER`.
        let kinds = _mm512_ternarylogic_epi32::<0b1111_1000>(kinds, bytes, _mm512_set1_epi8(OTHER as i8));
        Self { kinds, classes: _mm512_and_si512(kinds, _mm512_set1_epi8(CLASS as i8)) }
    }

    /// The mask of the bytes of a class.
    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn mask(&self, class: u8) -> u64 {
        _mm512_cmpeq_epi8_mask(self.classes, _mm512_set1_epi8(class as i8))
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn matches(&self, pattern: &Pattern) -> bool {
        _mm512_cmpeq_epi8_mask(self.classes, cast(pattern.classes)) & pattern.bytes == pattern.bytes
    }

    /// Whether the value at the beginning has hyphens, and its length; `None` if there is no value.
    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn value(&self) -> Option<(bool, usize)> {
        let hyphens = self.mask(A_HYPHEN) & HYPHENS == HYPHENS;
        let (length, digits) = VALUES[usize::from(hyphens)];
        (self.mask(0) & digits == digits).then_some((hyphens, length))
    }

    /// The UUID at the beginning.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512f,avx2")]
    fn uuid(&self, hyphens: bool) -> Uuid {
        let places = cast(DIGITS[usize::from(hyphens)]);
        let digits = _mm512_castsi512_si256(_mm512_permutexvar_epi8(places, self.kinds));
        // 16 · upper digit + lower digit. The 16-bit shift moves no bit to another byte, because digits have four bits.
        let (first, second) = (_mm256_castsi256_si128(digits), _mm256_extracti128_si256::<1>(digits));
        cast(_mm_or_si128(_mm_slli_epi16::<4>(first), second))
    }
}
