//! Readers of devices in text.

use pyo3::prelude::*;

mod cells;
mod csv;
mod json;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    cells::register(m)?;
    csv::register(m)?;
    json::register(m)
}
