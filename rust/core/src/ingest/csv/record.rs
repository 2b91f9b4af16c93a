//! Finds the cells and the end of one record.

use memchr::{memchr, memchr2, memchr3};

/// The most bytes of a cell.
pub const MAX_CELL: usize = 1 << 17;

/// A cell of a record: the bytes `text[start..end]`. If `doubled`, they contain doubled quotes, which mean one quote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cell {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) doubled: bool,
}

impl Cell {
    pub(super) fn append_to(self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = &text[self.start..self.end];
        if self.doubled {
            while let Some(quote) = memchr(b'"', rest) {
                out.extend_from_slice(&rest[..=quote]);
                rest = &rest[(quote + 2).min(rest.len())..];
            }
        }
        out.extend_from_slice(rest);
    }

    pub(super) fn is_blank(self, text: &[u8]) -> bool {
        text[self.start..self.end].iter().all(|&byte| is_blank(byte))
    }
}

/// The result of scanning a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Record {
    /// A record that ends at `end`. The next one begins at `next`.
    Whole { end: usize, next: usize },
    /// A record with a bad quoted cell, which opens at `quote`. It ends with the line of `quote`.
    BadQuote { quote: usize, end: usize, next: usize, closes: bool },
    /// A bare cell of more than [`MAX_CELL`] bytes.
    LongCell { end: usize, next: usize },
    /// The text ends before the record does.
    Unfinished,
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// Where the line at `from` ends, and where the next one begins; `None` if more text is needed to know.
pub(super) fn line_end(text: &[u8], from: usize, is_last: bool) -> Option<(usize, usize)> {
    match memchr2(b'\n', b'\r', &text[from..]) {
        Some(at) => after_end(text, from + at, is_last).map(|next| (from + at, next)),
        None => is_last.then_some((text.len(), text.len())),
    }
}

/// Where the next line begins after the line feed or carriage return at `at`.
fn after_end(text: &[u8], at: usize, is_last: bool) -> Option<usize> {
    match (text[at], text.get(at + 1)) {
        (b'\r', Some(b'\n')) => Some(at + 2),
        (b'\r', None) if !is_last => None,
        _ => Some(at + 1),
    }
}

/// Finds the cells of the record at `from`.
///
/// `is_last`: no more text follows.
pub(super) fn scan(text: &[u8], from: usize, delimiter: u8, is_last: bool, cells: &mut Vec<Cell>) -> Record {
    cells.clear();
    let mut at = from;
    let mut long = false;
    loop {
        let mut first = at;
        while let Some(b' ' | b'\t') = text.get(first)
            && text[first] != delimiter
        {
            first += 1;
        }
        if text.get(first) == Some(&b'"') {
            let end = match quoted(text, first, delimiter, is_last) {
                Quoted::Cell(cell, end) => {
                    cells.push(cell);
                    end
                }
                Quoted::Unfinished => return Record::Unfinished,
                Quoted::Bad { closes } => {
                    return match line_end(text, first, is_last) {
                        Some((end, next)) => Record::BadQuote { quote: first, end, next, closes },
                        None => Record::Unfinished,
                    };
                }
            };
            at = end;
        } else {
            let Some(end) = bare_end(text, at, delimiter, is_last) else { return Record::Unfinished };
            long |= end - at > MAX_CELL;
            cells.push(Cell { start: at, end, doubled: false });
            at = end;
        }
        if text.get(at) == Some(&delimiter) {
            at += 1;
            continue;
        }
        let next = if at == text.len() { Some(at) } else { after_end(text, at, is_last) };
        return match next {
            None => Record::Unfinished,
            Some(next) if long => Record::LongCell { end: at, next },
            Some(next) => Record::Whole { end: at, next },
        };
    }
}

fn bare_end(text: &[u8], from: usize, delimiter: u8, is_last: bool) -> Option<usize> {
    match memchr3(delimiter, b'\n', b'\r', &text[from..]) {
        Some(length) => Some(from + length),
        None => is_last.then_some(text.len()),
    }
}

enum Quoted {
    /// The cell, and the index of the delimiter or line end after it.
    Cell(Cell, usize),
    Bad {
        closes: bool,
    },
    Unfinished,
}

/// Reads a quoted cell whose opening quote is at `quote`.
fn quoted(text: &[u8], quote: usize, delimiter: u8, is_last: bool) -> Quoted {
    let start = quote + 1;
    let limit = text.len().min(start + MAX_CELL + 1);
    let mut doubled = false;
    let mut at = start;
    let end = loop {
        match memchr(b'"', &text[at..limit]) {
            Some(length) => at += length,
            None if limit < text.len() || is_last => return Quoted::Bad { closes: false },
            None if text.len() > start + MAX_CELL => return Quoted::Bad { closes: false },
            None => return Quoted::Unfinished,
        }
        match text.get(at + 1) {
            Some(b'"') => {
                doubled = true;
                at = (at + 2).min(limit);
            }
            None if !is_last => return Quoted::Unfinished,
            _ => break at,
        }
    };
    let mut after = end + 1;
    while let Some(b' ' | b'\t') = text.get(after)
        && text[after] != delimiter
    {
        after += 1;
    }
    match text.get(after) {
        None if !is_last => Quoted::Unfinished,
        None | Some(b'\n' | b'\r') => Quoted::Cell(Cell { start, end, doubled }, after),
        Some(&byte) if byte == delimiter => Quoted::Cell(Cell { start, end, doubled }, after),
        Some(_) => Quoted::Bad { closes: true },
    }
}

/// The header: the first record that is not a blank line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// Its cells.
    pub cells: Vec<Vec<u8>>,
    /// The index of the next record.
    pub end: usize,
    /// The number of lines before the next record.
    pub lines: u64,
}

/// Reads the header; `None` if the first record is bad or incomplete.
///
/// `is_whole`: the text is complete, as opposed to the first piece of it.
pub fn header(text: &[u8], delimiter: u8, is_whole: bool) -> Option<Header> {
    let (mut cells, mut from, mut lines) = (Vec::new(), 0, 0);
    while from < text.len() {
        let Record::Whole { end, next } = scan(text, from, delimiter, is_whole, &mut cells) else { return None };
        lines += 1 + line_ends(&text[from..end]);
        if cells.iter().any(|cell| !cell.is_blank(text)) {
            return Some(Header { cells: contents(text, &cells), end: next, lines });
        }
        from = next;
    }
    None
}

/// Splits a record without line end into cells. A record with bad quotes is returned as one cell.
pub fn split_record(record: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut cells = Vec::new();
    match scan(record, 0, delimiter, true, &mut cells) {
        Record::Whole { next, .. } | Record::LongCell { next, .. } if next == record.len() => contents(record, &cells),
        _ => vec![record.to_vec()],
    }
}

fn contents(text: &[u8], cells: &[Cell]) -> Vec<Vec<u8>> {
    let content = |cell: &Cell| {
        let mut content = Vec::with_capacity(cell.end - cell.start);
        cell.append_to(text, &mut content);
        content
    };
    cells.iter().map(content).collect()
}

/// Counts the line ends in a text.
pub(super) fn line_ends(text: &[u8]) -> u64 {
    let (mut count, mut from) = (0, 0);
    while let Some((_, next)) = line_end(text, from, false) {
        count += 1;
        from = next;
    }
    // A carriage return at the very end.
    count + u64::from(from < text.len() && text.ends_with(b"\r"))
}
