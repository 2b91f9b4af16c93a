//! Columns of UUIDs: cells of text → UUIDs, and UUIDs → the text of a list.

use sha1::{Digest, Sha1};

use crate::ids::Uuid;
use crate::uuid_list::forms::{hyphenated, parse_value};
use crate::uuid_list::separators::{is_blank, is_quote};

/// Parses a column of text with one UUID per cell, in any form that a list accepts, apart from blanks and quotes around
/// it.
///
/// Cell `i` is `data[offsets[i]..offsets[i + 1]]`, as in an Arrow column of large strings. Returns one UUID per cell, and
/// the rows, ascending, of bad cells, whose UUID is nil. A cell with offsets outside of the data is bad.
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

/// Derives a name-based UUID from each cell of a column of text (RFC 9562, version 5). Blanks around a cell are not part
/// of the name.
///
/// Returns one UUID per cell, and the rows, ascending, of blank cells, whose UUID is nil.
pub fn name_based(offsets: &[i64], data: &[u8], namespace: &Uuid) -> (Vec<Uuid>, Vec<usize>) {
    let prefix = Sha1::new_with_prefix(namespace);
    let mut uuids = Vec::with_capacity(offsets.len().saturating_sub(1));
    let mut bad = Vec::new();
    for (row, bounds) in offsets.windows(2).enumerate() {
        let name = cell(bounds[0], bounds[1], data).unwrap_or_default();
        let name = trim(name);
        if name.is_empty() {
            bad.push(row);
            uuids.push(Uuid::default());
            continue;
        }
        let digest = prefix.clone().chain_update(name).finalize();
        let mut uuid: Uuid = std::array::from_fn(|byte| digest[byte]);
        uuid[6] = uuid[6] & 0x0f | 0x50;
        uuid[8] = uuid[8] & 0x3f | 0x80;
        uuids.push(uuid);
    }
    (uuids, bad)
}

fn trim(name: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| b" \t\r\n\x0b\x0c".contains(byte);
    let start = name.iter().position(|byte| !is_blank(byte)).unwrap_or(name.len());
    let end = name.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &name[start..end]
}

fn cell(start: i64, end: i64, data: &[u8]) -> Option<&[u8]> {
    data.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// Parses a cell with one UUID, apart from blanks and quotes around it.
pub(crate) fn parse_cell(cell: &[u8]) -> Option<Uuid> {
    if let Some(uuid) = <&[u8; 36]>::try_from(cell).ok().and_then(hyphenated) {
        return Some(uuid);
    }
    let text = std::str::from_utf8(cell).ok()?;
    parse_value(text.trim_matches(|c| is_blank(c) || is_quote(c)).as_bytes())
}

/// Formats a list: lower case, hyphenated, one per line, each followed by a line feed.
///
/// # Examples
/// ```
/// use groundswell_core::uuid_list::format_list;
///
/// assert_eq!(format_list(&[[0xAB; 16]]), b"abababab-abab-abab-abab-abababababab\n");
/// ```
pub fn format_list(uuids: &[Uuid]) -> Vec<u8> {
    let mut text = Vec::with_capacity(uuids.len() * LINE.len());
    for uuid in uuids {
        text.extend_from_slice(&line(uuid));
    }
    text
}

/// The template of a line.
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
    fn an_empty_column_is_empty_and_offsets_out_of_range_are_bad_cells() {
        assert_eq!(parse_column(&[], b""), (vec![], vec![]));
        assert_eq!(parse_column(&[0], b""), (vec![], vec![]));
        assert_eq!(parse_column(&[3, 1, -1, i64::MAX], b"abc").1, [0, 1, 2]);
    }

    #[test]
    fn name_based_uuids_are_those_of_rfc_9562() {
        // Appendix A.4 of RFC 9562: "www.example.com" in the name space of DNS.
        let dns = *b"\x6b\xa7\xb8\x10\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8";
        let (uuids, bad) = name_based(&[0, 18, 20], b" www.example.com\r\n \t", &dns);
        assert_eq!(crate::ids::format_uuid(&uuids[0]), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
        assert_eq!(bad, [1]);
    }

    #[test]
    fn lines_equal_format_uuid() {
        let uuids: Vec<Uuid> = (0..=255).map(|byte| [byte; 16]).collect();
        let expected: String = uuids.iter().map(|uuid| crate::ids::format_uuid(uuid) + "\n").collect();
        assert_eq!(format_list(&uuids), expected.into_bytes());
        assert!(format_list(&[]).is_empty());
    }
}
