//! Text → values.

use super::bad::{self, BadValue, Place};
use super::seen::{BATCH, Seen};
use super::text::{UuidListError, to_text};
use super::value::{hyphenated, parse_value};
use crate::ids::Uuid;

/// How many bad values are kept; all of them are counted.
pub const MAX_BAD_KEPT: usize = 4096;

/// The hyphenated form and one separator.
const CLEAN: usize = 37;

/// How many values are parsed before they are looked up in the table, so that neither loop disturbs the other.
const CHUNK: usize = 4096;

/// The separators that are one byte long.
const SEPARATOR: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b",;| \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f";
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = true;
        i += 1;
    }
    table
};

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
pub fn parse(bytes: &[u8]) -> Result<UuidListReport, UuidListError> {
    let text = to_text(bytes)?;
    let text = text.as_ref();
    let mut distinct = Distinct::with_room_for(text.len() / CLEAN + 1);
    let mut report = UuidListReport::default();
    let mut place = Place::start_of(text);
    let mut at = 0;
    loop {
        at += take_clean(&text.as_bytes()[at..], &mut distinct);
        let Some((start, end)) = next_value(text, at) else {
            break;
        };
        at = end;
        let value = &text[start..end];
        let unquoted = value.trim_start_matches(is_quote);
        let start = end - unquoted.len();
        let unquoted = unquoted.trim_end_matches(is_quote);
        if unquoted.is_empty() {
            continue;
        }
        if let Some(uuid) = parse_value(unquoted.as_bytes()) {
            distinct.push(uuid);
        } else if unquoted.eq_ignore_ascii_case("uuid")
            && distinct.is_empty()
            && report.bad_count == 0
            && !report.header
        {
            report.header = true;
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
    (report.uuids, report.duplicates) = distinct.finish();
    Ok(report)
}

/// The clean path: takes values of 36 characters with one or two separators after each, while there are any.
///
/// Returns how many bytes it took. Anything else is left to [`next_value`], which knows all the rest.
fn take_clean(text: &[u8], distinct: &mut Distinct) -> usize {
    let mut rest = text;
    while let Some((head, tail)) = rest.split_first_chunk::<CLEAN>() {
        let (value, separator) = head.split_first_chunk::<36>().expect("37 is more than 36");
        if !SEPARATOR[usize::from(separator[0])] {
            break;
        }
        let Some(uuid) = hyphenated(value) else { break };
        distinct.push(uuid);
        rest = match tail {
            // The second half of `\r\n` or `, `.
            [second, tail @ ..] if SEPARATOR[usize::from(*second)] => tail,
            _ => tail,
        };
    }
    text.len() - rest.len()
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

pub(super) fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'')
}

/// UUIDs in the order of their first occurrence.
struct Distinct {
    /// The settled rows are distinct, those after them may be anything.
    uuids: Vec<Uuid>,
    settled: usize,
    duplicates: usize,
    seen: Seen,
}

impl Distinct {
    fn with_room_for(expected: usize) -> Self {
        Self { uuids: Vec::with_capacity(expected), settled: 0, duplicates: 0, seen: Seen::with_room_for(expected) }
    }

    fn is_empty(&self) -> bool {
        self.uuids.is_empty()
    }

    #[inline]
    fn push(&mut self, uuid: Uuid) {
        self.uuids.push(uuid);
        if self.uuids.len() - self.settled >= CHUNK {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let mut hashes = [0; BATCH];
        for start in (self.settled..self.uuids.len()).step_by(BATCH) {
            let batch = start..self.uuids.len().min(start + BATCH);
            self.seen.hash_all(&self.uuids[batch.clone()], &mut hashes);
            for (row, &hash) in batch.zip(&hashes) {
                // Rows move up over the duplicates before them, so the next free row is never after `row`.
                self.uuids[self.settled] = self.uuids[row];
                match self.seen.see(hash, self.settled, &self.uuids) {
                    None => self.settled += 1,
                    Some(_) => self.duplicates += 1,
                }
            }
        }
        self.uuids.truncate(self.settled);
    }

    fn finish(mut self) -> (Vec<Uuid>, usize) {
        self.settle();
        self.uuids.shrink_to_fit();
        (self.uuids, self.duplicates)
    }
}
