//! CSV: bytes → the cells of its records, with the line of each record and with what is not a record.
//!
//! The dialect (`docs/fleets.md` states it for users):
//! - A record ends with LF, CRLF or CR outside quotes, or with the text. A record of one blank cell is a blank line.
//! - A cell whose first character after blanks is a quote is quoted: it ends at the next quote that is not doubled, and
//!   only blanks may follow before the delimiter or the end of the record. In any other cell a quote is a character.
//! - A quoted cell that does not end so, or not within [`MAX_CELL`] bytes, makes the line on which it opens (and the
//!   lines of its record before that) one bad record. Splitting goes on with the next line, so that an unbalanced quote
//!   does not decide about other lines.
//! - A record may have more cells than the header if the additional ones are blank.
//! - A record is text in UTF-8 without NUL.
//!
//! The cost is linear: a quoted cell that fails ends before the next odd run of quotes, and each line on which a cell
//! can fail has such a run. So a byte is scanned at most twice.

mod record;
mod splitter;

pub use record::{Header, MAX_CELL, header, split_record};
pub use splitter::{Fault, FaultKind, MAX_RECORD, Splitter, Table, Texts};

#[cfg(test)]
mod tests;
