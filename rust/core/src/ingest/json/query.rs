//! Which columns a caller wants from a document, and where they come from.

use std::collections::HashMap;

use super::path::Path;

/// Where a column comes from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// From the key of one of its spellings.
    #[default]
    Automatic,
    /// From the key of exactly this name, or the value at this path.
    At(Path),
    /// From nowhere.
    Off,
}

/// What is wanted of a document.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Where each column comes from, by its number.
    pub columns: Vec<Source>,
    /// Folded spelling → number of the column.
    pub spellings: HashMap<String, usize>,
    /// The array of devices in an object.
    pub rows_at: Option<Path>,
}

/// A column that was wanted by hand, and that no row has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingSource {
    /// Its number.
    pub column: usize,
    /// How many steps of its path some row has.
    pub taken: usize,
    /// Whether the next step is a key (not an index or a filter, which data decides).
    pub is_key: bool,
    /// The keys that are there instead, at most 100.
    pub keys: Vec<String>,
}

/// A name of a column without what spellings differ in: case, `-`, `_`, `.` and white space.
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
