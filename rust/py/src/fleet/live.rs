//! `groundswell._core.LiveFleet`.

use std::sync::Arc;

use groundswell_core::fleet::live::{Column, Devices};
use groundswell_core::{CheckIns, LiveFleet};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::arrays;
use crate::fleet::fleet::PyFleet;

/// A fleet that accepts check-ins.
#[pyclass(frozen, name = "LiveFleet", module = "groundswell._core")]
pub(crate) struct PyLiveFleet(LiveFleet);

/// The devices of a batch: rows of 16 bytes, or ordinals.
#[derive(FromPyObject)]
enum DevicesOf<'py> {
    Uuids(PyReadonlyArray2<'py, u8>),
    Ordinals(PyReadonlyArray1<'py, u32>),
}

#[pymethods]
impl PyLiveFleet {
    #[new]
    fn new(py: Python<'_>, fleet: &PyFleet) -> Self {
        Self(py.detach(|| LiveFleet::new(&fleet.0)))
    }

    #[getter]
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn freeze(&self, py: Python<'_>) -> PyFleet {
        PyFleet(Arc::new(py.detach(|| self.0.freeze())))
    }

    /// Applied, older, unknown, refused, ahead.
    #[pyo3(signature = (devices, *, at, target_versions, now))]
    fn check_in(
        &self,
        py: Python<'_>,
        devices: DevicesOf<'_>,
        at: PyReadonlyArray1<'_, u32>,
        target_versions: PyReadonlyArray1<'_, i32>,
        now: u32,
    ) -> PyResult<(u64, u64, u64, u64, u64)> {
        // Copies, because arrays can change while the GIL is released.
        let (uuids, ordinals) = match devices {
            DevicesOf::Uuids(uuids) => (Some(arrays::uuids_in(uuids)?), Vec::new()),
            DevicesOf::Ordinals(ordinals) => (None, ordinals.as_array().to_vec()),
        };
        let devices = uuids.as_deref().map_or(Devices::Ordinals(&ordinals), Devices::Uuids);
        let (at, target_versions) = (at.as_array().to_vec(), target_versions.as_array().to_vec());
        let check_ins = CheckIns {
            devices,
            at: column(&at, devices.len())?,
            target_versions: column(&target_versions, devices.len())?,
        };
        let received = py.detach(|| self.0.check_in(&check_ins, now));
        Ok((received.applied, received.older, received.unknown, received.refused, received.ahead))
    }
}

/// One value for all, or one for each.
fn column<T: Copy>(values: &[T], devices: usize) -> PyResult<Column<'_, T>> {
    match values {
        [one] => Ok(Column::One(*one)),
        _ if values.len() == devices => Ok(Column::Each(values)),
        _ => Err(PyValueError::new_err(format!("{} values for {devices} check-ins", values.len()))),
    }
}
