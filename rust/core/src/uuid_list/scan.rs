//! Text → values.

use super::bad::{self, BadValue, Place};
use super::clean::{BARE, Forms, SEPARATOR, take_clean};
use super::distinct::keep_first;
use super::header::{is_header, is_header_line};
use super::parallel::take_clean_side_by_side;
use super::text::{UuidListError, to_text};
use super::value::parse_value;
use crate::ids::Uuid;
use crate::machine::effort::Effort;
use crate::machine::huge_pages;

/// How many bad values are kept; all of them are counted.
pub const MAX_BAD_KEPT: usize = 100_000;

/// So often a text is split up to be read by several threads: it may begin with a header, and have a flaw or two. Where
/// there are more, what the others have read was read for nothing too often.
const SPLITS: usize = 4;

/// What a list says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UuidListReport {
    /// The UUIDs, each once, in the order of their first occurrence.
    pub uuids: Vec<Uuid>,
    /// How many later occurrences were dropped.
    pub duplicates: usize,
    /// Whether a header came first.
    pub header: bool,
    /// The first bad values, at most [`MAX_BAD_KEPT`], in the order of the text.
    pub bad: Vec<BadValue>,
    /// How many bad values there are in all.
    pub bad_count: usize,
}

/// Reads a list. Bad values and an empty list are no errors here: the report tells.
///
/// # Errors
/// The bytes are not text.
pub fn parse(bytes: &[u8], effort: &Effort) -> Result<UuidListReport, UuidListError> {
    // There are no more: a value is no shorter, and has a separator after it. Pages that are not written take no memory.
    let uuids = huge_pages::with_capacity(bytes.len() / (BARE + 1) + 1);
    let mut report = UuidListReport { uuids, ..Default::default() };
    // What is clean is text, and need not be found to be.
    let taken = take_clean_side_by_side(bytes, effort, &mut Forms::default(), &mut report.uuids);
    if taken < bytes.len() {
        let text = to_text(bytes)?;
        let (from, to) =
            if report.uuids.is_empty() { inside_array(&text) } else { None }.unwrap_or((taken, text.len()));
        take_all(&text[..to], from, effort, &mut report);
    }
    report.duplicates = keep_first(&mut report.uuids, effort);
    // Giving memory back may cost a copy of all that is kept: for a little it is not worth it.
    if report.uuids.capacity() / 4 > report.uuids.len() / 3 {
        report.uuids.shrink_to_fit();
    }
    Ok(report)
}

/// What is between the brackets of a JSON array, if the text is one.
///
/// The elements are read as the values of any list: strings have quotes, and everything else is a bad value.
fn inside_array(text: &str) -> Option<(usize, usize)> {
    let whole = text.trim_matches(is_blank);
    let inner = whole.strip_prefix('[')?.strip_suffix(']')?;
    let start = text.len() - text.trim_start_matches(is_blank).len() + 1;
    Some((start, start + inner.len()))
}

/// Takes all that a text says from a place on.
fn take_all(text: &str, from: usize, effort: &Effort, report: &mut UuidListReport) {
    let mut place = Place::start_of(text);
    let (mut at, mut forms) = (from, Forms::default());
    for split in 1.. {
        let rest = &text.as_bytes()[at..];
        at += if split < SPLITS {
            take_clean_side_by_side(rest, effort, &mut forms, &mut report.uuids)
        } else {
            take_clean(rest, effort.kernel, &mut forms, &mut report.uuids)
        };
        let Some((start, end)) = next_value(text, at) else {
            break;
        };
        // The separators, too, so that what follows may be clean again.
        at = end + text.as_bytes()[end..].iter().take_while(|&&byte| SEPARATOR[usize::from(byte)]).count();
        let value = &text[start..end];
        let unquoted = value.trim_start_matches(is_quote);
        let start = end - unquoted.len();
        let unquoted = unquoted.trim_end_matches(is_quote);
        if unquoted.is_empty() {
            continue;
        }
        if let Some(uuid) = parse_value(unquoted.as_bytes()) {
            report.uuids.push(uuid);
        } else if report.uuids.is_empty() && report.bad_count == 0 && !report.header && is_header(unquoted) {
            report.header = true;
        } else if let Some(line) = header_line(text, start, report) {
            // A header of several words, such as `Device UUID`.
            report.header = true;
            at = start + line;
        } else {
            report.bad_count += 1;
            if report.bad.len() < MAX_BAD_KEPT {
                place.advance(text, start);
                report.bad.push(BadValue {
                    line: place.line,
                    column: place.column,
                    text: bad::shown(unquoted),
                    reason: bad::reason(unquoted),
                });
            }
        }
    }
}

/// How long the line from `start` on is, if it is the first of all and a header.
fn header_line(text: &str, start: usize, report: &UuidListReport) -> Option<usize> {
    if report.header || !report.uuids.is_empty() || report.bad_count > 0 {
        return None;
    }
    let line = text[start..].split(is_line_break).next()?;
    is_header_line(line).then_some(line.len())
}

/// Where the next value begins and ends, quotes included.
fn next_value(text: &str, at: usize) -> Option<(usize, usize)> {
    let start = find_from(text, at, true)?;
    Some((start, find_from(text, start, false).unwrap_or(text.len())))
}

/// The first character from `at` on that is a separator, or that is none where separators are to be skipped.
fn find_from(text: &str, mut at: usize, skip_separators: bool) -> Option<usize> {
    loop {
        // By the byte as long as it is ASCII: decoding would take most of the time of a list in quotes.
        let sought = |byte: &u8| !byte.is_ascii() || SEPARATOR[usize::from(*byte)] != skip_separators;
        at += text.as_bytes()[at..].iter().position(sought)?;
        let character = text[at..].chars().next()?;
        if is_separator(character) != skip_separators {
            return Some(at);
        }
        at += character.len_utf8();
    }
}

fn is_separator(character: char) -> bool {
    matches!(character, ',' | ';' | '|') || is_blank(character)
}

/// White space and what else nobody sees between values.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}' | '\u{feff}' | '\u{200b}')
}

fn is_line_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'')
}
