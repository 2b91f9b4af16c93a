//! CSV: splits bytes into the cells of records, with the line of each record and each fault.
//!
//! The dialect (`docs/fleets.md` describes it for users):
//! - A record ends with LF, CRLF or CR outside quotes, or at the end of the text. A record with one blank cell
//!   is a blank line.
//! - A cell whose first character after blanks is a quote is quoted: it ends at the next quote that is not doubled, and
//!   only blanks may follow before the delimiter or the end of the record. In other cells a quote is an ordinary
//!   character.
//! - If a quoted cell does not end like this within [`MAX_CELL`] bytes, the record is bad. It ends with the line on
//!   which the cell opens, so that an unbalanced quote does not affect later lines.
//! - A record may have more cells than the header if the additional ones are blank.
//! - A record is text in UTF-8 without NUL.
//!
//! Cost: linear. A bad quoted cell ends before the next odd run of quotes, and each line on which a cell can be bad has
//! such a run, so each byte is scanned at most twice.

mod record;
mod splitter;

pub use record::{Header, MAX_CELL, header, split_record};
pub use splitter::{Fault, FaultKind, MAX_RECORD, Splitter, Table, Texts};

#[cfg(test)]
mod tests;
