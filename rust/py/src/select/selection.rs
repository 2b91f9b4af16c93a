//! `groundswell._core.Selection`.

use std::sync::Arc;

use groundswell_core::ids::format_uuid;
use groundswell_core::select::selector::Scope;
use groundswell_core::{DeviceSet, Fleet, Selection};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert::{arrays, effort};
use crate::select::breakdown::PyBreakdown;
use crate::select::explanation::PyExplanation;

/// The devices that a selector and a limit picked from a fleet.
#[pyclass(frozen, name = "Selection", module = "groundswell._core")]
pub(crate) struct PySelection {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) selection: Selection,
}

impl PySelection {
    fn scope(&self, py: Python<'_>) -> &Scope {
        py.detach(|| self.selection.scope(&self.fleet))
    }
}

#[pymethods]
impl PySelection {
    fn __len__(&self) -> usize {
        self.selection.ordinals.len()
    }

    #[getter]
    fn candidates(&self, py: Python<'_>) -> u64 {
        self.scope(py).remaining
    }

    #[getter]
    fn matching(&self, py: Python<'_>) -> u64 {
        self.scope(py).matching
    }

    #[getter]
    fn online(&self, py: Python<'_>) -> Option<u64> {
        self.scope(py).online
    }

    #[getter]
    fn updated(&self, py: Python<'_>) -> u64 {
        self.scope(py).updated
    }

    #[getter]
    fn excluded(&self, py: Python<'_>) -> u64 {
        self.scope(py).excluded
    }

    #[getter]
    fn excluded_unknown(&self, py: Python<'_>) -> u64 {
        self.scope(py).excluded_unknown
    }

    #[getter]
    fn wanted(&self) -> u64 {
        self.selection.wanted
    }

    #[getter]
    fn skipped(&self, py: Python<'_>) -> Vec<(String, &'static str)> {
        let skipped = self.scope(py).skipped.iter();
        skipped.map(|offender| (format_uuid(&offender.uuid), offender.reason.slug())).collect()
    }

    fn keys<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_vec(py, py.detach(|| self.selection.keys(&self.fleet)))
    }

    fn ordinals<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_slice(py, &self.selection.ordinals)
    }

    fn uuids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<u8>>> {
        let ordinals = &self.selection.ordinals;
        arrays::uuids_to(py, py.detach(|| self.fleet.uuids_of(ordinals, &effort::effort(None))))
    }

    fn bitmap<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let portable = py.detach(|| DeviceSet::from_ordinals(&self.selection.ordinals).to_portable());
        PyBytes::new(py, &portable)
    }

    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.selection.digest(&self.fleet)))
    }

    fn breakdown(&self, py: Python<'_>) -> PyBreakdown {
        PyBreakdown(py.detach(|| self.selection.breakdown(&self.fleet)))
    }

    fn explain(&self, py: Python<'_>, uuid: [u8; 16]) -> PyExplanation {
        PyExplanation(py.detach(|| self.selection.explain(&self.fleet, &uuid)))
    }
}
