//! `groundswell._core.Explanation`.

use groundswell_core::Explanation;
use pyo3::prelude::*;

/// Why a device was picked or not.
#[pyclass(frozen, name = "Explanation", module = "groundswell._core")]
pub(crate) struct PyExplanation(pub(crate) Explanation);

#[pymethods]
impl PyExplanation {
    #[getter]
    fn verdict(&self) -> &'static str {
        self.0.verdict.slug()
    }

    #[getter]
    fn ordinal(&self) -> Option<u32> {
        self.0.known.as_ref().map(|device| device.ordinal)
    }

    #[getter]
    fn step(&self) -> Option<u8> {
        self.0.known.as_ref().map(|device| device.step)
    }

    #[getter]
    fn weight(&self) -> Option<f64> {
        self.0.known.as_ref().map(|device| device.weight)
    }

    #[getter]
    fn key(&self) -> Option<f64> {
        self.0.known.as_ref().map(|device| device.key)
    }

    #[getter]
    fn rank(&self) -> Option<u64> {
        self.0.known.as_ref().and_then(|device| device.rank)
    }
}
