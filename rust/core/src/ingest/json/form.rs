//! Whether a text is a document or lines of objects (NDJSON).

use jiter::{Jiter, Peek};

use super::lines::{BYTE_ORDER_MARK, each_line};

/// How much of a text decides whether it is lines of objects.
const HEAD: usize = 1 << 16;

/// How a text is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// One value or several; what is broken anywhere breaks all of it.
    Document,
    /// An object a line; a broken line says nothing about the others.
    Lines,
}

/// How a text is to be read: lines, if the first of them is an object or most of them are.
///
/// `named_lines`: the name of the file says so; then one object among the lines is enough if it is not a document.
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
