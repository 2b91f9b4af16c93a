//! Detects whether a text is a document or NDJSON.

use jiter::{Jiter, Peek};

use super::lines::{BYTE_ORDER_MARK, each_line};

/// The number of leading bytes that are examined.
const HEAD: usize = 1 << 16;

/// The form of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A sequence of values. A syntax error invalidates all of it.
    Document,
    /// One object per line (NDJSON). A bad line does not affect other lines.
    Lines,
}

/// Detects the form of a text: lines, if the first line or most lines are objects.
///
/// `named_lines`: the file name says NDJSON. Then one object is enough, unless the text is a document.
pub fn form(text: &[u8], named_lines: bool) -> Form {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let (mut lines, mut objects) = (0, 0);
    for (begins, line) in each_line(text) {
        if lines > 0 && begins + line.len() > HEAD {
            break;
        }
        lines += 1;
        objects += usize::from(is_object(line));
        if lines == 1 && objects == 1 && line.len() < text.len() {
            return Form::Lines;
        }
    }
    let most = objects * 2 > lines && lines > 1;
    if most || (named_lines && objects > 0 && !is_document(text)) { Form::Lines } else { Form::Document }
}

fn is_object(line: &[u8]) -> bool {
    let mut json = Jiter::new(line).with_allow_inf_nan();
    json.peek().is_ok_and(|peek| peek == Peek::Object && json.known_skip(peek).is_ok() && json.finish().is_ok())
}

fn is_document(text: &[u8]) -> bool {
    let mut json = Jiter::new(text).with_allow_inf_nan();
    while json.finish().is_err() {
        if json.next_skip().is_err() {
            return false;
        }
    }
    true
}
