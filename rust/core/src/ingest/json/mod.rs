//! JSON: reads the devices of a document as one text column per requested column.
//!
//! - A document is a sequence of values: arrays of objects, objects with an array of objects (pages of an API
//!   response), or objects. In [`Form::Lines`] (NDJSON) a bad line does not affect other lines.
//! - Numbers keep their text. An array or object in a cell is JSON text without white space.
//! - An unpaired surrogate is read as U+FFFD.
//! - The parser limits nesting to 200 levels. Of unused keys, only a bounded number is stored.
//!
//! Cost: linear. A path with more than one key scans the value of its first key once more.

mod check;
mod columns;
mod extract;
mod fault;
mod form;
mod lines;
mod monitor;
mod path;
mod query;
mod reader;
mod rows;
mod surrogates;
mod table;

pub use check::{Excess, check};
pub use columns::TextColumn;
pub use extract::extract;
pub use fault::{Broken, Fault};
pub use form::{Form, form};
pub use monitor::Monitor;
pub use path::{Path, PathError, Step};
pub use query::{MissingSource, Query, Source, fold};
pub use reader::read;
pub use table::{Pages, Table};
