//! `groundswell._core.Staging` and `PlanCheck`: the devices of a rollout before and after they are planned.

use std::sync::Arc;

use groundswell_core::ids::format_uuid;
use groundswell_core::offender::Offender;
use groundswell_core::{DeviceSet, Fleet, PlanCheck, Staging};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert::{arrays, effort};
use crate::fleet::device_set::PyDeviceSet;

/// The result of a rollout that is computed but not applied.
#[pyclass(frozen, name = "Staging", module = "groundswell._core")]
pub(crate) struct PyStaging {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) staging: Staging,
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

/// Which devices of a plan still match.
#[pyclass(frozen, name = "PlanCheck", module = "groundswell._core")]
pub(crate) struct PyPlanCheck(pub(crate) PlanCheck);

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
