//! The states of a wave, by their slugs.

use groundswell_core::WaveState;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub(crate) fn state_from(slug: &str) -> PyResult<WaveState> {
    WaveState::from_slug(slug).ok_or_else(|| PyValueError::new_err(format!("{slug:?} is not a state of a wave")))
}
