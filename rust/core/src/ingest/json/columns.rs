//! A column of text in Arrow's shape.

/// A column of text in which cells may be null.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TextColumn {
    /// One more than there are cells.
    pub offsets: Vec<i64>,
    /// The cells, one after another.
    pub data: Vec<u8>,
    /// One bit per cell, 0 if it is null; the lowest bit of each byte is first.
    pub valid: Vec<u8>,
}

impl Default for TextColumn {
    fn default() -> Self {
        Self { offsets: vec![0], data: Vec::new(), valid: Vec::new() }
    }
}

impl TextColumn {
    pub(super) fn push(&mut self, cell: Option<&[u8]>) {
        let row = self.offsets.len() - 1;
        if row.is_multiple_of(8) {
            self.valid.push(0);
        }
        if let Some(text) = cell {
            self.data.extend_from_slice(text);
            self.valid[row / 8] |= 1 << (row % 8);
        }
        self.offsets.push(self.data.len() as i64);
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.data.truncate(self.offsets[rows] as usize);
        self.valid.truncate(rows.div_ceil(8));
        if !rows.is_multiple_of(8) {
            self.valid[rows / 8] &= (1 << (rows % 8)) - 1;
        }
    }
}
