//! Records, piece by piece of a text that need not fit in memory.

use memchr::memchr;

use super::record::{Cell, MAX_CELL, Record, line_end, line_ends, scan};

/// The most bytes of a record.
pub const MAX_RECORD: usize = 1 << 20;

/// A column of text in Arrow's shape: cell `i` is `data[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Texts {
    /// One more than there are cells.
    pub offsets: Vec<i64>,
    /// The cells, one after another.
    pub data: Vec<u8>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { offsets: vec![0], data: Vec::new() }
    }
}

impl Texts {
    fn close_cell(&mut self) {
        self.offsets.push(self.data.len() as i64);
    }
}

/// Why something is not a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum FaultKind {
    /// It has too few cells, or too many that are not blank.
    Width,
    /// Text follows a closing quote.
    AfterQuote,
    /// A quote opens and does not close.
    OpenQuote,
    /// A cell has more than [`MAX_CELL`] bytes.
    LongCell,
    /// It has more than [`MAX_RECORD`] bytes.
    LongRecord,
    /// It is not UTF-8.
    NotUtf8,
    /// It has the character NUL.
    Nul,
}

/// Something that is not a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The line on which it begins.
    pub line: u64,
    /// Why.
    pub kind: FaultKind,
    /// For `Width` how many cells it has; for `AfterQuote` and `OpenQuote` the line on which the quote opens; or 0.
    pub detail: u64,
}

/// Some records of a text.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The columns that are kept, in the order in which they were asked for.
    pub columns: Vec<Texts>,
    /// The line on which each record begins.
    pub lines: Vec<u64>,
    /// What is not a record, in the order of the text.
    pub faults: Vec<Fault>,
    /// What stands there, without the line end: one cell for each fault, of at most [`MAX_RECORD`] bytes.
    pub fault_texts: Texts,
}

impl Table {
    fn add_fault(&mut self, fault: Fault, text: &[u8]) {
        self.faults.push(fault);
        self.fault_texts.data.extend_from_slice(text);
        self.fault_texts.close_cell();
    }
}

/// Splits a text that comes in pieces.
pub struct Splitter {
    delimiter: u8,
    least: usize,
    width: usize,
    kept: Vec<usize>,
    line: u64,
    pending: Vec<u8>,
    skips: bool,
    cells: Vec<Cell>,
}

impl Splitter {
    /// A splitter for the records after a header.
    ///
    /// A record has at least `least` cells, and those beyond `width` are blank. `kept` are the positions of the columns
    /// to keep (a cell that a record does not have is empty), `line` is that of the first byte.
    pub fn new(delimiter: u8, least: usize, width: usize, kept: Vec<usize>, line: u64) -> Self {
        Self { delimiter, least, width, kept, line, pending: Vec::new(), skips: false, cells: Vec::new() }
    }

    /// The records that end within what has come so far; after `is_last`, all of them.
    pub fn feed(&mut self, piece: &[u8], is_last: bool) -> Table {
        let mut text = std::mem::take(&mut self.pending);
        text.extend_from_slice(piece);
        let mut table = Table { columns: vec![Texts::default(); self.kept.len()], ..Table::default() };
        let share = text.len() / self.width.max(1);
        table.columns.iter_mut().for_each(|column| column.data.reserve(share));
        let is_clean = text.is_ascii() && memchr(0, &text).is_none();
        let mut at = 0;
        while at < text.len() {
            match self.step(&text, at, is_last, is_clean, &mut table) {
                Some(next) => at = next,
                None => break,
            }
        }
        text.drain(..at);
        self.pending = text;
        table
    }

    /// Takes one record from `at`; where the next begins, or nothing if the rest of the record is still to come.
    fn step(&mut self, text: &[u8], at: usize, is_last: bool, is_clean: bool, table: &mut Table) -> Option<usize> {
        if self.skips {
            return self.skip(text, at, is_last);
        }
        let line = self.line;
        match scan(text, at, self.delimiter, is_last, &mut self.cells) {
            // Whether a quoted cell is sound shows within MAX_CELL, so that nothing here depends on the pieces.
            Record::Unfinished if text.len() - at <= MAX_RECORD + 2 * MAX_CELL => None,
            Record::Unfinished => Some(self.cut(text, at, table)),
            Record::Whole { end, .. } | Record::LongCell { end, .. } | Record::BadQuote { end, .. }
                if end - at > MAX_RECORD =>
            {
                Some(self.cut(text, at, table))
            }
            Record::Whole { end, next } => {
                self.line += 1 + if self.has_breaks(text, at) { line_ends(&text[at..end]) } else { 0 };
                match self.judge(text, at, end, is_clean) {
                    Ok(()) => self.take(text, line, table),
                    Err((kind, detail)) => table.add_fault(Fault { line, kind, detail }, &text[at..end]),
                }
                Some(next)
            }
            Record::LongCell { end, next } => {
                self.line += 1 + line_ends(&text[at..end]);
                table.add_fault(Fault { line, kind: FaultKind::LongCell, detail: 0 }, &text[at..end]);
                Some(next)
            }
            Record::BadQuote { quote, end, next, closes } => {
                let opened = line + line_ends(&text[at..quote]);
                self.line = opened + 1;
                let kind = if closes { FaultKind::AfterQuote } else { FaultKind::OpenQuote };
                table.add_fault(Fault { line, kind, detail: opened }, &text[at..end]);
                Some(next)
            }
        }
    }

    /// Takes the beginning of a record that is too long as a fault; the line that it breaks off in is skipped.
    fn cut(&mut self, text: &[u8], at: usize, table: &mut Table) -> usize {
        let record = &text[at..at + MAX_RECORD];
        let kept = record.len() - record.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        table.add_fault(Fault { line: self.line, kind: FaultKind::LongRecord, detail: 0 }, &record[..kept]);
        self.line += line_ends(&record[..kept]);
        self.skips = true;
        at + kept
    }

    fn skip(&mut self, text: &[u8], at: usize, is_last: bool) -> Option<usize> {
        match line_end(text, at, is_last) {
            Some((_, next)) => {
                self.skips = false;
                self.line += 1;
                Some(next)
            }
            // A carriage return may be half of a line end.
            None if text.ends_with(b"\r") => None,
            None => Some(text.len()),
        }
    }

    /// Whether a record may have line breaks: only quoted cells have them, which begin after their quote.
    fn has_breaks(&self, text: &[u8], at: usize) -> bool {
        self.cells.iter().any(|cell| cell.start > at && text[cell.start - 1] == b'"')
    }

    fn judge(&self, text: &[u8], at: usize, end: usize, is_clean: bool) -> Result<(), (FaultKind, u64)> {
        if !is_clean {
            if std::str::from_utf8(&text[at..end]).is_err() {
                return Err((FaultKind::NotUtf8, 0));
            }
            if memchr(0, &text[at..end]).is_some() {
                return Err((FaultKind::Nul, 0));
            }
        }
        let count = self.cells.len();
        let is_wide = self.cells.iter().skip(self.width).any(|cell| !cell.is_blank(text));
        if (count < self.least || is_wide) && !self.is_blank_line(text) {
            return Err((FaultKind::Width, count as u64));
        }
        Ok(())
    }

    fn is_blank_line(&self, text: &[u8]) -> bool {
        matches!(self.cells[..], [cell] if cell.is_blank(text))
    }

    fn take(&mut self, text: &[u8], line: u64, table: &mut Table) {
        if self.is_blank_line(text) {
            return;
        }
        for (column, &position) in table.columns.iter_mut().zip(&self.kept) {
            if let Some(cell) = self.cells.get(position) {
                cell.append_to(text, &mut column.data);
            }
            column.close_cell();
        }
        table.lines.push(line);
    }
}
