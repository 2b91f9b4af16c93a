//! Rejects JSON that a parser may not survive: deep nesting, very long numbers, unpaired surrogates.

use memchr::memchr2;

use super::surrogates::{is_surrogate, unit_at};

/// A limit that a text exceeds, whether or not it is valid JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Excess {
    /// Arrays and objects are nested too deeply.
    Depth,
    /// A number has too many digits.
    Digits,
    /// A surrogate is unpaired.
    HalfPair,
}

/// The byte index at which a text first exceeds a limit. Cost: linear.
pub fn check(text: &[u8], max_depth: usize, max_digits: usize) -> Option<(usize, Excess)> {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => match check_string(text, at + 1) {
                Ok(end) => at = end,
                Err(place) => return Some((place, Excess::HalfPair)),
            },
            b'[' | b'{' => {
                depth += 1;
                if depth > max_depth {
                    return Some((at, Excess::Depth));
                }
                at += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'0'..=b'9' => {
                let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if digits > max_digits {
                    return Some((at, Excess::Digits));
                }
                at += digits;
            }
            _ => at += 1,
        }
    }
    None
}

/// The index after the closing quote of the string at `begins`; or the index of an unpaired surrogate.
fn check_string(text: &[u8], begins: usize) -> Result<usize, usize> {
    let mut at = begins;
    while let Some(found) = memchr2(b'"', b'\\', &text[at..]) {
        at += found;
        if text[at] == b'"' {
            return Ok(at + 1);
        }
        match unit_at(text, at) {
            Some(high) if (0xD800..0xDC00).contains(&high) => {
                match unit_at(text, at + 6) {
                    Some(low) if (0xDC00..0xE000).contains(&low) => at += 12,
                    _ => return Err(at),
                };
            }
            Some(unit) if is_surrogate(unit) => return Err(at),
            Some(_) => at += 6,
            None => at = (at + 2).min(text.len()),
        }
    }
    Ok(text.len())
}

#[cfg(test)]
mod tests {
    use super::{Excess, check};

    #[test]
    fn limits_hold_outside_of_strings_only() {
        let found = |text: &str| check(text.as_bytes(), 2, 3);
        assert_eq!(found(r#"[[1, {"#), Some((5, Excess::Depth)));
        assert_eq!(found(r#"[[1], {"a": 123}]"#), None);
        assert_eq!(found(r#"["[[[[", "\"[[[", 1234]"#), Some((18, Excess::Digits)));
        assert_eq!(found(r#"["12345\\"]"#), None);
        assert_eq!(found(r#"]]][["#), None);
        assert_eq!(found(r#""[[["#), None);
    }

    #[test]
    fn half_a_pair_is_found_wherever_it_stands() {
        let found = |text: &str| check(text.as_bytes(), 9, 9).map(|(at, _)| at);
        assert_eq!(found(r#""\ud83d\ude00\u00e9""#), None);
        assert_eq!(found(r#""\\ud83d""#), None);
        assert_eq!(found(r#""\ud83d""#), Some(1));
        assert_eq!(found(r#""a\ud83d\ud83d\ude00""#), Some(2));
        assert_eq!(found(r#""\udc00\ud83d""#), Some(1));
        assert_eq!(found(r#""\ud83d"#), Some(1));
        assert_eq!(found("\"\\"), None);
    }
}
