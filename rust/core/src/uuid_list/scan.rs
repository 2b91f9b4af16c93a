//! Text → UUIDs and bad values.

use crate::ids::Uuid;
use crate::machine::effort::Effort;
use crate::machine::huge_pages;
use crate::uuid_list::bad_value::{self, BadValue, ElementCounter, TextPosition};
use crate::uuid_list::clean::{Patterns, take_clean};
use crate::uuid_list::distinct::keep_first;
use crate::uuid_list::forms::{BARE, parse_value};
use crate::uuid_list::forms::{is_header, is_header_line};
use crate::uuid_list::parallel::take_clean_parallel;
use crate::uuid_list::separators::{SEPARATOR, is_blank, is_line_break, is_quote, is_separator};
use crate::uuid_list::text::{UuidListError, to_text};

/// The most bad values that a report has. It counts all of them.
pub const MAX_BAD_KEPT: usize = 100_000;

/// How often a text is split for several threads: once more than for a header and a few flaws. With more flaws, most of
/// the parallel work would be wasted.
const MAX_SPLITS: usize = 4;

/// The contents of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UuidListReport {
    /// The UUIDs, each once, in the order of their first occurrence.
    pub uuids: Vec<Uuid>,
    /// How many later occurrences were dropped.
    pub duplicates: usize,
    /// Whether the list has a header.
    pub header: bool,
    /// The first [`MAX_BAD_KEPT`] bad values, in the order of the text.
    pub bad: Vec<BadValue>,
    /// The number of all bad values.
    pub bad_count: usize,
}

/// Parses a list. Bad values and an empty list are not errors; the report has them.
///
/// # Errors
/// [`UuidListError::NotText`].
///
/// # Examples
/// ```
/// use groundswell_core::{Effort, uuid_list};
///
/// let text = b"uuid\n00112233-4455-6677-8899-aabbccddeeff\nnot-a-uuid\n";
/// let report = uuid_list::parse(text, &Effort::default())?;
/// assert_eq!((report.uuids.len(), report.header, report.bad_count), (1, true, 1));
/// assert_eq!((report.bad[0].line, report.bad[0].column), (3, 1));
/// # Ok::<(), uuid_list::UuidListError>(())
/// ```
pub fn parse(bytes: &[u8], effort: &Effort) -> Result<UuidListReport, UuidListError> {
    // An upper bound, so that the vector never grows. Pages that are not written take no memory.
    let uuids = huge_pages::with_capacity(bytes.len() / (BARE + 1) + 1);
    let mut report = UuidListReport { uuids, ..Default::default() };
    // Clean values are ASCII, so only the rest must be checked for being text.
    let taken = take_clean_parallel(bytes, effort, &mut Patterns::default(), &mut report.uuids);
    if taken < bytes.len() {
        let text = to_text(bytes)?;
        let array = if report.uuids.is_empty() { inside_array(&text) } else { None };
        let (from, to) = array.unwrap_or((taken, text.len()));
        let elements = array.map(|(start, _)| ElementCounter::new(start));
        take_all(&text[..to], from, elements, effort, &mut report);
    }
    report.duplicates = keep_first(&mut report.uuids, effort);
    // Shrinking may copy everything, so it is not worth it for a little memory.
    if report.uuids.capacity() / 4 > report.uuids.len() / 3 {
        report.uuids.shrink_to_fit();
    }
    Ok(report)
}

/// The range between the brackets, if the text is a JSON array.
///
/// Its elements are parsed like any list: strings are values in quotes, everything else is a bad value.
fn inside_array(text: &str) -> Option<(usize, usize)> {
    let whole = text.trim_matches(is_blank);
    let inner = whole.strip_prefix('[')?.strip_suffix(']')?;
    let start = text.len() - text.trim_start_matches(is_blank).len() + 1;
    Some((start, start + inner.len()))
}

/// Parses a text from a byte offset on.
fn take_all(
    text: &str,
    from: usize,
    mut elements: Option<ElementCounter>,
    effort: &Effort,
    report: &mut UuidListReport,
) {
    let mut position = TextPosition::start_of(text);
    let (mut at, mut patterns) = (from, Patterns::default());
    for split in 1.. {
        let rest = &text.as_bytes()[at..];
        at += if split < MAX_SPLITS {
            take_clean_parallel(rest, effort, &mut patterns, &mut report.uuids)
        } else {
            take_clean(rest, effort.kernel, &mut patterns, &mut report.uuids)
        };
        let Some((start, end)) = next_value(text, at) else {
            break;
        };
        // Skip the separators, because the fast path starts at a value.
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
                position.advance(text, start);
                report.bad.push(BadValue {
                    line: position.line,
                    column: position.column,
                    element: elements.as_mut().map(|elements| elements.element_at(text, start)),
                    text: bad_value::shown(unquoted),
                    reason: bad_value::reason(unquoted),
                });
            }
        }
    }
}

/// The length of the line at `start`, if it is the first line with a value and a header.
fn header_line(text: &str, start: usize, report: &UuidListReport) -> Option<usize> {
    if report.header || !report.uuids.is_empty() || report.bad_count > 0 {
        return None;
    }
    let line = text[start..].split(is_line_break).next()?;
    is_header_line(line).then_some(line.len())
}

/// The range of the next value, quotes included.
fn next_value(text: &str, at: usize) -> Option<(usize, usize)> {
    let start = find_from(text, at, true)?;
    Some((start, find_from(text, start, false).unwrap_or(text.len())))
}

/// The offset of the first separator from `at` on, or of the first other character if `skip_separators`.
fn find_from(text: &str, mut at: usize, skip_separators: bool) -> Option<usize> {
    loop {
        // Bytes instead of characters while it is ASCII: decoding would dominate the time of a list in quotes.
        let sought = |byte: &u8| !byte.is_ascii() || SEPARATOR[usize::from(*byte)] != skip_separators;
        at += text.as_bytes()[at..].iter().position(sought)?;
        let character = text[at..].chars().next()?;
        if is_separator(character) != skip_separators {
            return Some(at);
        }
        at += character.len_utf8();
    }
}
