//! `groundswell._core.DeviceSet`: sets of ordinals and their portable bytes.

use groundswell_core::DeviceSet;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert::errors;

/// A set of ordinals as a roaring bitmap.
#[pyclass(frozen, eq, name = "DeviceSet", module = "groundswell._core")]
#[derive(PartialEq)]
pub(crate) struct PyDeviceSet(pub(crate) DeviceSet);

#[pymethods]
impl PyDeviceSet {
    #[staticmethod]
    fn from_ordinals(py: Python<'_>, ordinals: PyReadonlyArray1<'_, u32>) -> PyResult<Self> {
        let ordinals = ordinals.as_array().to_vec();
        Ok(Self(py.detach(|| DeviceSet::from_ordinals(&ordinals))))
    }

    #[staticmethod]
    fn from_portable(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        DeviceSet::from_portable(data).map(Self).map_err(|error| errors::to_py(py, error))
    }

    fn to_portable<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.0.to_portable()))
    }

    /// Pickled as its portable bytes.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let rebuild = slf.get_type().getattr("from_portable")?;
        Ok((rebuild, (slf.get().to_portable(slf.py()),)))
    }

    fn to_ordinals<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_vec(py, py.detach(|| self.0.iter().collect()))
    }

    fn __len__(&self) -> usize {
        self.0.len() as usize
    }

    fn __contains__(&self, ordinal: u32) -> bool {
        self.0.contains(ordinal)
    }

    fn __and__(&self, py: Python<'_>, other: &Self) -> Self {
        Self(py.detach(|| &self.0 & &other.0))
    }

    fn __or__(&self, py: Python<'_>, other: &Self) -> Self {
        Self(py.detach(|| &self.0 | &other.0))
    }

    fn __xor__(&self, py: Python<'_>, other: &Self) -> Self {
        Self(py.detach(|| &self.0 ^ &other.0))
    }

    fn __sub__(&self, py: Python<'_>, other: &Self) -> Self {
        Self(py.detach(|| &self.0 - &other.0))
    }
}
