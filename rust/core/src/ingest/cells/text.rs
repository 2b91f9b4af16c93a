//! Free text: names of devices and hardware ids.

use super::bad_cell::{BadCell, Reason};
use super::column::{TextColumn, present};

/// A column of texts in Arrow's shape.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FreeTexts {
    /// Cell `i` is `data[offsets[i]..offsets[i + 1]]`.
    pub offsets: Vec<i64>,
    /// The texts, one after another: UTF-8.
    pub data: Vec<u8>,
    /// Which are not absent: a bit each, the lowest of a byte first.
    pub validity: Vec<u8>,
    /// The bad cells.
    pub bad: Vec<BadCell>,
}

/// Reads a column of free text; blanks around a text are kept.
pub fn read_free_texts(column: TextColumn<'_>) -> FreeTexts {
    let mut found = FreeTexts {
        offsets: Vec::with_capacity(column.len() + 1),
        data: Vec::with_capacity(column.data.len()),
        validity: vec![0; column.len().div_ceil(8)],
        bad: Vec::new(),
    };
    found.offsets.push(0);
    for (row, cell) in column.cells().enumerate() {
        if present(cell).is_some() {
            if std::str::from_utf8(cell).is_ok() {
                found.data.extend_from_slice(cell);
                found.validity[row / 8] |= 1 << (row % 8);
            } else {
                found.bad.push(BadCell { row, reason: Reason::NotUtf8, detail: 0 });
            }
        }
        found.offsets.push(found.data.len() as i64);
    }
    found
}
