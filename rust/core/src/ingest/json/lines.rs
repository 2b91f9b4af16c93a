//! Line and column numbers for messages.

use memchr::memchr2_iter;

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Converts indexes to line numbers, counting from the previous index.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: i64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line of an index, from 1. Cost: the distance to the previous index.
    pub(super) fn line_of(&mut self, at: usize) -> i64 {
        if at >= self.at {
            self.line += count_ends(self.text, self.at, at);
        } else {
            self.line -= count_ends(self.text, at, self.at);
        }
        self.at = at;
        self.line
    }
}

/// How many lines end in `text[from..to]`: with LF, CRLF or CR.
fn count_ends(text: &[u8], from: usize, to: usize) -> i64 {
    let is_end = |&at: &usize| text[from + at] == b'\n' || text.get(from + at + 1) != Some(&b'\n');
    memchr2_iter(b'\n', b'\r', &text[from..to]).filter(is_end).count() as i64
}

/// The line of an index and its column in characters, both from 1.
pub(super) fn place(text: &[u8], at: usize) -> (i64, usize) {
    let at = at.min(text.len());
    let begins = text[..at].iter().rposition(|&byte| byte == b'\n' || byte == b'\r').map_or(0, |end| end + 1);
    let column = String::from_utf8_lossy(&text[begins..at]).chars().count() + 1;
    (1 + count_ends(text, 0, at), column)
}

/// The lines that are not blank, without their ends, each with its index.
pub(super) fn each_line(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut begins = 0;
    // CRLF counts as two ends with an empty line between them, which is skipped.
    let ends = memchr2_iter(b'\n', b'\r', text).chain(std::iter::once(text.len()));
    ends.filter_map(move |end| {
        let line = begins;
        begins = end + 1;
        text[line..end].iter().any(|byte| !b" \t".contains(byte)).then(|| (line, &text[line..end]))
    })
}
