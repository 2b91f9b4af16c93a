//! The arithmetic of the sampling algorithm for one device, for explanations and tests.

use groundswell_core::ids;
use groundswell_core::sampling::{clocks, recency};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::errors;

#[pyfunction]
pub(crate) fn identity_hash(uuid: [u8; 16]) -> u64 {
    ids::identity_hash(&uuid)
}

#[pyfunction]
pub(crate) fn variate(uuid: [u8; 16], seed: u64) -> u64 {
    clocks::SeedKey::new(seed).variate(ids::identity_hash(&uuid))
}

#[pyfunction]
pub(crate) fn key(uuid: [u8; 16], seed: u64, step: u8) -> PyResult<f64> {
    if step > recency::LAST_STEP {
        return Err(PyValueError::new_err(format!("there is no step {step}")));
    }
    Ok(clocks::key(variate(uuid, seed), step))
}

#[pyfunction]
pub(crate) fn recency_step(
    py: Python<'_>,
    last_seen: u32,
    now: i64,
    online_threshold: i64,
    half_life: i64,
) -> PyResult<u8> {
    let recency = recency::Recency::new(now, online_threshold, half_life).map_err(|error| errors::to_py(py, error))?;
    Ok(recency.step(last_seen))
}

#[pyfunction]
pub(crate) fn online_since(py: Python<'_>, now: i64, online_threshold: i64) -> PyResult<i64> {
    let recency = recency::Recency::online_within(now, online_threshold).map_err(|error| errors::to_py(py, error))?;
    Ok(recency.online_since())
}
