//! Truth values and target versions.

use super::bad_cell::{BadCell, Reason, Ruling};
use super::column::{ABSENT, TextColumn, present};
use crate::fleet::columns::MAX_VERSION;

/// Reads a column of truth values: 1, 0 or [`ABSENT`]. The value of a bad cell is arbitrary.
pub fn read_truths(column: TextColumn<'_>) -> (Vec<i8>, Vec<BadCell>) {
    column.read(|cell| present(cell).map_or(Ok(ABSENT as i8), truth))
}

fn truth(text: &[u8]) -> Ruling<i8> {
    const TRUE: [&[u8]; 6] = [b"true", b"t", b"yes", b"y", b"1", b"1.0"];
    const FALSE: [&[u8]; 6] = [b"false", b"f", b"no", b"n", b"0", b"0.0"];
    let is_one_of = |words: [&[u8]; 6]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(TRUE) {
        Ok(1)
    } else if is_one_of(FALSE) {
        Ok(0)
    } else {
        Err((Reason::NotTruth, 0))
    }
}

/// Reads truth values from a column of numbers; `None` is an absent cell.
pub fn check_truths(values: impl Iterator<Item = Option<i64>>) -> (Vec<i8>, Vec<BadCell>) {
    checked(values, |value| match value {
        None => Ok(ABSENT as i8),
        Some(0) => Ok(0),
        Some(1) => Ok(1),
        Some(_) => Err(Reason::NotTruth),
    })
}

/// Reads a column of target versions: from 0 to [`MAX_VERSION`], or [`ABSENT`]. The value of a bad cell is arbitrary.
pub fn read_versions(column: TextColumn<'_>) -> (Vec<i32>, Vec<BadCell>) {
    column.read(|cell| present(cell).map_or(Ok(ABSENT), version))
}

fn version(text: &[u8]) -> Ruling<i32> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_integer = match text[digits..] {
        // Spreadsheets add a fraction of zeros.
        [b'.', ref zeros @ ..] => zeros.iter().all(|&zero| zero == b'0'),
        ref rest => rest.is_empty(),
    };
    if digits == 0 || !is_integer {
        return Err((if text[0] == b'-' { Reason::Negative } else { Reason::NotInteger }, 0));
    }
    let number = text[..digits]
        .iter()
        .try_fold(0, |number: i32, digit| number.checked_mul(10)?.checked_add(i32::from(digit - b'0')));
    number.ok_or((Reason::VersionTooLarge, 0))
}

/// Reads target versions from a column of numbers; `None` is an absent cell.
pub fn check_versions(values: impl Iterator<Item = Option<i64>>) -> (Vec<i32>, Vec<BadCell>) {
    checked(values, |value| match value {
        None => Ok(ABSENT),
        Some(..0) => Err(Reason::Negative),
        Some(value) if value > i64::from(MAX_VERSION) => Err(Reason::VersionTooLarge),
        Some(value) => Ok(value as i32),
    })
}

fn checked<T: Default>(
    values: impl Iterator<Item = Option<i64>>,
    rule: impl Fn(Option<i64>) -> Result<T, Reason>,
) -> (Vec<T>, Vec<BadCell>) {
    let mut bad = Vec::new();
    let mut value_of = |(row, value)| {
        rule(value).unwrap_or_else(|reason| {
            bad.push(BadCell { row, reason, detail: 0 });
            T::default()
        })
    };
    (values.enumerate().map(&mut value_of).collect(), bad)
}
