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
use crate::ids::Uuid;
use crate::prefetch::prefetch;

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

/// Where the digits of a value without hyphens are, and of one with them: the first of each two, then the second.
static DIGITS: [[u8; 64]; 2] = [digits(0), digits(HYPHENS)];
const LENGTHS: [usize; 2] = [BARE, VALUE];

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

/// A form that no text has.
const NO_FORM: Form = Form { classes: [ANOTHER; 64], bytes: u64::MAX, length: 0, hyphens: false, next: 0 };

/// So many forms are remembered.
const FORMS: usize = 8;

/// So many surprises, less one for every eight values as foreseen, are too many: a list that is mixed through and through
/// is quicker without foresight.
const TOO_MANY: u32 = 8 * 32;

/// The forms that were met.
struct Forms {
    forms: [Form; FORMS],
    /// How many there were, those that were forgotten among them.
    met: usize,
    /// The number of the last value's form.
    last: usize,
    surprises: u32,
}

impl Forms {
    /// The value before had another form than was foreseen: this one.
    #[cold]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn meet(&mut self, classes: __m512i, length: usize, hyphens: bool) {
        self.surprises += 8;
        let has = |form: &Form| _mm512_cmpeq_epi8_mask(classes, cast(form.classes)) & form.bytes == form.bytes;
        let number = self.forms.iter().position(has).unwrap_or_else(|| {
            let number = self.met % FORMS;
            self.met += 1;
            let bytes = u64::MAX >> (63 - length);
            self.forms[number] = Form { classes: cast(classes), bytes, length, hyphens, next: number };
            number
        });
        self.forms[self.last].next = number;
        self.last = number;
    }
}

/// As `clean::take_clean`; what it leaves may be clean.
#[target_feature(enable = "avx512vbmi,avx512f,avx512bw,avx512vl,avx2,bmi1")]
pub(super) fn take_many(text: &[u8], uuids: &mut Vec<Uuid>) -> usize {
    let [lower, upper] = KINDS.map(cast::<_, __m512i>);
    let all = |byte: u8| _mm512_set1_epi8(byte as i8);
    let mut met = Forms { forms: [NO_FORM; FORMS], met: 0, last: 0, surprises: 0 };
    let mut rest = text;
    // More than a value and what is looked at after it.
    while let Some(head) = rest.first_chunk::<64>() {
        let bytes = cast(*head);
        let kinds = _mm512_permutex2var_epi8(lower, bytes, upper);
        // The table was asked for the lower seven bits: what has the eighth, too, is something else.
        let kinds = _mm512_ternarylogic_epi32::<0b1111_1000>(kinds, bytes, all(ANOTHER));
        let classes = _mm512_and_si512(kinds, all(CLASS));
        let foreseen = met.forms[met.last % FORMS].next % FORMS;
        let form = &met.forms[foreseen];
        if _mm512_cmpeq_epi8_mask(classes, cast(form.classes)) & form.bytes == form.bytes {
            uuids.push(uuid(kinds, form.hyphens));
            rest = &rest[form.length..];
            met.last = foreseen;
            met.surprises = met.surprises.saturating_sub(1);
            prefetch(rest, AHEAD);
            continue;
        }
        let are = |class: u8| _mm512_cmpeq_epi8_mask(classes, all(class));
        let hyphens = are(A_HYPHEN) & HYPHENS == HYPHENS;
        let value = LENGTHS[usize::from(hyphens)];
        let digits = (if hyphens { !HYPHENS } else { u64::MAX }) & ((1 << value) - 1);
        let all_digits = are(0);
        if all_digits & digits != digits {
            break;
        }
        let separators = are(A_SEPARATOR);
        let Some(between) = between(separators >> value, (separators | are(A_QUOTE)) >> value) else { break };
        uuids.push(uuid(kinds, hyphens));
        let length = value + between;
        rest = &rest[length..];
        prefetch(rest, AHEAD);
        if length == head.len() {
            rest = &rest[gap(rest)..];
        } else if met.surprises <= TOO_MANY && all_digits >> length & 1 == 1 {
            met.meet(classes, length, hyphens);
        }
    }
    text.len() - rest.len()
}

/// The UUID that a text begins with.
#[inline]
#[target_feature(enable = "avx512vbmi,avx512f,avx2")]
fn uuid(kinds: __m512i, hyphens: bool) -> Uuid {
    let digits = _mm512_castsi512_si256(_mm512_permutexvar_epi8(cast(DIGITS[usize::from(hyphens)]), kinds));
    // Sixteen times the first of two digits and once the second. No bit moves into another byte: digits have four.
    let (first, second) = (_mm256_castsi256_si128(digits), _mm256_extracti128_si256::<1>(digits));
    cast(_mm_or_si128(_mm_slli_epi16::<4>(first), second))
}
