//! Converts cells to values: which texts each column accepts (`docs/fleets.md` describes them for users).
//!
//! The value of a cell depends only on its own text. Surrounding blanks are ignored. An empty cell and a null word such
//! as `n/a` are absent in every column.

mod bad_cell;
mod column;
mod instant;
mod names;
mod numbers;
mod text;
mod uuids;

pub use bad_cell::{BadCell, Reason};
pub use column::{ABSENT, TextColumn};
pub use instant::{Instants, check_instants, read_instants};
pub use names::{MAX_NAME_LENGTH, NAME_PATTERN, NameKind, NameReader, check_name};
pub use numbers::{check_truths, check_versions, read_truths, read_versions};
pub use text::{FreeTexts, read_free_texts};
pub use uuids::read_uuids;

#[cfg(test)]
mod tests;
