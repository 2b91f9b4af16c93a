//! JSON: the devices of a document, as one column of text for each column that is wanted.
//!
//! - A document is one value or several, one after another: an array of objects, an object with an array of them (a
//!   page of an API's answer), or objects. [`Form::Lines`] (NDJSON) judges each line alone.
//! - Numbers are text as written. A list or an object in a cell is JSON again, without white space.
//! - Half a surrogate pair is read as U+FFFD.
//! - Nesting is limited by the parser (200 levels). Only keys that are used are kept, and a bounded number of others.
//!
//! The cost is linear; a path beyond the first key scans the value of that key once more.

mod check;
mod columns;
mod lines;
mod path;
mod reader;
mod rows;

pub use check::{Excess, check};
pub use columns::TextColumn;
pub use path::{Path, PathError, Step};
pub use reader::{Broken, Fault, Form, Pages, Table, form, read};
pub use rows::{MissingSource, Query, Source, extract, fold};

use std::sync::atomic::{AtomicBool, AtomicUsize};

/// How far a reading is, and whether it should stop: shared with the thread that waits for it.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Bytes read so far.
    pub done: AtomicUsize,
    /// Whether the reading should stop.
    pub stop: AtomicBool,
}
