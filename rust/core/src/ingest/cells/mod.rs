//! Cells → values: what a cell of each column may hold (`docs/fleets.md` states the same for users).
//!
//! A cell is judged by its own text alone. Blanks around it do not count; an empty cell, or a word for nothing, is
//! absent in every column.

mod instant;
mod names;
mod numbers;
mod text;

pub use instant::{Instants, check_instants, read_instants};
pub use names::{NameKind, NameReader, check_name};
pub use numbers::{check_truths, check_versions, read_truths, read_versions};
pub use text::{FreeTexts, read_free_texts};

use crate::ids::Uuid;
use crate::uuid_list::column::parse_cell;

/// The largest target version.
pub const MAX_VERSION: i32 = i32::MAX;
/// Stands for an absent value in columns of codes and of numbers.
pub const ABSENT: i32 = -1;

/// Why a cell is bad.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Reason {
    /// It is absent, and may not be.
    Empty,
    /// It is not UTF-8.
    NotUtf8,
    /// It is not a UUID.
    NotUuid,
    /// It is neither true nor false.
    NotTruth,
    /// It is not an integer.
    NotInteger,
    /// It is negative.
    Negative,
    /// It is above the largest target version.
    VersionTooLarge,
    /// It is not an instant.
    NotInstant,
    /// It is a day, or a time of day, that does not exist.
    NoSuchInstant,
    /// It is a number that is too small for seconds since 1970 (the detail), such as a date of a spreadsheet.
    SmallNumber,
    /// It lies before 1970.
    Before1970,
    /// It lies too far in the future; the detail is the second.
    Future,
    /// It is not a name.
    NotName,
    /// It is a name that is too long.
    LongName,
    /// It is a list of something else than names.
    NotNames,
    /// It is a list of several groups.
    SeveralGroups,
}

impl Reason {
    /// All reasons, in the order of their codes.
    pub const ALL: [(Self, &str); 16] = [
        (Self::Empty, "empty"),
        (Self::NotUtf8, "not-utf8"),
        (Self::NotUuid, "not-uuid"),
        (Self::NotTruth, "not-truth"),
        (Self::NotInteger, "not-integer"),
        (Self::Negative, "negative"),
        (Self::VersionTooLarge, "version-too-large"),
        (Self::NotInstant, "not-instant"),
        (Self::NoSuchInstant, "no-such-instant"),
        (Self::SmallNumber, "small-number"),
        (Self::Before1970, "before-1970"),
        (Self::Future, "future"),
        (Self::NotName, "not-name"),
        (Self::LongName, "long-name"),
        (Self::NotNames, "not-names"),
        (Self::SeveralGroups, "several-groups"),
    ];
}

/// A bad cell of a column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadCell {
    /// Its row.
    pub row: usize,
    /// Why.
    pub reason: Reason,
    /// What some reasons need to be told well; otherwise 0.
    pub detail: i64,
}

/// A column of text in Arrow's shape: cell `i` is `data[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Copy, Debug)]
pub struct TextColumn<'a> {
    offsets: &'a [i64],
    data: &'a [u8],
}

impl<'a> TextColumn<'a> {
    /// A column; cells whose offsets lie outside the data are empty.
    pub fn new(offsets: &'a [i64], data: &'a [u8]) -> Self {
        Self { offsets, data }
    }

    fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn cells(self) -> impl Iterator<Item = &'a [u8]> {
        let cell = move |start, end| self.data.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?);
        self.offsets.windows(2).map(move |bounds| cell(bounds[0], bounds[1]).unwrap_or_default())
    }

    /// Reads each cell; a bad one has the default value.
    fn read<T: Default>(self, mut rule: impl FnMut(&'a [u8]) -> Result<T, (Reason, i64)>) -> (Vec<T>, Vec<BadCell>) {
        let (mut values, mut bad) = (Vec::with_capacity(self.len()), Vec::new());
        for (row, cell) in self.cells().enumerate() {
            values.push(rule(cell).unwrap_or_else(|(reason, detail)| {
                // A cell of any column that is not even text is told as that.
                let is_text = reason == Reason::Empty || std::str::from_utf8(cell).is_ok();
                bad.push(BadCell { row, reason: if is_text { reason } else { Reason::NotUtf8 }, detail });
                T::default()
            }));
        }
        (values, bad)
    }
}

/// Reads a column of UUIDs, in any form that a list accepts.
///
/// `are_bytes` says that the source calls the cells bytes: then 16 of them are a UUID, too.
pub fn read_uuids(column: TextColumn<'_>, are_bytes: bool) -> (Vec<Uuid>, Vec<BadCell>) {
    column.read(|cell| match <Uuid>::try_from(cell) {
        Ok(uuid) if are_bytes => Ok(uuid),
        _ => match parse_cell(cell) {
            Some(uuid) => Ok(uuid),
            None if present(cell).is_none() => Err((Reason::Empty, 0)),
            None => Err((Reason::NotUuid, 0)),
        },
    })
}

/// The text of a cell without the blanks around it; nothing if it is absent.
fn present(cell: &[u8]) -> Option<&[u8]> {
    let text = trimmed(cell);
    (!text.is_empty() && !is_null_word(text)).then_some(text)
}

fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c, rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c] = text {
        text = rest;
    }
    text
}

/// Whether a text is a word for nothing, as SQL tools, Python, Go and spreadsheets write it.
///
/// `NA` and `-` are not: NA is a region.
fn is_null_word(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [b"null", b"none", b"nil", b"nan", b"n/a", b"#n/a"];
    matches!(text.len(), 3 | 4) && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
