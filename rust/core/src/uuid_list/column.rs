//! Columns of UUIDs: cells of text → UUIDs, and UUIDs → the text of a list.

use super::scan::{is_blank, is_quote};
use super::value::{hyphenated, parse_value};
use crate::ids::Uuid;

/// Reads a column of text in which each cell is one UUID, in any form that a list accepts; blanks and quotes around
/// it are no part of it.
///
/// Cell `i` is `data[offsets[i]..offsets[i + 1]]`, as in an Arrow column of large strings. Returns a UUID for each cell,
/// and the rows, ascending, of the cells that are none; those have the UUID of zeros. A cell whose offsets lie outside
/// the data is such a cell.
pub fn parse_column(offsets: &[i64], data: &[u8]) -> (Vec<Uuid>, Vec<usize>) {
    let mut uuids = Vec::with_capacity(offsets.len().saturating_sub(1));
    let mut bad = Vec::new();
    for (row, bounds) in offsets.windows(2).enumerate() {
        let uuid = cell(bounds[0], bounds[1], data).and_then(parse_cell);
        if uuid.is_none() {
            bad.push(row);
        }
        uuids.push(uuid.unwrap_or_default());
    }
    (uuids, bad)
}

fn cell(start: i64, end: i64, data: &[u8]) -> Option<&[u8]> {
    data.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

fn parse_cell(cell: &[u8]) -> Option<Uuid> {
    if let Some(uuid) = <&[u8; 36]>::try_from(cell).ok().and_then(hyphenated) {
        return Some(uuid);
    }
    let text = std::str::from_utf8(cell).ok()?;
    parse_value(text.trim_matches(|c| is_blank(c) || is_quote(c)).as_bytes())
}

/// The text of a list: lower case, hyphenated, one a line, a line feed after each.
pub fn format_list(uuids: &[Uuid]) -> Vec<u8> {
    let mut text = Vec::with_capacity(uuids.len() * LINE.len());
    for uuid in uuids {
        text.extend_from_slice(&line(uuid));
    }
    text
}

/// A line with its hyphens and its end, the digits still to come.
const LINE: [u8; 37] = *b"________-____-____-____-____________\n";

/// The two digits of each byte.
const DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

#[inline]
fn line(uuid: &Uuid) -> [u8; 37] {
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut line = LINE;
    for (byte, place) in uuid.iter().zip(PLACES) {
        [line[place], line[place + 1]] = DIGITS[usize::from(*byte)];
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_cells(cells: &[&[u8]]) -> (Vec<Uuid>, Vec<usize>) {
        let ends = cells.iter().scan(0, |end, cell| {
            *end += cell.len() as i64;
            Some(*end)
        });
        let offsets: Vec<i64> = std::iter::once(0).chain(ends).collect();
        parse_column(&offsets, &cells.concat())
    }

    #[test]
    fn a_cell_is_one_uuid_with_blanks_and_quotes_around_it() {
        let uuid: Uuid = [0xAB; 16];
        let cells: [&[u8]; 9] = [
            b"abababab-abab-abab-abab-abababababab",
            b" {ABABABAB-abab-abab-abab-abababababab}\r\n",
            "\u{feff}\u{a0}abababababababababababababababab\u{200b}".as_bytes(),
            b"'urn:uuid:abababab-abab-abab-abab-abababababab",
            b"",
            b" ",
            b"abababab-abab-abab-abab-abababababab,",
            b"abababab-abab-abab-abab-abababababab abababab-abab-abab-abab-abababababab",
            b"\xff",
        ];
        let (uuids, bad) = parse_cells(&cells);
        assert_eq!(bad, [4, 5, 6, 7, 8]);
        assert_eq!(uuids[..4], [uuid; 4]);
        assert_eq!(uuids[4..], [[0; 16]; 5]);
    }

    #[test]
    fn a_column_without_cells_is_empty_and_wild_offsets_are_bad_cells() {
        assert_eq!(parse_column(&[], b""), (vec![], vec![]));
        assert_eq!(parse_column(&[0], b""), (vec![], vec![]));
        assert_eq!(parse_column(&[3, 1, -1, i64::MAX], b"abc").1, [0, 1, 2]);
    }

    #[test]
    fn lines_are_those_of_the_printed_form() {
        let uuids: Vec<Uuid> = (0..=255).map(|byte| [byte; 16]).collect();
        let expected: String = uuids.iter().map(|uuid| crate::ids::format_uuid(uuid) + "\n").collect();
        assert_eq!(format_list(&uuids), expected.into_bytes());
        assert!(format_list(&[]).is_empty());
    }
}
