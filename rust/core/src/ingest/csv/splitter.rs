//! Splits a text that arrives in pieces, so that it need not fit in memory.

use memchr::memchr;

use super::record::{Cell, MAX_CELL, Record, line_end, line_ends, scan};

/// The maximum number of bytes of a record.
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

/// Why a record is bad.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum FaultKind {
    /// It has too few cells, or too many non-blank cells.
    Width,
    /// Text follows a closing quote.
    AfterQuote,
    /// A quoted cell is not closed.
    OpenQuote,
    /// A cell has more than [`MAX_CELL`] bytes.
    LongCell,
    /// It has more than [`MAX_RECORD`] bytes.
    LongRecord,
    /// It is not UTF-8.
    NotUtf8,
    /// It contains the character NUL.
    Nul,
}

/// A bad record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The line on which it begins.
    pub line: u64,
    /// Why it is bad.
    pub kind: FaultKind,
    /// For `Width`: its number of cells. For `AfterQuote` and `OpenQuote`: the line of the opening quote. Otherwise 0.
    pub detail: u64,
}

/// Some records of a text.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The requested columns, in the order of the request.
    pub columns: Vec<Texts>,
    /// The line on which each record begins.
    pub lines: Vec<u64>,
    /// The bad records, in the order of the text.
    pub faults: Vec<Fault>,
    /// The text of each bad record without its line end, at most [`MAX_RECORD`] bytes each.
    pub fault_texts: Texts,
}

impl Table {
    fn add_fault(&mut self, fault: Fault, text: &[u8]) {
        self.faults.push(fault);
        self.fault_texts.data.extend_from_slice(text);
        self.fault_texts.close_cell();
    }
}

/// Splits a text that arrives in pieces.
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
    /// A record must have at least `least` cells, and only blank cells beyond `width`. `kept` are the indexes of the
    /// requested columns; missing cells are empty. `line` is the line of the first byte.
    pub fn new(delimiter: u8, least: usize, width: usize, kept: Vec<usize>, line: u64) -> Self {
        Self { delimiter, least, width, kept, line, pending: Vec::new(), skips: false, cells: Vec::new() }
    }

    /// Adds a piece and returns the records that are complete; with `is_last`, all that remain.
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

    /// Processes the record at `at`. Returns the index of the next record, or `None` if this one is incomplete.
    fn step(&mut self, text: &[u8], at: usize, is_last: bool, is_clean: bool, table: &mut Table) -> Option<usize> {
        if self.skips {
            return self.skip(text, at, is_last);
        }
        let line = self.line;
        match scan(text, at, self.delimiter, is_last, &mut self.cells) {
            // MAX_CELL bytes suffice to judge a quoted cell, so the result does not depend on how the text is cut.
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

    /// Reports the first MAX_RECORD bytes of a record that is too long. The rest of their last line is skipped.
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
            // A carriage return may be the first half of CRLF.
            None if text.ends_with(b"\r") => None,
            None => Some(text.len()),
        }
    }

    /// Whether a record may contain line breaks: only if it has a quoted cell.
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
