//! Lists of UUIDs in text.
//!
//! - A list is values between separators: `,` `;` `|`, all Unicode white space and line breaks, U+001C to U+001F and the
//!   invisible U+FEFF and U+200B, in any mixture.
//! - Quotes (`"` or `'`) at either end of a value are not part of it, balanced or not: spreadsheets write them around
//!   values, around cells with several values, and before text. Quotes without a value are an empty cell.
//! - The first value or the first line may be a header: `uuid` or `device_uuid` in any spelling that imports accept (any
//!   case, with or without `-`, `_`, `.` and blanks).
//! - A list may be a JSON array of strings; its brackets are not part of it.
//! - A value is 32 hex digits of any case, with hyphens in the four canonical places or without; it may be in braces or
//!   follow `urn:uuid:` (any case).
//! - The first occurrence of a UUID keeps its place; later ones are counted and dropped.
//! - Everything else is a bad value, reported with its position and the reason.
//!
//! | module | contents |
//! | --- | --- |
//! | `text` | bytes → text: UTF-8, or UTF-16 with a byte-order mark |
//! | `scan` | text → UUIDs and bad values |
//! | `clean` | the fast path for values without flaws; `avx2` and `vbmi` are its SIMD versions |
//! | `parallel` | the fast path by several threads |
//! | `shared_vec` | the vector that the threads write to |
//! | `forms` | one value → UUID; whether a value or a line is a header |
//! | `separators` | the characters between values |
//! | `bad_value` | position, text and reason of a bad value |
//! | `distinct` | first occurrences and repeats |
//! | `uuid_table` | a hash table over a column of UUIDs |
//! | `algebra` | union, intersection, difference |
//! | `column` | columns of cells with one UUID each; formatting |

mod algebra;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod bad_value;
mod clean;
pub(crate) mod column;
mod distinct;
mod forms;
mod parallel;
mod scan;
mod separators;
mod shared_vec;
pub(crate) mod text;
mod uuid_table;
#[cfg(target_arch = "x86_64")]
mod vbmi;

#[cfg(test)]
mod tests;

pub use algebra::{intersect, subtract, union};
pub use bad_value::BadValue;
pub use column::{format_list, name_based, parse_column};
pub use distinct::find_repeated;
pub use scan::{MAX_BAD_KEPT, UuidListReport, parse};
pub use text::{NotText, UuidListError};
