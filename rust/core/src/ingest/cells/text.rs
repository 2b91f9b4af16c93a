//! Free text: device names and hardware ids.

use super::bad_cell::{BadCell, Reason};
use super::column::{TextColumn, present};

/// A column of texts in Arrow's shape.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FreeTexts {
    /// Cell `i` is `data[offsets[i]..offsets[i + 1]]`.
    pub offsets: Vec<i64>,
    /// The texts, one after another: UTF-8.
    pub data: Vec<u8>,
    /// One bit per cell, 0 if it is absent; the lowest bit of each byte is first.
    pub validity: Vec<u8>,
    /// The bad cells.
    pub bad: Vec<BadCell>,
}

/// Reads a column of free text. Surrounding blanks are kept.
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
