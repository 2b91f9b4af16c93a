//! The clean path by the instructions of AVX-512 VBMI, which look up 64 bytes at once.
//!
//! Lists repeat themselves: their values have the same form, or a few forms by turns. A form that was met is remembered,
//! and which form came after it. Whether a text goes on in the form that is foreseen takes one comparison; and where it
//! then goes on is known before its bytes are, so that the CPU begins with the next value at once.

use std::arch::x86_64::{
    __m512i, _mm_or_si128, _mm_slli_epi16, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm512_and_si512,
    _mm512_castsi512_si256, _mm512_cmpeq_epi8_mask, _mm512_permutex2var_epi8, _mm512_permutexvar_epi8,
    _mm512_set1_epi8, _mm512_ternarylogic_epi32,
};

use bytemuck::cast;

use super::clean::{AHEAD, BARE, QUOTE, SEPARATOR, VALUE, between, gap};
use super::shared_vec::Push;
use crate::ids::Uuid;
use crate::machine::prefetch::prefetch;

/// What a byte is: a hexadecimal digit's value, or one of the following, in the upper half.
const A_SEPARATOR: u8 = 0x10;
const A_QUOTE: u8 = 0x20;
const A_HYPHEN: u8 = 0x40;
const ANOTHER: u8 = 0x80;

/// The upper half.
const CLASS: u8 = 0xF0;

/// What each byte of ASCII is, in two halves.
static KINDS: [[u8; 64]; 2] = {
    let mut kinds = [[ANOTHER; 64]; 2];
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

/// Where the hyphens of a value are.
const HYPHENS: u64 = 1 << 8 | 1 << 13 | 1 << 18 | 1 << 23;

/// Where the digits of a value without hyphens are, and of one with them: the first of each two, then the second ones.
static DIGITS: [[u8; 64]; 2] = [digits(0), digits(HYPHENS)];

/// The lengths of both, and where in them the digits are.
const VALUES: [(usize, u64); 2] = [(BARE, (1 << BARE) - 1), (VALUE, ((1 << VALUE) - 1) & !HYPHENS)];

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

/// A value and what stands between it and the next.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Form {
    /// What each byte is, digits apart.
    classes: [u8; 64],
    /// The bytes that matter: those up to the next value, and its first.
    bytes: u64,
    /// How far it is to the next value.
    length: usize,
    /// Whether the value has hyphens.
    hyphens: bool,
    /// The number of the form that came after it.
    next: usize,
}

/// A form that no text has: no byte is of such a class.
const NO_FORM: Form = Form { classes: [!CLASS; 64], bytes: u64::MAX, length: 0, hyphens: false, next: 0 };

/// So many forms are remembered.
const FORMS: usize = 8;

/// So many surprises, each less one for every eight values as foreseen, are too many: where forms are mixed through and
/// through, values are read another way.
const TOO_MANY: u32 = 8 * 32;

/// The forms that were met in a text.
pub(super) struct Forms {
    forms: [Form; FORMS],
    /// How many there were, those that were forgotten among them.
    met: usize,
    /// The number of the form of the last value that had one of these.
    last: usize,
    surprises: u32,
}

impl Default for Forms {
    fn default() -> Self {
        Self { forms: [NO_FORM; FORMS], met: 0, last: 0, surprises: 0 }
    }
}

impl Forms {
    /// The value before had another form than was foreseen: this one.
    #[cold]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn meet(&mut self, looked: &Look, length: usize, hyphens: bool) {
        self.surprises += 8;
        let number = self.forms.iter().position(|form| looked.agrees_with(form)).unwrap_or_else(|| {
            let number = self.met % FORMS;
            self.met += 1;
            let bytes = u64::MAX >> (63 - length);
            self.forms[number] = Form { classes: cast(looked.classes), bytes, length, hyphens, next: number };
            number
        });
        self.forms[self.last].next = number;
        self.last = number;
    }
}

/// As `clean::take_clean`; what it leaves may be clean.
#[target_feature(enable = "avx512vbmi,avx512f,avx512bw,avx512vl,avx2,bmi1,popcnt")]
pub(super) fn take_many(text: &[u8], met: &mut Forms, uuids: &mut impl Push) -> usize {
    let mut rest = text;
    // More than a value and what is looked at after it.
    while let Some(head) = rest.first_chunk::<64>() {
        let looked = Look::at(head);
        let foreseen = met.forms[met.last % FORMS].next % FORMS;
        let form = &met.forms[foreseen];
        if looked.agrees_with(form) {
            uuids.push(looked.uuid(form.hyphens));
            rest = &rest[form.length..];
            met.last = foreseen;
            met.surprises = met.surprises.saturating_sub(1);
            prefetch(rest, AHEAD);
            continue;
        }
        let Some((hyphens, value)) = looked.value() else { break };
        let separators = looked.are(A_SEPARATOR);
        let Some(between) = between(separators >> value, (separators | looked.are(A_QUOTE)) >> value) else { break };
        uuids.push(looked.uuid(hyphens));
        let length = value + between;
        rest = &rest[length..];
        if length == head.len() {
            rest = &rest[gap(rest)..];
        } else if looked.are(0) >> length & 1 == 1 {
            met.meet(&looked, length, hyphens);
        }
        if met.surprises > TOO_MANY {
            rest = &rest[take_mixed(rest, uuids)..];
            met.surprises = 0;
        }
    }
    text.len() - rest.len()
}

/// Bytes in which the beginnings of values are looked for at once.
const WINDOW: usize = 4096;

/// In so many bytes no more than two values begin.
const TWO: usize = 64;

/// As [`take_many`], of values in any form: first where they begin is found, and then each of them is read without
/// waiting for the one before it. What it leaves may be clean.
#[target_feature(enable = "avx512vbmi,avx512f,avx512bw,avx512vl,avx2,bmi1,popcnt")]
fn take_mixed(text: &[u8], uuids: &mut impl Push) -> usize {
    let mut starts = [0u32; WINDOW / TWO * 2 + 2];
    let mut rest = text;
    while rest.len() >= WINDOW + TWO {
        // A value begins with the first byte, or nothing is taken.
        let (mut count, mut is_after_gap) = (0, 1);
        for (block, at) in rest[..WINDOW].as_chunks::<TWO>().0.iter().zip((0u32..).step_by(TWO)) {
            let looked = Look::at(block);
            let gaps = looked.are(A_SEPARATOR) | looked.are(A_QUOTE);
            let begin = !gaps & (gaps << 1 | is_after_gap);
            is_after_gap = gaps >> 63;
            // Both are written, whether or not there are as many. Where there are more, one of the two before them is too
            // short to be a value, and nothing is taken from it on.
            starts[count] = at + begin.trailing_zeros();
            starts[count + 1] = at + (begin & begin.wrapping_sub(1)).trailing_zeros();
            count += begin.count_ones().min(2) as usize;
        }
        let mut taken = 0;
        for pair in starts[..count].windows(2) {
            let (start, next) = (pair[0] as usize, pair[1] as usize);
            let Some(head) = rest[start..].first_chunk::<64>() else { break };
            let looked = Look::at(head);
            let Some((hyphens, value)) = looked.value() else { break };
            let (separators, length) = (looked.are(A_SEPARATOR), next - start);
            // From the end of the value to the next there are quotes and separators.
            let is_at_end = (separators | looked.are(A_QUOTE)) >> value & 1 == 1;
            if start != taken || !is_at_end || length >= head.len() || (separators & ((1 << length) - 1)) >> value == 0
            {
                break;
            }
            uuids.push(looked.uuid(hyphens));
            taken = next;
        }
        rest = &rest[taken..];
        if taken == 0 {
            break;
        }
    }
    text.len() - rest.len()
}

/// What 64 bytes are.
struct Look {
    kinds: __m512i,
    classes: __m512i,
}

impl Look {
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512f")]
    fn at(bytes: &[u8; 64]) -> Self {
        let ([lower, upper], bytes) = (KINDS.map(cast::<_, __m512i>), cast(*bytes));
        let kinds = _mm512_permutex2var_epi8(lower, bytes, upper);
        // The table was asked for the lower seven bits: what has the eighth, too, is something else.
        let kinds = _mm512_ternarylogic_epi32::<0b1111_1000>(kinds, bytes, _mm512_set1_epi8(ANOTHER as i8));
        Self { kinds, classes: _mm512_and_si512(kinds, _mm512_set1_epi8(CLASS as i8)) }
    }

    /// Which bytes are of a class; digits are of class 0.
    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn are(&self, class: u8) -> u64 {
        _mm512_cmpeq_epi8_mask(self.classes, _mm512_set1_epi8(class as i8))
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn agrees_with(&self, form: &Form) -> bool {
        _mm512_cmpeq_epi8_mask(self.classes, cast(form.classes)) & form.bytes == form.bytes
    }

    /// Whether the value that they begin with, if it is one, has hyphens; and its length.
    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn value(&self) -> Option<(bool, usize)> {
        let hyphens = self.are(A_HYPHEN) & HYPHENS == HYPHENS;
        let (length, digits) = VALUES[usize::from(hyphens)];
        (self.are(0) & digits == digits).then_some((hyphens, length))
    }

    /// The UUID that they begin with.
    #[inline]
    #[target_feature(enable = "avx512vbmi,avx512f,avx2")]
    fn uuid(&self, hyphens: bool) -> Uuid {
        let places = cast(DIGITS[usize::from(hyphens)]);
        let digits = _mm512_castsi512_si256(_mm512_permutexvar_epi8(places, self.kinds));
        // Sixteen times the first of two digits and once the second. No bit moves into another byte: digits have four.
        let (first, second) = (_mm256_castsi256_si128(digits), _mm256_extracti128_si256::<1>(digits));
        cast(_mm_or_si128(_mm_slli_epi16::<4>(first), second))
    }
}
