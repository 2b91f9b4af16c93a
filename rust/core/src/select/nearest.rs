//! Similar spellings, for hints.

/// The known words that are most similar to `word`, best first, at most `at_most`.
///
/// Similar means a case-insensitive Jaro-Winkler similarity of at least 0.8.
///
/// # Examples
/// ```
/// use groundswell_core::select::nearest::nearest;
///
/// assert_eq!(nearest("canray", ["canary", "apac"], 3), ["canary"]);
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, at_most: usize) -> Vec<&'a str> {
    const MIN_SIMILARITY: f64 = 0.8;
    let word = word.to_lowercase();
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.into_iter().take(at_most).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn typing_errors_are_found_and_other_words_are_not() {
        let groups = ["us-east", "us-west", "canary", "apac"];
        assert_eq!(nearest("canray", groups, 3), ["canary"]);
        assert_eq!(nearest("US-EAST", groups, 1), ["us-east"]);
        assert!(nearest("zebra", groups, 3).is_empty());
        assert!(nearest("", groups, 3).is_empty());
    }
}
