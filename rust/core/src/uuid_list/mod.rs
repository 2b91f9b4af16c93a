//! Lists of UUIDs in text: what separates values, what a value is, what is wrong with one that is none.
//!
//! - A list is values between separators: `,` `;` `|`, every Unicode white space and line break, U+001C to U+001F,
//!   and the marks that nobody sees (U+FEFF, U+200B), in any mixture.
//! - Quotes (`"` or `'`) at either end of a value are not part of it, balanced or not: spreadsheets put them around
//!   values, around whole cells of values, and before a value that is to stay text. Only quotes is an empty cell.
//! - A header is the first value of all, or the first line: `uuid` or `device_uuid` in any spelling that imports accept,
//!   which is any case, with or without `-`, `_`, `.` and blanks.
//! - A list may be a JSON array of strings: the brackets around it are no part of it.
//! - A value is 32 hex digits of any case, with hyphens in the four canonical places or with none; braces around it
//!   or `urn:uuid:` (any case) before it are accepted.
//! - The first occurrence of a UUID keeps its place, later ones are counted and dropped.
//! - Everything else is a bad value, reported with its place and the reason.
//!
//! | module | what it decides |
//! | --- | --- |
//! | `text` | bytes → text: UTF-8, UTF-16 with a byte-order mark, or not text at all |
//! | `scan` | text → values |
//! | `clean` | the values that a list consists of, or nearly |
//! | `parallel` | the same by several threads |
//! | `shared_vec` | the vector that they write to |
//! | `vbmi` | the same by the instructions of AVX-512 VBMI |
//! | `distinct` | the first occurrences, and the repeated ones |
//! | `header` | whether a value or a line is a header |
//! | `value` | one value → UUID |
//! | `bad` | what is wrong with a value, where it stands, how it is shown |
//! | `seen` | which UUIDs were there before |
//! | `algebra` | union, intersection, difference |
//! | `column` | cells of one UUID each; the text of a list |

mod algebra;
mod bad;
mod clean;
mod column;
mod distinct;
mod header;
mod parallel;
mod scan;
mod seen;
mod shared_vec;
mod text;
mod value;
#[cfg(target_arch = "x86_64")]
mod vbmi;

#[cfg(test)]
mod tests;

pub use algebra::{intersect, subtract, union};
pub use bad::BadValue;
pub(crate) use column::parse_cell;
pub use column::{format_list, name_based, parse_column};
pub use distinct::find_repeated;
pub use scan::{MAX_BAD_KEPT, UuidListReport, parse};
pub use text::{NotText, UuidListError};
