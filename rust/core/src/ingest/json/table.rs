//! The devices of a text in columns, and what was found next to them.

use super::columns::TextColumn;
use super::fault::{Broken, Fault};
use super::query::MissingSource;

/// What the pages of an answer say about themselves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pages {
    /// How many objects with an array of devices there are.
    pub count: usize,
    /// Objects in which the array was wanted and is missing.
    pub without: usize,
    /// The keys of the first of those.
    pub keys: Vec<String>,
    /// How many devices the last of them says there are in all.
    pub total: Option<u64>,
    /// Whether the last of them names a next page.
    pub has_next: bool,
}

/// The devices of a document.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The columns that were wanted, by number.
    pub columns: Vec<TextColumn>,
    /// The key from which each automatic column comes; none where no object has one.
    pub sources: Vec<Option<String>>,
    /// The line on which each row begins.
    pub lines: Vec<i64>,
    /// What is not a row, in the order of the text.
    pub faults: Vec<Fault>,
    /// The first keys that are not used, at most 1000.
    pub unused: Vec<String>,
    /// Whether there are more.
    pub more_unused: bool,
    /// Columns wanted by hand that no row has.
    pub missing: Vec<MissingSource>,
    /// Two keys that mean the same column.
    pub repeated: Option<(String, String, usize)>,
    /// The keys of the first row that hold arrays.
    pub arrays: Vec<String>,
    /// Pages.
    pub pages: Pages,
    /// Where it is broken; then nothing else counts.
    pub broken: Option<Broken>,
    /// Whether it has so many faults that it is not a table.
    pub hopeless: bool,
    /// Whether the monitor stopped the reading.
    pub stopped: bool,
}
