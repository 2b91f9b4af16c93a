//! The result of reading a document: columns of devices, faults, and facts for the report.

use super::columns::TextColumn;
use super::fault::{Broken, Fault};
use super::query::MissingSource;

/// What the pages of an API response say about themselves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pages {
    /// The number of objects with an array of devices.
    pub count: usize,
    /// The number of objects in which the requested array is missing.
    pub without: usize,
    /// The keys of the first of those.
    pub keys: Vec<String>,
    /// The total number of devices according to the last page.
    pub total: Option<u64>,
    /// Whether the last page names a next page.
    pub has_next: bool,
}

/// The devices of a document.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The requested columns.
    pub columns: Vec<TextColumn>,
    /// The key of each automatic column; `None` if no object has one.
    pub sources: Vec<Option<String>>,
    /// The line on which each row begins.
    pub lines: Vec<i64>,
    /// The bad rows, in the order of the text.
    pub faults: Vec<Fault>,
    /// The unused keys in the order of first appearance, at most 1000.
    pub unused: Vec<String>,
    /// Whether there are more unused keys.
    pub more_unused: bool,
    /// Columns with an explicit source that no row has.
    pub missing: Vec<MissingSource>,
    /// Two keys of the same column, and its index.
    pub repeated: Option<(String, String, usize)>,
    /// The keys of the first row whose values are arrays.
    pub arrays: Vec<String>,
    /// Facts about pages.
    pub pages: Pages,
    /// Where the document is broken. If it is, ignore the other fields.
    pub broken: Option<Broken>,
    /// Whether reading stopped because of too many faults.
    pub hopeless: bool,
    /// Whether the monitor canceled the read.
    pub stopped: bool,
}
