//! Bad rows and broken documents.

use jiter::{JiterError, JiterErrorType, JsonError, JsonErrorType};

/// A bad row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The line on which it begins.
    pub line: i64,
    /// How many rows come before it.
    pub rows_before: usize,
    /// The rest of a sentence that begins with "line 7".
    pub reason: String,
    /// The text of the row, at most 1 KiB.
    pub text: String,
}

/// A syntax error in a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// The line, from 1.
    pub line: i64,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
    /// Whether the document is truncated.
    pub is_cut: bool,
}

/// The syntax error of a parser error. Wrong types do not occur, because each value is read according to its type.
pub(super) fn syntax_error(error: JiterError) -> JsonError {
    let error_type = match error.error_type {
        JiterErrorType::JsonError(error_type) => error_type,
        JiterErrorType::WrongType { .. } => JsonErrorType::ExpectedSomeValue,
    };
    JsonError { error_type, index: error.index }
}

pub(super) fn reason(error: &JsonErrorType) -> String {
    match error {
        JsonErrorType::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        JsonErrorType::NumberOutOfRange => "a number has too many digits".to_owned(),
        JsonErrorType::ExpectedSomeIdent => "expected `true`, `false` or `null`".to_owned(),
        JsonErrorType::EofWhileParsingList
        | JsonErrorType::EofWhileParsingObject
        | JsonErrorType::EofWhileParsingString
        | JsonErrorType::EofWhileParsingValue => "it ends too early".to_owned(),
        other => other.to_string(),
    }
}
