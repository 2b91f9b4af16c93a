//! Reads a document or NDJSON as a table.

use std::sync::atomic::Ordering::Relaxed;

use jiter::{Jiter, JiterError, JsonError, Peek};
use memchr::memmem;

use super::fault::{Broken, Fault, reason, syntax_error};
use super::form::Form;
use super::lines::{BYTE_ORDER_MARK, Lines, each_line, place};
use super::monitor::Monitor;
use super::path::{Found, Step, follow};
use super::query::Query;
use super::rows::{NotARow, Rows};
use super::surrogates::without_half_pairs;
use super::table::Table;

/// The maximum number of bytes of a fault's text.
const MAX_SHOWN: usize = 1024;
/// A text with more faults than this, and with fewer rows than faults, is not a table: reading stops.
const MAX_FAULTS: usize = 100_000;
/// The most keys that are reported of an object in which an array is missing.
const MAX_KEYS: usize = 100;
const NOT_AN_OBJECT: &str = "is not a JSON object";
/// Keys with which the pages of known APIs give the number of all devices, and the next page.
const TOTALS: [&str; 3] = ["total", "count", "totalCount"];
const NEXTS: [&str; 6] = ["next", "nextToken", "NextToken", "next_page", "nextLink", "continuationToken"];

/// Reads a text of a known form.
pub fn read(text: &[u8], form: Form, query: &Query, monitor: &Monitor) -> Table {
    let data = without_half_pairs(text);
    let mut reader = Reader {
        data: &data,
        lines: Lines::new(&data),
        rows: Rows::new(query),
        query,
        monitor,
        table: Table::default(),
    };
    match form {
        Form::Document => reader.document(),
        Form::Lines => reader.by_line(),
    }
    reader.finish()
}

struct Reader<'a> {
    data: &'a [u8],
    lines: Lines<'a>,
    rows: Rows<'a>,
    query: &'a Query,
    monitor: &'a Monitor,
    table: Table,
}

/// Why a read ends early.
enum End {
    Broken(JsonError),
    /// The monitor canceled it, or there are too many faults.
    Given,
}

impl From<JiterError> for End {
    fn from(error: JiterError) -> Self {
        Self::Broken(syntax_error(error))
    }
}

impl Reader<'_> {
    fn finish(mut self) -> Table {
        self.table.missing = self.rows.missing();
        Table {
            sources: self.rows.sources(),
            unused: self.rows.unused(),
            more_unused: self.rows.more_unused,
            repeated: self.rows.repeated,
            arrays: self.rows.arrays,
            columns: self.rows.columns,
            ..self.table
        }
    }

    fn document(&mut self) {
        let begins = if self.data.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        if let Err(error) = std::str::from_utf8(self.data) {
            let (line, column) = place(self.data, error.valid_up_to());
            self.table.broken = Some(Broken { line, column, reason: "it is not UTF-8".into(), is_cut: false });
            return;
        }
        if let Err(End::Broken(error)) = self.values(begins, self.data.len()) {
            let (line, column) = place(self.data, error.index);
            let is_cut = self.data[error.index.min(self.data.len())..].iter().all(u8::is_ascii_whitespace);
            self.table.broken = Some(Broken { line, column, reason: reason(&error.error_type), is_cut });
        }
    }

    fn by_line(&mut self) {
        let text = self.data;
        let skipped = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        for (begins, line) in each_line(&text[skipped..]) {
            let (begins, end) = (begins + skipped, begins + skipped + line.len());
            let number = self.lines.line_of(begins);
            if std::str::from_utf8(line).is_err() {
                if self.fault_at(number, "is not UTF-8 text".into(), begins, end).is_err() {
                    return;
                }
                continue;
            }
            let before = (self.rows.count, self.table.faults.len());
            match self.values(begins, end) {
                Ok(()) => (),
                Err(End::Broken(error)) => {
                    // A broken line is one fault; drop the rows and faults before the error.
                    self.rows.truncate(before.0);
                    self.table.lines.truncate(before.0);
                    self.table.faults.truncate(before.1);
                    let reason = reason(&error.error_type);
                    let column = String::from_utf8_lossy(&text[begins..error.index.min(end)]).chars().count() + 1;
                    let what = format!("is broken JSON at column {column}: {reason}");
                    if self.fault_at(number, what, begins, end).is_err() {
                        return;
                    }
                }
                Err(End::Given) => return,
            }
        }
    }

    /// Reads the values between two indexes.
    fn values(&mut self, begins: usize, end: usize) -> Result<(), End> {
        let data = self.data;
        let mut at = begins;
        while data[at..end].iter().any(|byte| !byte.is_ascii_whitespace()) {
            at += self.value(&data[at..end], at).map_err(|ended| ended.after(at))?;
        }
        Ok(())
    }

    /// Reads the first value of a text that begins at index `base`. Returns the length of the value.
    fn value(&mut self, text: &[u8], base: usize) -> Result<usize, End> {
        let mut json = parser(text);
        let peek = json.peek()?;
        let begins = json.current_index();
        match peek {
            Peek::Array => self.elements(text, &mut json, base, self.query.rows_at.is_some())?,
            Peek::Object if self.query.rows_at.is_none() => {
                if self.row(text, &mut json, base, true)? {
                    json = parser(text);
                    json.next_skip()?;
                    self.page(&text[begins..json.current_index()], base + begins)?;
                }
            }
            _ => {
                json.known_skip(peek)?;
                self.page_or_fault(peek, &text[begins..json.current_index()], base + begins)?;
            }
        }
        Ok(json.current_index())
    }

    /// Reads the array at the parser's position. Its elements are devices or pages.
    fn elements(&mut self, text: &[u8], json: &mut Jiter<'_>, base: usize, are_pages: bool) -> Result<(), End> {
        let mut element = json.known_array()?;
        while let Some(peek) = element {
            if peek == Peek::Object && !are_pages {
                self.row(text, json, base, false)?;
            } else {
                let begins = json.current_index();
                json.known_skip(peek)?;
                let found = &text[begins..json.current_index()];
                if are_pages {
                    self.page_or_fault(peek, found, base + begins)?;
                } else {
                    self.fault(base + begins, base + begins + found.len(), NOT_AN_OBJECT)?;
                }
            }
            element = json.array_step()?;
        }
        Ok(())
    }

    /// Reads the object at the parser's position. Returns whether it is a page, which is not read.
    fn row(&mut self, text: &[u8], json: &mut Jiter<'_>, base: usize, may_be_page: bool) -> Result<bool, End> {
        let begins = json.current_index();
        self.report_progress(base + begins)?;
        match self.rows.take(text, json, may_be_page) {
            Ok(()) => {
                let line = self.lines.line_of(base + begins);
                self.table.lines.push(line);
                Ok(false)
            }
            Err(NotARow::Broken(error)) => Err(End::Broken(error)),
            Err(NotARow::Page) => Ok(true),
            Err(NotARow::Twice(key)) => {
                let shown: String = key.chars().take(60).collect();
                let reason = format!("has the key `{}` twice", shown.escape_debug());
                self.fault(base + begins, base + json.current_index(), &reason)?;
                Ok(false)
            }
        }
    }

    fn page_or_fault(&mut self, peek: Peek, text: &[u8], base: usize) -> Result<(), End> {
        if peek == Peek::Object { self.page(text, base) } else { self.fault(base, base + text.len(), NOT_AN_OBJECT) }
    }

    /// Reads an object with an array of devices.
    fn page(&mut self, text: &[u8], base: usize) -> Result<(), End> {
        let devices = [Step::Key("devices".to_owned())];
        let steps = self.query.rows_at.as_ref().map_or(&devices[..], |path| &path.steps);
        match follow(text, steps, MAX_KEYS) {
            Found::Value(found, offset) if found.first() == Some(&b'[') => {
                self.table.pages.count += 1;
                self.facts_of_page(text);
                let mut json = parser(found);
                json.peek()?;
                self.elements(found, &mut json, base + offset, false)
            }
            Found::Twice(key) => {
                self.fault(base, base + text.len(), &format!("has the key `{}` twice", key.escape_debug()))
            }
            other => {
                if let (Found::Not { keys, .. }, 0) = (other, self.table.pages.without) {
                    self.table.pages.keys = keys;
                }
                self.table.pages.without += 1;
                let path = self.query.rows_at.as_ref().map_or("devices", |path| &path.text);
                self.fault(base, base + text.len(), &format!("has no array at `{}`", path.escape_debug()))
            }
        }
    }

    fn facts_of_page(&mut self, text: &[u8]) {
        let pages = &mut self.table.pages;
        (pages.total, pages.has_next) = (None, false);
        for (names, is_total) in [(&TOTALS[..], true), (&NEXTS[..], false)] {
            for name in names {
                if memmem::find(text, format!("\"{name}\"").as_bytes()).is_none() {
                    continue;
                }
                let Found::Value(value, _) = follow(text, &[Step::Key((*name).to_owned())], 0) else { continue };
                if is_total {
                    pages.total =
                        std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()).or(pages.total);
                } else {
                    pages.has_next |= !matches!(value, b"null" | b"\"\"" | b"false");
                }
            }
        }
    }

    fn fault(&mut self, begins: usize, end: usize, reason: &str) -> Result<(), End> {
        let line = self.lines.line_of(begins);
        self.fault_at(line, reason.to_owned(), begins, end)
    }

    fn fault_at(&mut self, line: i64, reason: String, begins: usize, end: usize) -> Result<(), End> {
        let text = &self.data[begins..end.min(begins + MAX_SHOWN)];
        let text = String::from_utf8_lossy(text).into_owned();
        self.table.faults.push(Fault { line, rows_before: self.rows.count, reason, text });
        if self.table.faults.len() > MAX_FAULTS && self.rows.count < self.table.faults.len() {
            self.table.hopeless = true;
            return Err(End::Given);
        }
        self.report_progress(begins)
    }

    /// Reports the progress, and stops if the monitor says so.
    fn report_progress(&mut self, at: usize) -> Result<(), End> {
        self.monitor.done.store(at, Relaxed);
        if self.monitor.stop.load(Relaxed) {
            self.table.stopped = true;
            return Err(End::Given);
        }
        Ok(())
    }
}

fn parser(text: &[u8]) -> Jiter<'_> {
    Jiter::new(text).with_allow_inf_nan()
}

impl End {
    /// Moves the index of the error by so many bytes.
    fn after(self, bytes: usize) -> Self {
        match self {
            Self::Broken(error) => Self::Broken(JsonError { error_type: error.error_type, index: error.index + bytes }),
            Self::Given => Self::Given,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::form;
    use super::super::path::Path;
    use super::super::query::Source;
    use super::*;

    fn table(text: &str, rows_at: Option<&str>) -> Table {
        let id = Source::At(Path::parse("id").unwrap());
        let rows_at = rows_at.map(|path| Path::parse(path).unwrap());
        let query = Query { columns: vec![id], rows_at, ..Query::default() };
        read(text.as_bytes(), form(text.as_bytes(), false), &query, &Monitor::default())
    }

    fn ids(table: &Table) -> Vec<&str> {
        let column = &table.columns[0];
        let cells = column.offsets.windows(2).map(|ends| &column.data[ends[0] as usize..ends[1] as usize]);
        cells.map(|cell| std::str::from_utf8(cell).unwrap()).collect()
    }

    #[test]
    fn a_text_is_lines_if_its_first_line_is_an_object_or_most_are() {
        let form_of = |text: &str, named| form(text.as_bytes(), named);
        assert_eq!(form_of("{\"a\": 1}\n{", false), Form::Lines);
        assert_eq!(form_of("{\n{}\r\n\r\n{}\r\n{}", false), Form::Lines);
        assert_eq!(form_of("[\n{},\n{}\n]", true), Form::Document);
        assert_eq!(form_of("{\"devices\": [\n{}\n]}", false), Form::Document);
        assert_eq!(form_of("{\n{}", false), Form::Document);
        assert_eq!(form_of("{\n{}", true), Form::Lines);
        assert_eq!(form_of("", true), Form::Document);
    }

    #[test]
    fn rows_have_the_lines_on_which_they_begin() {
        let found = table("[\r\n {\"id\": 1},\r {\"id\":\n\"b\"}]\n{\"devices\":\n[{\"id\": [ 3 ]}]}", None);
        assert_eq!(found.lines, [2, 3, 6]);
        assert_eq!(ids(&found), ["1", "b", "[3]"]);
        assert_eq!(found.pages.count, 1);
    }

    #[test]
    fn a_page_that_turns_out_late_leaves_no_key_behind() {
        let found = table("{\"id\": 7, \"total\": 5, \"devices\": [{\"id\": 1, \"x\": 2}], \"next\": \"/2\"}", None);
        assert_eq!(ids(&found), ["1"]);
        assert_eq!(found.unused, ["x"]);
        assert_eq!((found.pages.total, found.pages.has_next), (Some(5), true));
    }

    #[test]
    fn a_line_that_breaks_after_a_row_is_a_fault_and_no_row() {
        let found = table("{\"id\": 1}\n{\"id\": 2} {\n{\"id\": 3}\n", None);
        assert_eq!(ids(&found), ["1", "3"]);
        assert_eq!(found.faults.len(), 1);
        assert_eq!((found.faults[0].line, &*found.faults[0].text), (2, "{\"id\": 2} {"));
    }

    #[test]
    fn pages_without_the_array_are_faults() {
        let found = table("[{\"a\": {\"b\": [{\"id\": 1}, 5]}}, {\"a\": {\"c\": []}}, 9]", Some("a.b"));
        assert_eq!(ids(&found), ["1"]);
        assert_eq!(found.faults.iter().map(|fault| fault.rows_before).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!((found.pages.count, found.pages.without, &*found.pages.keys), (1, 1, &["c".to_owned()][..]));
    }

    #[test]
    fn a_monitor_stops_the_reading() {
        let monitor = Monitor::default();
        monitor.stop.store(true, Relaxed);
        let query = Query { columns: vec![Source::Automatic], ..Query::default() };
        assert!(read(b"[{}]", Form::Document, &query, &monitor).stopped);
    }
}
