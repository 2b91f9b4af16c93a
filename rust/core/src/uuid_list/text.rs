//! Bytes → text: UTF-8, or UTF-16 with a byte-order mark, as Excel and PowerShell write it.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

/// Why bytes cannot be parsed at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UuidListError {
    /// The bytes are not text.
    #[error("the list is not text: {found} is at byte offset {offset}")]
    NotText {
        /// The byte offset, from 0.
        offset: usize,
        /// What is there.
        found: NotText,
    },
}

/// Something that text does not contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotText {
    /// A zero byte, or the character U+0000.
    Nul,
    /// Bytes that are not UTF-8.
    BrokenUtf8,
    /// Bytes that are not UTF-16, after the byte-order mark of UTF-16.
    BrokenUtf16,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nul => "a NUL",
            Self::BrokenUtf8 => "something that is not UTF-8",
            Self::BrokenUtf16 => "something that is not UTF-16",
        })
    }
}

/// Decodes bytes. Keeps the byte-order mark, so that columns are counted alike in all encodings. Borrows UTF-8.
pub(super) fn to_text(bytes: &[u8]) -> Result<Cow<'_, str>, UuidListError> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => from_utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xFE, 0xFF, rest @ ..] => from_utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        _ => from_utf8(bytes).map(Cow::Borrowed),
    }
}

fn from_utf8(bytes: &[u8]) -> Result<&str, UuidListError> {
    let nul = memchr::memchr(0, bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| error.valid_up_to());
    match (text, nul) {
        (Ok(text), None) => Ok(text),
        (Err(broken), None) => Err(not_text(broken, NotText::BrokenUtf8)),
        // Report whichever comes first.
        (Err(broken), Some(nul)) if broken < nul => Err(not_text(broken, NotText::BrokenUtf8)),
        (_, Some(nul)) => Err(not_text(nul, NotText::Nul)),
    }
}

/// Decodes the bytes after the two-byte byte-order mark.
fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, UuidListError> {
    let mut text = String::with_capacity(bytes.len() / 2 + 3);
    text.push('\u{feff}');
    let mut offset = 2;
    let (units, odd) = bytes.as_chunks::<2>();
    for decoded in char::decode_utf16(units.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok('\0') => return Err(not_text(offset, NotText::Nul)),
            Ok(character) => {
                text.push(character);
                offset += 2 * character.len_utf16();
            }
            Err(_) => return Err(not_text(offset, NotText::BrokenUtf16)),
        }
    }
    if odd.is_empty() { Ok(text) } else { Err(not_text(offset, NotText::BrokenUtf16)) }
}

fn not_text(offset: usize, found: NotText) -> UuidListError {
    UuidListError::NotText { offset, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn utf16_with_a_mark_is_text_in_both_byte_orders() {
        let text = "uuid\r\nä€😀";
        let marked = format!("\u{feff}{text}");
        assert_eq!(to_text(&utf16(text, u16::to_le_bytes)).unwrap(), marked);
        assert_eq!(to_text(&utf16(text, u16::to_be_bytes)).unwrap(), marked);
        assert_eq!(to_text(&[0xFF, 0xFE]).unwrap(), "\u{feff}");
    }

    #[test]
    fn bytes_that_are_not_text_are_reported_with_their_offset() {
        let cases: [(&[u8], usize, NotText); 9] = [
            (b"abc\0def", 3, NotText::Nul),
            (b"ab\xffcd\0", 2, NotText::BrokenUtf8),
            (b"ab\0cd\xff", 2, NotText::Nul),
            (b"\xc3", 0, NotText::BrokenUtf8),
            (b"a\xed\xa0\x80", 1, NotText::BrokenUtf8),
            (b"\xff\xfea\0\0\0", 4, NotText::Nul),
            (b"\xff\xfea\0b", 4, NotText::BrokenUtf16),
            (b"\xff\xfea\0\x00\xd8b\0", 4, NotText::BrokenUtf16),
            // UTF-32 with a byte-order mark looks like UTF-16 that begins with NUL.
            (b"\xff\xfe\0\0a\0\0\0", 2, NotText::Nul),
        ];
        for (bytes, offset, found) in cases {
            assert_eq!(to_text(bytes), Err(UuidListError::NotText { offset, found }), "{bytes:?}");
        }
    }
}
