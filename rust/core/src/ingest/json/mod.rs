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
