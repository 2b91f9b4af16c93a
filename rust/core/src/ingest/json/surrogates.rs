//! Unpaired surrogates in escapes. They are not characters, and parsers may reject them.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

/// Replaces unpaired surrogates by U+FFFD. The length stays the same.
pub(super) fn without_half_pairs(text: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Cow::Borrowed(text);
    let mut at = 0;
    // Most texts have no surrogates.
    let has_any = |text: &[u8]| memchr_iter(b'\\', text).any(|at| unit_at(text, at).is_some_and(is_surrogate));
    if !has_any(&text) {
        return text;
    }
    while let Some(found) = memchr(b'\\', &text[at..]) {
        let escape = at + found;
        let Some(unit) = unit_at(&text, escape) else {
            at = (escape + 2).min(text.len());
            continue;
        };
        at = escape + 6;
        if (0xD800..0xDC00).contains(&unit) && unit_at(&text, at).is_some_and(|low| (0xDC00..0xE000).contains(&low)) {
            at += 6;
        } else if is_surrogate(unit) {
            text.to_mut()[escape + 2..at].copy_from_slice(b"fffd");
        }
    }
    text
}

pub(super) fn is_surrogate(unit: u16) -> bool {
    (0xD800..0xE000).contains(&unit)
}

/// The UTF-16 code unit of an escape such as `\u00e9`; `None` if there is no escape at `at`.
pub(super) fn unit_at(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}
