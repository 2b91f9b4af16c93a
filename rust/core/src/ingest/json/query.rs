//! The columns that a caller requests from a document, and where their values come from.

use std::collections::HashMap;

use super::path::Path;

/// The source of a column.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// The key that is one of the column's spellings.
    #[default]
    Automatic,
    /// The key with exactly this name, or the value at this path.
    At(Path),
    /// None: the column is absent.
    Off,
}

/// A request for columns of a document.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The source of each column.
    pub columns: Vec<Source>,
    /// Maps a folded spelling to the index of its column.
    pub spellings: HashMap<String, usize>,
    /// The path of the array of devices within an object.
    pub rows_at: Option<Path>,
}

/// A column with an explicit source that no row has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingSource {
    /// The index of the column.
    pub column: usize,
    /// The most steps of its path that exist in some row.
    pub taken: usize,
    /// Whether the missing step is a key, as opposed to an index or a filter.
    pub is_key: bool,
    /// The keys that exist instead, at most 100.
    pub keys: Vec<String>,
}

/// Folds a column name: lower case, without `-`, `_`, `.` and white space.
pub fn fold(name: &str) -> String {
    let kept = name.chars().filter(|&c| !matches!(c, '-' | '_' | '.' | '\x1c'..='\x1f') && !c.is_whitespace());
    kept.collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn spellings_differ_in_case_and_separators() {
        assert_eq!(fold("Last-Seen"), "lastseen");
        assert_eq!(fold("last_\u{a0}SEEN.\t"), "lastseen");
        assert_eq!(fold("É"), "é");
    }
}
