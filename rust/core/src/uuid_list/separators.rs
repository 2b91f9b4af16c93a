//! The characters between values: separators, blanks and quotes.

/// The ASCII bytes that are separators.
pub(super) const SEPARATOR: [bool; 256] = table(b",;| \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f");

/// The bytes that are quotes.
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

pub(super) fn is_separator(character: char) -> bool {
    matches!(character, ',' | ';' | '|') || is_blank(character)
}

/// White space and invisible characters between values.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}' | '\u{feff}' | '\u{200b}')
}

pub(super) fn is_line_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'')
}

/// The number of quotes and separators at the beginning of a text.
pub(super) fn gap(text: &[u8]) -> usize {
    text.iter().take_while(|&&byte| SEPARATOR[usize::from(byte)] || QUOTE[usize::from(byte)]).count()
}

/// The length of the gap after a value, if it contains a separator.
///
/// Bit i of `separators` says that the byte i after the value is a separator; bit i of `gaps`, that it is a separator or
/// a quote. `gaps` has a zero bit.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn gap_in_masks(separators: u64, gaps: u64) -> Option<usize> {
    let others = !gaps;
    // All bits up to the first byte that is neither.
    let run = others ^ others.wrapping_sub(1);
    (separators & run != 0).then(|| others.trailing_zeros() as usize)
}
