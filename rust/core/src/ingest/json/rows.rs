//! Converts objects to rows: maps keys to columns, and values to text.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use jiter::{Jiter, JsonError, Peek};

use super::columns::TextColumn;
use super::fault::syntax_error;
use super::path::{Found, Step, follow};
use super::query::{MissingSource, Query, Source, fold};

/// The maximum number of unused keys whose names are stored, and the maximum length of a stored name.
const MAX_UNUSED: usize = 1000;
const MAX_NAME: usize = 200;
/// The maximum number of keys that are reported for a missing one.
const MAX_NEIGHBOURS: usize = 100;

/// The columns that a key provides; none for an unused key.
#[derive(Debug, Default)]
struct Meaning {
    name: String,
    whole: Vec<usize>,
    nested: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    start: usize,
    end: usize,
    is_set: bool,
    is_null: bool,
}

/// Why an object is not a row.
pub(super) enum NotARow {
    Broken(JsonError),
    /// It is a page: it has an array `devices`.
    Page,
    /// It has two values for one column; the second one has this key.
    Twice(String),
}

pub(super) struct Rows<'q> {
    query: &'q Query,
    meanings: Vec<Meaning>,
    by_name: HashMap<String, usize, RandomState>,
    /// The meaning of each key of the previous object, in order: most objects have the same keys in the same order.
    expected: Vec<usize>,
    /// The key of each automatic column.
    automatic: Vec<Option<usize>>,
    missing: Vec<MissingSource>,
    cells: Vec<Cell>,
    text: Vec<u8>,
    unused: usize,
    pub(super) columns: Vec<TextColumn>,
    pub(super) count: usize,
    /// Two keys of the same column, and its index.
    pub(super) repeated: Option<(String, String, usize)>,
    /// Whether there are more unused keys than are stored.
    pub(super) more_unused: bool,
    /// The keys of the first row whose values are arrays.
    pub(super) arrays: Vec<String>,
}

impl<'q> Rows<'q> {
    pub(super) fn new(query: &'q Query) -> Self {
        let width = query.columns.len();
        let by_hand = query.columns.iter().enumerate().filter(|(_, source)| matches!(source, Source::At(_)));
        Self {
            query,
            meanings: Vec::new(),
            by_name: HashMap::default(),
            expected: Vec::new(),
            automatic: vec![None; width],
            missing: by_hand
                .map(|(column, _)| MissingSource { column, taken: 0, is_key: true, keys: Vec::new() })
                .collect(),
            cells: vec![Cell::default(); width],
            text: Vec::new(),
            unused: 0,
            columns: vec![TextColumn::default(); width],
            count: 0,
            repeated: None,
            more_unused: false,
            arrays: Vec::new(),
        }
    }

    /// Reads the object at the parser's position. `may_be_page`: an object with an array `devices` is not a row.
    pub(super) fn take(&mut self, data: &[u8], json: &mut Jiter<'_>, may_be_page: bool) -> Result<(), NotARow> {
        let known = (self.meanings.len(), self.unused);
        let taken = self.read(data, json, may_be_page);
        match taken {
            Ok(()) => self.commit(),
            Err(NotARow::Page) => self.forget(known),
            Err(_) => (),
        }
        taken
    }

    fn read(&mut self, data: &[u8], json: &mut Jiter<'_>, may_be_page: bool) -> Result<(), NotARow> {
        self.cells.fill(Cell::default());
        self.text.clear();
        let mut twice = None;
        let mut position = 0;
        let mut is_first = true;
        loop {
            let key = if is_first { json.known_object() } else { json.next_key() };
            is_first = false;
            let Some(key) = key.map_err(broken)? else { break };
            let meaning = self.meaning_of(key, position);
            position += 1;
            let is_devices = may_be_page && key == "devices";
            let name = (self.count == 0 && self.arrays.len() < MAX_NEIGHBOURS).then(|| key.to_owned());
            let peek = json.peek().map_err(broken)?;
            if peek == Peek::Array {
                if is_devices {
                    return Err(NotARow::Page);
                }
                self.arrays.extend(name);
            }
            let Some(meaning) = meaning else {
                json.known_skip(peek).map_err(broken)?;
                continue;
            };
            let start = json.current_index();
            let cell = self.read_cell(data, json, peek)?;
            for i in 0..self.meanings[meaning].whole.len() {
                let column = self.meanings[meaning].whole[i];
                twice = self.set(column, cell, meaning).or(twice);
            }
            for i in 0..self.meanings[meaning].nested.len() {
                let column = self.meanings[meaning].nested[i];
                let end = json.current_index();
                twice = self.follow(column, &data[start..end], meaning).or(twice);
            }
        }
        twice.map_or(Ok(()), |key| Err(NotARow::Twice(key)))
    }

    /// Appends the cells of the object that was read.
    fn commit(&mut self) {
        for (cell, column) in self.cells.iter().zip(&mut self.columns) {
            column.push((cell.is_set && !cell.is_null).then(|| &self.text[cell.start..cell.end]));
        }
        self.count += 1;
    }

    /// Removes all rows after the first `rows`.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
        self.count = rows;
    }

    fn set(&mut self, column: usize, cell: Cell, meaning: usize) -> Option<String> {
        if self.cells[column].is_set {
            return self.meanings.get(meaning).map(|meaning| meaning.name.clone());
        }
        self.cells[column] = cell;
        None
    }

    /// Reads a value as text.
    fn read_cell(&mut self, data: &[u8], json: &mut Jiter<'_>, peek: Peek) -> Result<Cell, NotARow> {
        let start = self.text.len();
        let mut is_null = false;
        match peek {
            Peek::Null => {
                json.known_null().map_err(broken)?;
                is_null = true;
            }
            Peek::String => self.text.extend_from_slice(json.known_str().map_err(broken)?.as_bytes()),
            Peek::Array | Peek::Object => {
                let begins = json.current_index();
                json.known_skip(peek).map_err(broken)?;
                compact(&data[begins..json.current_index()], &mut self.text);
            }
            _ => {
                let begins = json.current_index();
                json.known_skip(peek).map_err(broken)?;
                self.text.extend_from_slice(&data[begins..json.current_index()]);
            }
        }
        Ok(Cell { start, end: self.text.len(), is_set: true, is_null })
    }

    /// The value at the path of the first column within one JSON value: none if it is absent or null.
    pub(super) fn value_at_path(&mut self, value: &[u8]) -> Option<&[u8]> {
        self.cells.fill(Cell::default());
        self.text.clear();
        self.follow(0, value, 0);
        let found = self.cells[0];
        (found.is_set && !found.is_null).then(|| &self.text[found.start..found.end])
    }

    fn follow(&mut self, column: usize, value: &[u8], meaning: usize) -> Option<String> {
        let Source::At(path) = &self.query.columns[column] else { return None };
        let missing = self.missing.iter_mut().find(|missing| missing.column == column);
        let wanted = if missing.is_some() { MAX_NEIGHBOURS } else { 0 };
        match follow(value, &path.steps[1..], wanted) {
            Found::Value(found, _) => {
                self.missing.retain(|missing| missing.column != column);
                let mut json = Jiter::new(found).with_allow_inf_nan();
                let peek = json.peek().ok()?;
                let cell = self.read_cell(found, &mut json, peek).ok()?;
                self.set(column, cell, meaning)
            }
            Found::Not { taken, keys } => {
                let missing = missing?;
                let taken = taken + 1;
                if taken > missing.taken {
                    (missing.taken, missing.keys) = (taken, keys);
                } else if taken == missing.taken {
                    for key in keys {
                        if missing.keys.len() < MAX_NEIGHBOURS && !missing.keys.contains(&key) {
                            missing.keys.push(key);
                        }
                    }
                }
                missing.is_key = matches!(path.steps[missing.taken], Step::Key(_));
                None
            }
            Found::Twice(key) => Some(key),
        }
    }

    /// The meaning of a key; `None` if it is unused.
    fn meaning_of(&mut self, key: &str, position: usize) -> Option<usize> {
        let number = match self.expected.get(position) {
            Some(&number) if self.meanings[number].name == key => number,
            _ => {
                let number = match self.by_name.get(key) {
                    Some(&number) => number,
                    None => self.learn(key)?,
                };
                if position < self.expected.len() {
                    self.expected[position] = number;
                } else if position == self.expected.len() && position < MAX_UNUSED {
                    self.expected.push(number);
                }
                number
            }
        };
        let meaning = &self.meanings[number];
        (!meaning.whole.is_empty() || !meaning.nested.is_empty()).then_some(number)
    }

    /// Determines the meaning of a new key. `None` if it is unused and too many unused keys are stored.
    fn learn(&mut self, key: &str) -> Option<usize> {
        let mut meaning = Meaning::default();
        for (column, source) in self.query.columns.iter().enumerate() {
            let Source::At(path) = source else { continue };
            let is_first = matches!(&path.steps[0], Step::Key(first) if first == key);
            if path.text == key || (is_first && path.steps.len() == 1) {
                meaning.whole.push(column);
                self.missing.retain(|missing| missing.column != column);
            } else if is_first {
                meaning.nested.push(column);
            }
        }
        let number = self.meanings.len();
        if key.len() <= MAX_NAME
            && let Some(&column) = self.query.spellings.get(&fold(key))
            && self.query.columns[column] == Source::Automatic
        {
            match self.automatic[column] {
                Some(other) => {
                    let first = self.meanings[other].name.clone();
                    self.repeated.get_or_insert_with(|| (first, key.to_owned(), column));
                }
                None => {
                    self.automatic[column] = Some(number);
                    meaning.whole.push(column);
                }
            }
        }
        if meaning.whole.is_empty() && meaning.nested.is_empty() {
            if self.unused == MAX_UNUSED || key.len() > MAX_NAME {
                self.more_unused = true;
                return None;
            }
            self.unused += 1;
        }
        meaning.name = key.to_owned();
        self.by_name.insert(key.to_owned(), number);
        self.meanings.push(meaning);
        Some(number)
    }

    /// Removes the keys that were added since the given counts.
    fn forget(&mut self, (known, unused): (usize, usize)) {
        for meaning in self.meanings.drain(known..) {
            self.by_name.remove(&meaning.name);
        }
        self.unused = unused;
        self.expected.clear();
        self.arrays.clear();
        self.automatic.iter_mut().for_each(|key| *key = key.filter(|&number| number < known));
        if self
            .repeated
            .as_ref()
            .is_some_and(|(first, second, _)| !self.by_name.contains_key(first) || !self.by_name.contains_key(second))
        {
            self.repeated = None;
        }
    }

    /// The key of each automatic column.
    pub(super) fn sources(&self) -> Vec<Option<String>> {
        self.automatic.iter().map(|key| key.map(|number| self.meanings[number].name.clone())).collect()
    }

    /// The unused keys in the order of first appearance.
    pub(super) fn unused(&self) -> Vec<String> {
        let unused = self.meanings.iter().filter(|meaning| meaning.whole.is_empty() && meaning.nested.is_empty());
        unused.map(|meaning| meaning.name.clone()).collect()
    }

    /// The columns with an explicit source that no row has.
    pub(super) fn missing(&mut self) -> Vec<MissingSource> {
        std::mem::take(&mut self.missing)
    }
}

fn broken(error: jiter::JiterError) -> NotARow {
    NotARow::Broken(syntax_error(error))
}

/// Appends JSON without the white space between its tokens.
fn compact(value: &[u8], out: &mut Vec<u8>) {
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in value {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = byte == b'\\' && !is_escaped;
        } else if b" \t\r\n".contains(&byte) {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn white_space_goes_between_tokens_only() {
        let mut out = Vec::new();
        compact(b"{ \"a b\\\" c\" :\n [ 1 , \"\\\\\" , 2 ] }", &mut out);
        assert_eq!(out, b"{\"a b\\\" c\":[1,\"\\\\\",2]}");
    }
}
