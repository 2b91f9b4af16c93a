//! The forms of a value, text → UUID, and of a header.

use crate::ids::Uuid;
use crate::uuid_list::separators::{is_blank, is_quote};

/// The length of the hyphenated form.
pub(super) const HYPHENATED: usize = 36;

/// The length of the digits alone.
pub(super) const BARE: usize = 32;

/// How far ahead of the parser a text is prefetched. The hardware prefetcher stops at the end of a page.
#[cfg(target_arch = "x86_64")]
pub(super) const PREFETCH_DISTANCE: usize = 4096;

/// A prefix that a value may have, in any case.
pub(super) const URN: &str = "urn:uuid:";

/// Parses a value in any accepted form.
pub(super) fn parse_value(value: &[u8]) -> Option<Uuid> {
    let body = body(value)?;
    if let Ok(text) = <&[u8; 36]>::try_from(body) { hyphenated(text) } else { bare(body.try_into().ok()?) }
}

/// Parses 32 digits.
#[inline]
pub(super) fn bare(text: &[u8; 32]) -> Option<Uuid> {
    let (words, _) = text.as_chunks::<8>();
    digits(std::array::from_fn(|at| u64::from_be_bytes(words[at])))
}

/// Parses the hyphenated form.
#[inline]
pub(super) fn hyphenated(text: &[u8; 36]) -> Option<Uuid> {
    let half = |at: usize| u64::from(u32::from_be_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]]));
    let word = |at: usize, then: usize| half(at) << 32 | half(then);
    let hyphens = [text[8], text[13], text[18], text[23]] == *b"----";
    digits([word(0, 4), word(9, 14), word(19, 24), word(28, 32)]).filter(|_| hyphens)
}

/// The value without its braces or prefix; `None` if only one brace is there.
fn body(value: &[u8]) -> Option<&[u8]> {
    match value {
        [b'{', body @ .., b'}'] => Some(body),
        [b'{', ..] | [.., b'}'] => None,
        _ => match value.split_at_checked(URN.len()) {
            Some((prefix, body)) if prefix.eq_ignore_ascii_case(URN.as_bytes()) => Some(body),
            _ => Some(value),
        },
    }
}

/// Parses 32 digits, eight characters per word, the first in the upper byte.
#[inline]
fn digits(words: [u64; 4]) -> Option<Uuid> {
    let mut uuid = [0; 16];
    let mut all_hex = true;
    for (bytes, word) in uuid.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        let (number, is_hex) = eight_digits(word);
        *bytes = number.to_be_bytes();
        all_hex &= is_hex;
    }
    all_hex.then_some(uuid)
}

/// The number that eight characters spell, and whether all of them are hex digits.
///
/// SIMD within a register: 1.5 times as fast as a table of digits.
#[inline]
fn eight_digits(word: u64) -> (u32, bool) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = EACH * 0x80;
    // Adding `0x80 - limit` sets the top bit of each byte ≥ `limit`. Bytes below 0x80 do not overflow into their
    // neighbours; bytes above are rejected at the end.
    let at_least = |word: u64, limit: u8| (word & !TOP) + EACH * u64::from(0x80 - limit);
    let lower = word | (EACH * 0x20);
    let decimal = at_least(word, b'0') & !at_least(word, b'9' + 1) & TOP;
    let letter = at_least(lower, b'a') & !at_least(lower, b'f' + 1) & TOP;
    let is_hex = (decimal | letter) & !word & TOP == TOP;

    // The value of a digit is its low half; that of a letter is its low half plus nine.
    let halves = (word & (EACH * 0x0F)) + (letter >> 7) * 9;
    let bytes = (halves | halves >> 4) & 0x00FF_00FF_00FF_00FF;
    let pairs = (bytes | bytes >> 8) & 0x0000_FFFF_0000_FFFF;
    ((pairs | pairs >> 16) as u32, is_hex)
}

/// The folded spellings. A test of `UuidList` compares them with `groundswell.ingest.columns`.
const HEADERS: [&str; 2] = ["uuid", "deviceuuid"];

/// The most bytes of a header, its separators included.
const MAX_HEADER_LENGTH: usize = 64;

/// Whether a value is a header.
pub(super) fn is_header(value: &str) -> bool {
    if value.len() > MAX_HEADER_LENGTH {
        return false;
    }
    let folded: String = value.chars().filter(|&c| !matches!(c, '-' | '_' | '.') && !is_blank(c)).collect();
    HEADERS.iter().any(|header| folded.eq_ignore_ascii_case(header))
}

/// Whether a line is a header of one or several words, apart from quotes and separators around it.
pub(super) fn is_header_line(line: &str) -> bool {
    is_header(line.trim_matches(|c| is_quote(c) || is_blank(c) || matches!(c, ',' | ';' | '|')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: Uuid = *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";

    #[test]
    fn every_accepted_form_is_the_same_uuid() {
        for form in [
            "00112233-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-AABBccddEEFF",
            "00112233445566778899aabbccddeeff",
            "{00112233-4455-6677-8899-aabbccddeeff}",
            "{00112233445566778899AABBCCDDEEFF}",
            "urn:uuid:00112233-4455-6677-8899-aabbccddeeff",
            "URN:Uuid:00112233445566778899aabbccddeeff",
        ] {
            assert_eq!(parse_value(form.as_bytes()), Some(UUID), "{form}");
        }
    }

    #[test]
    fn near_misses_are_refused() {
        for form in [
            "",
            "{}",
            "urn:uuid:",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeeff0",
            "0011223-34455-6677-8899-aabbccddeeff",
            "0011-2233445566778899aabbccddeeff",
            "{00112233-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeeff}",
            "{urn:uuid:00112233-4455-6677-8899-aabbccddeeff}",
            "uuid:00112233-4455-6677-8899-aabbccddeeff",
            "0011223g-4455-6677-8899-aabbccddeeff",
            "0011223é-4455-6677-8899-aabbccddeef",
            "００112233-4455-6677-8899-aabbccddeeff",
        ] {
            assert_eq!(parse_value(form.as_bytes()), None, "{form}");
        }
    }

    #[test]
    fn each_of_the_36_places_matters() {
        let clean = *b"00112233-4455-6677-8899-aabbccddeeff";
        for place in 0..36 {
            for byte in 0..=255 {
                let mut text = clean;
                text[place] = byte;
                let fits = if clean[place] == b'-' { byte == b'-' } else { byte.is_ascii_hexdigit() };
                assert_eq!(hyphenated(&text).is_some(), fits, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn spellings_of_uuid_are_headers() {
        for value in ["uuid", "UUID", "device_uuid", "Device-UUID", "deviceUuid", "DEVICE.UUID", "u-u-i-d"] {
            assert!(is_header(value) && is_header_line(value), "{value}");
        }
        for line in ["Device UUID", "\"Device UUID\"", "device uuid;", "'device\u{a0}UUID',"] {
            assert!(is_header_line(line), "{line}");
        }
        let long = format!("uuid{}", "-".repeat(100));
        for value in ["", "id", "uuids", "device", "name,uuid", "uuid,name", long.as_str()] {
            assert!(!is_header(value) && !is_header_line(value), "{value}");
        }
    }
}
