//! A column of cells as text, and the rule for absent cells, which is the same in every column.

use super::bad_cell::{BadCell, Reason, Ruling};

/// Stands for an absent value in columns of codes and of numbers.
pub const ABSENT: i32 = -1;

/// A column of text in Arrow's shape: cell `i` is `data[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Copy, Debug)]
pub struct TextColumn<'a> {
    offsets: &'a [i64],
    pub(super) data: &'a [u8],
}

impl<'a> TextColumn<'a> {
    /// A column. Cells with offsets outside the data are empty.
    pub fn new(offsets: &'a [i64], data: &'a [u8]) -> Self {
        Self { offsets, data }
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub(super) fn cells(self) -> impl Iterator<Item = &'a [u8]> {
        let cell = move |start, end| self.data.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?);
        self.offsets.windows(2).map(move |bounds| cell(bounds[0], bounds[1]).unwrap_or_default())
    }

    /// Applies a rule to each cell. The value of a bad cell is the default.
    pub(super) fn read<T: Default>(self, mut rule: impl FnMut(&'a [u8]) -> Ruling<T>) -> (Vec<T>, Vec<BadCell>) {
        let (mut values, mut bad) = (Vec::with_capacity(self.len()), Vec::new());
        for (row, cell) in self.cells().enumerate() {
            values.push(rule(cell).unwrap_or_else(|(reason, detail)| {
                // In every column, "not UTF-8" has priority over other reasons.
                let is_text = reason == Reason::Empty || std::str::from_utf8(cell).is_ok();
                bad.push(BadCell { row, reason: if is_text { reason } else { Reason::NotUtf8 }, detail });
                T::default()
            }));
        }
        (values, bad)
    }
}

/// The text of a cell without surrounding blanks; `None` if the cell is absent.
pub(super) fn present(cell: &[u8]) -> Option<&[u8]> {
    let text = trimmed(cell);
    (!text.is_empty() && !is_null_word(text)).then_some(text)
}

pub(super) fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c, rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c] = text {
        text = rest;
    }
    text
}

/// Whether a text is a null word, as SQL tools, Python, Go and spreadsheets write it.
///
/// `NA` and `-` are values: NA is a region.
fn is_null_word(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [b"null", b"none", b"nil", b"nan", b"n/a", b"#n/a"];
    matches!(text.len(), 3 | 4) && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
