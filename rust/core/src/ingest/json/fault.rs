//! What can be wrong with a text: a row that is bad, a document that is broken.

use jiter::{JiterError, JiterErrorType, JsonError, JsonErrorType};

/// Something that is not a row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The line on which it begins.
    pub line: i64,
    /// How many rows come before it.
    pub rows_before: usize,
    /// Reads on from “line 7”.
    pub reason: String,
    /// What stands there, at most 1 KiB of it.
    pub text: String,
}

/// Where a document is broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// The line, from 1.
    pub line: i64,
    /// The column in characters, from 1.
    pub column: usize,
    /// Why.
    pub reason: String,
    /// Whether the text ends too early.
    pub is_cut: bool,
}

/// What is wrong with the syntax: nothing else can go wrong, since each value is asked for what it is.
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
