//! Bad values: their position, their text for a message, and the reason.

use crate::uuid_list::forms::URN;
use crate::uuid_list::forms::is_header;

/// The most characters of a bad value in a message.
const MAX_SHOWN: usize = 40;

/// A value that is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1. A byte-order mark before the first line does not count.
    pub column: usize,
    /// The element of the JSON array that it is part of, from 1. None if the list is not an array.
    pub element: Option<usize>,
    /// Its text without quotes, cropped, with invisible characters escaped like `\u200d`.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A line and column in a text. It only moves forward.
///
/// Only bad values need it, so clean lists do not pay for counting lines.
pub(super) struct TextPosition {
    offset: usize,
    after_return: bool,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl TextPosition {
    /// The beginning of a text.
    pub(super) fn start_of(text: &str) -> Self {
        // Editors do not show a byte-order mark, so it does not count as a column.
        let offset = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { offset, after_return: false, line: 1, column: 1 }
    }

    /// Moves on to the byte offset `to` of the same text.
    pub(super) fn advance(&mut self, text: &str, to: usize) {
        let mut rest = &text[self.offset..to];
        loop {
            // Printable ASCII needs no decoding: one byte per column.
            let plain = rest.bytes().position(|byte| !matches!(byte, b' '..=b'~')).unwrap_or(rest.len());
            self.column += plain;
            self.after_return &= plain == 0;
            let mut other = rest[plain..].chars();
            let Some(character) = other.next() else { break };
            match character {
                '\n' if self.after_return => {}
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    self.line += 1;
                    self.column = 1;
                }
                _ => self.column += 1,
            }
            self.after_return = character == '\r';
            rest = other.as_str();
        }
        self.offset = to;
    }
}

/// Counts the elements of a JSON array up to a byte offset.
pub(super) struct ElementCounter {
    at: usize,
    element: usize,
    depth: usize,
    is_string: bool,
}

impl ElementCounter {
    /// Starts after the opening bracket.
    pub(super) fn new(start: usize) -> Self {
        Self { at: start, element: 1, depth: 0, is_string: false }
    }

    /// The element, from 1, at an offset that is not below the previous one.
    pub(super) fn element_at(&mut self, text: &str, offset: usize) -> usize {
        while self.at < offset {
            match text.as_bytes()[self.at] {
                b'\\' if self.is_string => self.at += 1,
                b'"' => self.is_string = !self.is_string,
                _ if self.is_string => {}
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                b',' if self.depth == 0 => self.element += 1,
                _ => {}
            }
            self.at += 1;
        }
        self.element
    }
}

/// The beginning of a value, escaped for terminals and logs.
pub(super) fn shown(value: &str) -> String {
    let mut text = String::new();
    let mut length = 0;
    for character in value.chars() {
        let piece = visible(character);
        // An escape counts its ASCII characters, a visible character counts one.
        length += if piece.starts_with('\\') { piece.len() } else { 1 };
        if length > MAX_SHOWN {
            text.push('…');
            break;
        }
        text.push_str(&piece);
    }
    text
}

/// Why a value is not a UUID.
///
/// The caller has found that it is not one.
pub(super) fn reason(value: &str) -> String {
    if is_header(value) {
        return "a header stands at the beginning of a list only".to_owned();
    }
    let start = match (value.starts_with('{'), value.ends_with('}')) {
        (true, true) => 1,
        (true, false) => return "a brace is opened and not closed".to_owned(),
        (false, true) => return "a brace is closed and not opened".to_owned(),
        (false, false) => match value.get(..URN.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(URN) => URN.len(),
            _ => 0,
        },
    };
    let body = value[start..].strip_suffix('}').unwrap_or(&value[start..]);
    if let Some((at, character)) = body.chars().enumerate().find(|(_, c)| !c.is_ascii_hexdigit() && *c != '-') {
        // Everything before the body is ASCII, so bytes are characters.
        return format!("{} at character {} is no hex digit", named(character), start + at + 1);
    }
    match body.bytes().filter(u8::is_ascii_hexdigit).count() {
        32 => "hyphens in the wrong places".to_owned(),
        1 => "1 hex digit, a UUID has 32".to_owned(),
        count => format!("{count} hex digits, a UUID has 32"),
    }
}

/// A character in backticks, with its code point if it may be confused with another.
fn named(character: char) -> String {
    let shown = visible(character);
    if character.is_ascii() || shown.starts_with('\\') {
        format!("`{shown}`")
    } else {
        format!("`{shown}` (U+{:04X})", u32::from(character))
    }
}

/// A character, or its escape if it is invisible.
fn visible(character: char) -> String {
    // `escape_debug` knows which characters are printable, but also escapes quotes and backslashes.
    if matches!(character, '\'' | '"' | '\\') || character.escape_debug().len() == 1 {
        return character.to_string();
    }
    let number = u32::from(character);
    if number > 0xFFFF { format!("\\U{number:08x}") } else { format!("\\u{number:04x}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_name_the_first_thing_that_is_wrong() {
        for (value, expected) in [
            ("00112233-4455-6677-8899-aabbccddeef", "31 hex digits, a UUID has 32"),
            ("00112233-4455-6677-8899-aabbccddeeff0", "33 hex digits, a UUID has 32"),
            ("a", "1 hex digit, a UUID has 32"),
            ("-", "0 hex digits, a UUID has 32"),
            ("{}", "0 hex digits, a UUID has 32"),
            ("urn:uuid:", "0 hex digits, a UUID has 32"),
            ("00112233g4455-6677-8899-aabbccddeeff", "`g` at character 9 is no hex digit"),
            ("00112233–4455-6677-8899-aabbccddeeff", "`–` (U+2013) at character 9 is no hex digit"),
            ("00112233\u{ad}4455-6677-8899-aabbccddeeff", "`\\u00ad` at character 9 is no hex digit"),
            ("éé-é", "`é` (U+00E9) at character 1 is no hex digit"),
            ("urn:uuid:0x", "`x` at character 11 is no hex digit"),
            ("{x}", "`x` at character 2 is no hex digit"),
            ("{00112233", "a brace is opened and not closed"),
            ("00112233}", "a brace is closed and not opened"),
            ("{", "a brace is opened and not closed"),
            ("UUID", "a header stands at the beginning of a list only"),
            ("0011-2233445566778899aabbccddeeff", "hyphens in the wrong places"),
        ] {
            assert_eq!(reason(value), expected, "{value}");
        }
    }

    #[test]
    fn elements_are_counted_outside_of_strings_and_nested_values() {
        let text = r#"["a,b", "c\",d", [1,2], {"e":3,"f":4} ,x]"#;
        let mut counter = ElementCounter::new(1);
        let found: Vec<usize> = "abcd12e3x".chars().map(|c| counter.element_at(text, text.find(c).unwrap())).collect();
        assert_eq!(found, [1, 1, 2, 2, 3, 3, 4, 4, 5]);
    }

    #[test]
    fn what_nobody_sees_is_escaped_and_the_rest_is_cropped() {
        assert_eq!(shown("plain \"quoted\" back\\slash é 😀"), "plain \"quoted\" back\\slash é 😀");
        assert_eq!(shown("\u{1b}[31m\u{202e}\u{e0020}"), "\\u001b[31m\\u202e\\U000e0020");
        assert_eq!(shown(&"x".repeat(40)), "x".repeat(40));
        assert_eq!(shown(&"é".repeat(41)), "é".repeat(40) + "…");
        assert_eq!(shown(&"\u{7}".repeat(41)), "\\u0007".repeat(6) + "…");
    }

    #[test]
    fn every_line_break_is_one_and_a_mark_at_the_beginning_has_no_column() {
        let text = "\u{feff}a\nb\r\nc\rd\u{b}e\u{c}f\u{85}g\u{2028}h\u{2029}é\u{feff}i\r\r\nj";
        let mut position = TextPosition::start_of(text);
        let mut found = Vec::new();
        for (offset, character) in text.char_indices().filter(|(_, c)| c.is_alphabetic()) {
            position.advance(text, offset);
            found.push((character, position.line, position.column));
        }
        let expected = [
            ('a', 1, 1),
            ('b', 2, 1),
            ('c', 3, 1),
            ('d', 4, 1),
            ('e', 5, 1),
            ('f', 6, 1),
            ('g', 7, 1),
            ('h', 8, 1),
            ('é', 9, 1),
            ('i', 9, 3),
            ('j', 11, 1),
        ];
        assert_eq!(found, expected);
    }
}
