//! `groundswell._core.merge_selections`: merges the selections of shards.

use groundswell_core::select::shards::{self, Merged};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;

use crate::convert::limits::PyLimit;
use crate::convert::{arrays, errors};
use crate::select::selection::PySelection;

/// The merged selection of several shards.
#[pyclass(frozen, name = "MergedSelection", module = "groundswell._core")]
pub(crate) struct PyMergedSelection(Merged);

#[pyfunction]
#[pyo3(signature = (selections, *, limit))]
pub(crate) fn merge_selections(
    py: Python<'_>,
    selections: Vec<PyRef<'_, PySelection>>,
    limit: PyLimit,
) -> PyResult<PyMergedSelection> {
    let limit = limit.limit()?;
    let shards: Vec<_> = selections.iter().map(|shard| (&*shard.fleet, &shard.selection)).collect();
    py.detach(|| shards::merge(&shards, limit)).map(PyMergedSelection).map_err(|error| errors::to_py(py, error))
}

#[pymethods]
impl PyMergedSelection {
    fn __len__(&self) -> usize {
        self.0.picks.len()
    }

    #[getter]
    fn wanted(&self) -> u64 {
        self.0.wanted
    }

    #[getter]
    fn matching(&self) -> u64 {
        self.0.matching
    }

    #[getter]
    fn candidates(&self) -> u64 {
        self.0.candidates
    }

    fn uuids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<u8>>> {
        arrays::uuids_to(py, self.0.picks.iter().map(|pick| pick.uuid).collect())
    }

    fn keys<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_vec(py, self.0.picks.iter().map(|pick| pick.key).collect())
    }

    fn shards<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_vec(py, self.0.picks.iter().map(|pick| pick.shard).collect())
    }

    fn ordinals<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_vec(py, self.0.picks.iter().map(|pick| pick.ordinal).collect())
    }
}
