//! `groundswell._core.Wave`.

use std::sync::Arc;

use groundswell_core::{CoreError, Recency, RolloutRequest, Subset, Wave};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::{arrays, errors};
use crate::fleet::device_set::PyDeviceSet;
use crate::fleet::fleet::PyFleet;
use crate::select::breakdown::PyBreakdown;
use crate::waves::membership::PyMembership;
use crate::waves::request::PyRolloutRequest;
use crate::waves::staging::{PyPlanCheck, PyStaging};
use crate::waves::state::state_from;
use crate::waves::status::{Act, PyStatus, coverings_from};

/// The delivery of one target version to the production devices of one tag.
#[pyclass(frozen, eq, name = "Wave", module = "groundswell._core")]
#[derive(PartialEq)]
pub(crate) struct PyWave(Wave);

#[pymethods]
impl PyWave {
    #[new]
    #[pyo3(signature = (*, target_version, tag, staged, whole_groups, supported_hardware=None))]
    fn new(
        target_version: u32,
        tag: String,
        staged: &PyDeviceSet,
        whole_groups: Vec<String>,
        supported_hardware: Option<Vec<String>>,
    ) -> Self {
        let supported_hardware = supported_hardware.map(|ids| ids.into_iter().collect());
        Self(Wave { target_version, tag, staged: staged.0.clone(), whole_groups, supported_hardware })
    }

    #[getter]
    fn supported_hardware(&self) -> Option<Vec<String>> {
        self.0.supported_hardware.as_ref().map(|ids| ids.iter().cloned().collect())
    }

    #[getter]
    fn target_version(&self) -> u32 {
        self.0.target_version
    }

    #[getter]
    fn tag(&self) -> &str {
        &self.0.tag
    }

    #[getter]
    fn whole_groups(&self) -> Vec<String> {
        self.0.whole_groups.clone()
    }

    fn staged(&self) -> PyDeviceSet {
        PyDeviceSet(self.0.staged.clone())
    }

    fn matching(&self, py: Python<'_>, fleet: &PyFleet) -> PyDeviceSet {
        PyDeviceSet(py.detach(|| fleet.0.device_set(&self.0.sets(&fleet.0).matching)))
    }

    fn updated(&self, py: Python<'_>, fleet: &PyFleet) -> PyDeviceSet {
        PyDeviceSet(py.detach(|| fleet.0.device_set(&self.0.sets(&fleet.0).updated)))
    }

    fn covered(&self, py: Python<'_>, fleet: &PyFleet) -> PyDeviceSet {
        PyDeviceSet(py.detach(|| fleet.0.device_set(&self.0.sets(&fleet.0).covered)))
    }

    fn unsupported(&self, py: Python<'_>, fleet: &PyFleet) -> PyDeviceSet {
        PyDeviceSet(py.detach(|| fleet.0.device_set(&self.0.sets(&fleet.0).unsupported)))
    }

    fn hardware_without_target(&self, py: Python<'_>, fleet: &PyFleet, devices: &PyDeviceSet) -> Vec<(String, u64)> {
        let found = py.detach(|| self.0.hardware_without_target(&fleet.0, devices.0.iter()));
        found.into_iter().map(|(id, devices)| (id.to_owned(), devices)).collect()
    }

    #[pyo3(signature = (fleet, *, state))]
    fn scheduled(&self, py: Python<'_>, fleet: &PyFleet, state: &str) -> PyResult<PyDeviceSet> {
        let state = state_from(state)?;
        Ok(PyDeviceSet(py.detach(|| fleet.0.device_set(&self.0.sets(&fleet.0).scheduled(state)))))
    }

    #[pyo3(signature = (fleet, *, group = None, listed = None))]
    fn candidates(
        &self,
        py: Python<'_>,
        fleet: &PyFleet,
        group: Option<&str>,
        listed: Option<PyReadonlyArray2<'_, u8>>,
    ) -> PyResult<PyDeviceSet> {
        let listed = listed.as_ref().map(arrays::uuids_from).transpose()?;
        py.detach(|| self.0.candidates(&fleet.0, group, listed.as_deref()))
            .map(PyDeviceSet)
            .map_err(|error| errors::to_py(py, error))
    }

    fn stage(&self, py: Python<'_>, fleet: &PyFleet, request: &PyRolloutRequest) -> PyResult<PyStaging> {
        let fleet = Arc::clone(&fleet.0);
        py.detach(|| {
            let staging = self.0.stage(&fleet, &request.0)?;
            Ok(PyStaging { fleet, staging })
        })
        .map_err(|error: CoreError| errors::to_py(py, error))
    }

    fn breakdown(
        &self,
        py: Python<'_>,
        fleet: &PyFleet,
        picked: PyReadonlyArray1<'_, u32>,
        request: &PyRolloutRequest,
    ) -> PyResult<PyBreakdown> {
        let picked = picked.as_array().to_vec();
        let RolloutRequest { group, listed, recency, .. } = &request.0;
        py.detach(|| self.0.breakdown(&fleet.0, &picked, group.as_deref(), listed.as_deref(), recency.now()))
            .map(PyBreakdown)
            .map_err(|error| errors::to_py(py, error))
    }

    fn after(&self, py: Python<'_>, staging: &PyStaging) -> Self {
        Self(py.detach(|| self.0.after(&staging.staging)))
    }

    #[pyo3(signature = (fleet, planned, *, group = None))]
    fn check_plan(
        &self,
        py: Python<'_>,
        fleet: &PyFleet,
        planned: PyReadonlyArray2<'_, u8>,
        group: Option<&str>,
    ) -> PyResult<PyPlanCheck> {
        let planned = arrays::uuids_in(planned)?;
        py.detach(|| self.0.check_plan(&fleet.0, group, &planned))
            .map(PyPlanCheck)
            .map_err(|error| errors::to_py(py, error))
    }

    #[pyo3(signature = (fleet, uuid, *, state))]
    fn membership(
        &self,
        py: Python<'_>,
        fleet: &PyFleet,
        uuid: [u8; 16],
        state: &str,
    ) -> PyResult<Option<PyMembership>> {
        let state = state_from(state)?;
        Ok(py.detach(|| self.0.membership(&fleet.0, &uuid, state)).map(PyMembership))
    }

    #[pyo3(signature = (fleet, *, state, rolled_out, coverings, now, online_threshold))]
    #[expect(clippy::too_many_arguments, reason = "each says something of its own")]
    fn status(
        &self,
        py: Python<'_>,
        fleet: &PyFleet,
        state: &str,
        rolled_out: Vec<String>,
        coverings: Vec<Act<'_>>,
        now: i64,
        online_threshold: i64,
    ) -> PyResult<PyStatus> {
        let state = state_from(state)?;
        let coverings = coverings_from(coverings);
        py.detach(|| {
            let recency = Recency::online_within(now, online_threshold)?;
            Ok(PyStatus::from(self.0.status(&fleet.0, state, &rolled_out, &coverings, &recency)))
        })
        .map_err(|error: CoreError| errors::to_py(py, error))
    }

    #[pyo3(signature = (fleet, subset, *, state, coverings, now, online_threshold))]
    #[expect(clippy::too_many_arguments, reason = "each says something of its own")]
    fn devices_in_state(
        &self,
        py: Python<'_>,
        fleet: &PyFleet,
        subset: &str,
        state: &str,
        coverings: Vec<Act<'_>>,
        now: i64,
        online_threshold: i64,
    ) -> PyResult<PyDeviceSet> {
        let state = state_from(state)?;
        let subset = Subset::from_slug(subset)
            .ok_or_else(|| PyValueError::new_err(format!("a status has no count {subset:?}")))?;
        let coverings = coverings_from(coverings);
        py.detach(|| {
            let recency = Recency::online_within(now, online_threshold)?;
            Ok(PyDeviceSet(self.0.devices_in(&fleet.0, state, subset, &coverings, &recency)))
        })
        .map_err(|error: CoreError| errors::to_py(py, error))
    }
}
