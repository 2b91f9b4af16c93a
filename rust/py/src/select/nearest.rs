//! `groundswell._core.nearest`.

use pyo3::prelude::*;

#[pyfunction]
#[pyo3(signature = (word, known, at_most = 3))]
pub(crate) fn nearest(word: &str, known: Vec<String>, at_most: usize) -> Vec<String> {
    let near = groundswell_core::select::nearest::nearest(word, known.iter().map(String::as_str), at_most);
    near.into_iter().map(String::from).collect()
}
