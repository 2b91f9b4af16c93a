//! `groundswell._core.Wave`, what a rollout of it comes to, and what its devices are served.

use std::sync::Arc;

use groundswell_core::ids::format_uuid;
use groundswell_core::offender::Offender;
use groundswell_core::waves::serving::{self, Recipient, TargetsVariant, WaveOfTag};
use groundswell_core::{
    CoreError, DeviceSet, Fleet, Membership, PlanCheck, Recency, Rollout, Staging, Subset, Wave, WaveState,
};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::breakdown::PyBreakdown;
use crate::device_set::PyDeviceSet;
use crate::fleet::PyFleet;
use crate::status::{Act, PyStatus, coverings_from};
use crate::{arrays, effort, errors, limits};

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyWave>()?;
    m.add_class::<PyStaging>()?;
    m.add_class::<PyPlanCheck>()?;
    m.add_class::<PyMembership>()?;
    m.add_function(wrap_pyfunction!(targets_variant, m)?)
}

/// One target version on its way to the production devices of one tag.
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

    #[pyo3(signature = (fleet, *, group, listed, limit, thousandths, percent_of, whole_group, skip_mismatched, seed,
                        now, online_threshold, half_life, goal = None, goal_thousandths = None, online_only = false))]
    #[expect(clippy::too_many_arguments, reason = "a rollout has as many parts")]
    fn stage(
        &self,
        py: Python<'_>,
        fleet: &PyFleet,
        group: Option<String>,
        listed: Option<PyReadonlyArray2<'_, u8>>,
        limit: Option<u64>,
        thousandths: Option<u32>,
        percent_of: &str,
        whole_group: bool,
        skip_mismatched: bool,
        seed: u64,
        now: i64,
        online_threshold: i64,
        half_life: i64,
        goal: Option<u64>,
        goal_thousandths: Option<u32>,
        online_only: bool,
    ) -> PyResult<PyStaging> {
        let listed = listed.as_ref().map(arrays::uuids_from).transpose()?;
        let limit = limits::limit(limit, thousandths, percent_of)?;
        let goal = limits::goal(goal, goal_thousandths)?;
        let on_mismatch = limits::on_mismatch(skip_mismatched);
        let fleet = Arc::clone(&fleet.0);
        py.detach(|| {
            let recency = Recency::new(now, online_threshold, half_life)?;
            let effort = effort::effort(None);
            let rollout =
                Rollout { group, listed, limit, goal, online_only, whole_group, on_mismatch, seed, recency, effort };
            let staging = self.0.stage(&fleet, &rollout)?;
            Ok(PyStaging { fleet, staging })
        })
        .map_err(|error: CoreError| errors::to_py(py, error))
    }

    #[pyo3(signature = (fleet, picked, *, now, group = None, listed = None))]
    fn breakdown(
        &self,
        py: Python<'_>,
        fleet: &PyFleet,
        picked: PyReadonlyArray1<'_, u32>,
        now: i64,
        group: Option<&str>,
        listed: Option<PyReadonlyArray2<'_, u8>>,
    ) -> PyResult<PyBreakdown> {
        let listed = listed.as_ref().map(arrays::uuids_from).transpose()?;
        let picked = picked.as_array().to_vec();
        py.detach(|| self.0.breakdown(&fleet.0, &picked, group, listed.as_deref(), now))
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

/// What a rollout comes to.
#[pyclass(frozen, name = "Staging", module = "groundswell._core")]
pub(crate) struct PyStaging {
    fleet: Arc<Fleet>,
    staging: Staging,
}

#[pymethods]
impl PyStaging {
    fn __len__(&self) -> usize {
        self.staging.ordinals.len()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.staging.kind.slug()
    }

    #[getter]
    fn group(&self) -> Option<&str> {
        self.staging.group.as_deref()
    }

    #[getter]
    fn newly_scheduled(&self) -> u64 {
        self.staging.newly_scheduled
    }

    #[getter]
    fn wanted(&self) -> u64 {
        self.staging.wanted
    }

    #[getter]
    fn matching(&self) -> u64 {
        self.staging.matching
    }

    #[getter]
    fn updated(&self) -> u64 {
        self.staging.updated
    }

    #[getter]
    fn covered(&self) -> u64 {
        self.staging.covered
    }

    #[getter]
    fn unsupported(&self) -> u64 {
        self.staging.unsupported
    }

    #[getter]
    fn goal(&self) -> Option<u64> {
        self.staging.goal
    }

    #[getter]
    fn candidates(&self) -> u64 {
        self.staging.candidates
    }

    #[getter]
    fn online_candidates(&self) -> Option<u64> {
        self.staging.online_candidates
    }

    #[getter]
    fn online(&self) -> Option<u64> {
        self.staging.online
    }

    #[getter]
    fn skipped(&self) -> Vec<(String, &'static str)> {
        named(&self.staging.skipped)
    }

    #[getter]
    fn repeated(&self) -> bool {
        self.staging.repeated
    }

    #[getter]
    fn shortage(&self) -> Option<&'static str> {
        self.staging.shortage().map(|shortage| shortage.slug())
    }

    fn already(&self) -> PyDeviceSet {
        PyDeviceSet(self.staging.already.clone())
    }

    fn ordinals<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_slice(py, &self.staging.ordinals)
    }

    fn uuids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<u8>>> {
        let ordinals = &self.staging.ordinals;
        arrays::uuids_to(py, py.detach(|| self.fleet.uuids_of(ordinals, &effort::effort(None))))
    }

    fn devices(&self, py: Python<'_>) -> PyDeviceSet {
        PyDeviceSet(py.detach(|| self.staging.set()))
    }

    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.fleet.digest(self.staging.ordinals.iter().copied())))
    }
}

/// What has become of the devices of a plan.
#[pyclass(frozen, name = "PlanCheck", module = "groundswell._core")]
pub(crate) struct PyPlanCheck(PlanCheck);

#[pymethods]
impl PyPlanCheck {
    #[getter]
    fn offenders(&self) -> Vec<(String, &'static str)> {
        named(&self.0.offenders)
    }

    #[getter]
    fn covered(&self) -> u64 {
        self.0.covered
    }

    fn devices(&self, py: Python<'_>) -> PyDeviceSet {
        PyDeviceSet(py.detach(|| DeviceSet::from_ordinals(&self.0.ordinals)))
    }
}

fn named(offenders: &[Offender]) -> Vec<(String, &'static str)> {
    offenders.iter().map(|offender| (format_uuid(&offender.uuid), offender.reason.slug())).collect()
}

/// Whether one device is in a wave, and what decides it.
#[pyclass(frozen, name = "Membership", module = "groundswell._core")]
pub(crate) struct PyMembership(Membership);

#[pymethods]
impl PyMembership {
    #[getter]
    fn ordinal(&self) -> u32 {
        self.0.ordinal
    }

    #[getter]
    fn mismatch(&self) -> Option<&'static str> {
        self.0.mismatch.map(|reason| reason.slug())
    }

    #[getter]
    fn group(&self) -> Option<&str> {
        self.0.group.as_deref()
    }

    #[getter]
    fn target_version(&self) -> Option<u32> {
        self.0.target_version
    }

    #[getter]
    fn staged(&self) -> bool {
        self.0.staged
    }

    #[getter]
    fn whole_group(&self) -> bool {
        self.0.whole_group
    }

    #[getter]
    fn covered(&self) -> bool {
        self.0.covered
    }

    #[getter]
    fn updated(&self) -> bool {
        self.0.updated
    }

    #[getter]
    fn unsupported(&self) -> bool {
        self.0.unsupported
    }

    #[getter]
    fn hardware_id(&self) -> Option<&str> {
        self.0.hardware_id.as_deref()
    }

    #[getter]
    fn scheduled(&self) -> bool {
        self.0.scheduled
    }
}

/// `"nothing"`, `"ci"`, `"production"`, or the place of a wave.
#[derive(IntoPyObject)]
pub(crate) enum Variant {
    Metadata(&'static str),
    Wave(usize),
}

#[pyfunction]
#[pyo3(signature = (*, production, tagged, target_version, waves, production_version))]
fn targets_variant(
    production: bool,
    tagged: bool,
    target_version: Option<u32>,
    waves: Vec<(u32, String, bool)>,
    production_version: Option<u32>,
) -> PyResult<Variant> {
    let waves = waves
        .into_iter()
        .map(|(target_version, state, covers)| Ok(WaveOfTag { target_version, state: state_from(&state)?, covers }))
        .collect::<PyResult<Vec<_>>>()?;
    let device = Recipient { production, tagged, target_version };
    Ok(match serving::targets_variant(device, &waves, production_version) {
        TargetsVariant::Nothing => Variant::Metadata("nothing"),
        TargetsVariant::Ci => Variant::Metadata("ci"),
        TargetsVariant::Production => Variant::Metadata("production"),
        TargetsVariant::Wave(place) => Variant::Wave(place),
    })
}

fn state_from(slug: &str) -> PyResult<WaveState> {
    WaveState::from_slug(slug).ok_or_else(|| PyValueError::new_err(format!("a wave is never {slug:?}")))
}
