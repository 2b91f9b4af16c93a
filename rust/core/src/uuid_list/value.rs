//! One value → UUID.

use crate::ids::Uuid;

/// What may stand before a UUID, in any case.
pub(super) const URN: &str = "urn:uuid:";

/// The UUID that a value is, in any of the accepted forms.
pub(super) fn parse_value(value: &[u8]) -> Option<Uuid> {
    let body = body(value)?;
    if let Ok(text) = <&[u8; 36]>::try_from(body) { hyphenated(text) } else { bare(body.try_into().ok()?) }
}

/// The UUID that 32 digits are.
#[inline]
pub(super) fn bare(text: &[u8; 32]) -> Option<Uuid> {
    let (words, _) = text.as_chunks::<8>();
    digits(std::array::from_fn(|at| u64::from_be_bytes(words[at])))
}

/// The UUID that 36 characters are; the clean path of every list.
#[inline]
pub(super) fn hyphenated(text: &[u8; 36]) -> Option<Uuid> {
    let half = |at: usize| u64::from(u32::from_be_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]]));
    let word = |at: usize, then: usize| half(at) << 32 | half(then);
    let hyphens = [text[8], text[13], text[18], text[23]] == *b"----";
    digits([word(0, 4), word(9, 14), word(19, 24), word(28, 32)]).filter(|_| hyphens)
}

/// The value without its braces or its prefix; nothing if only one brace is there.
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

/// The UUID whose 32 digits are these characters, eight in a word, the first uppermost.
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

/// The number that eight characters are, and whether all of them are hex digits.
///
/// All eight are worked on at once, in the bytes of one word: with a table of digits a clean list takes half as long
/// again.
#[inline]
fn eight_digits(word: u64) -> (u32, bool) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = EACH * 0x80;
    // Adding `0x80 - limit` sets the top bit of the bytes that are `limit` or more. Bytes below 0x80 don't overflow
    // into their neighbours; those above are refused at the end.
    let at_least = |word: u64, limit: u8| (word & !TOP) + EACH * u64::from(0x80 - limit);
    let lower = word | (EACH * 0x20);
    let decimal = at_least(word, b'0') & !at_least(word, b'9' + 1) & TOP;
    let letter = at_least(lower, b'a') & !at_least(lower, b'f' + 1) & TOP;
    let is_hex = (decimal | letter) & !word & TOP == TOP;

    // The low half of a decimal digit is its value, that of a letter is nine less than its value.
    let halves = (word & (EACH * 0x0F)) + (letter >> 7) * 9;
    let bytes = (halves | halves >> 4) & 0x00FF_00FF_00FF_00FF;
    let pairs = (bytes | bytes >> 8) & 0x0000_FFFF_0000_FFFF;
    ((pairs | pairs >> 16) as u32, is_hex)
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
    fn near_misses_are_no_uuid() {
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
}
