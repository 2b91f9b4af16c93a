//! `groundswell._core.Status` and `Counts`.

use groundswell_core::{Counts, CoverageKind, Covering, Status};
use pyo3::prelude::*;

use crate::fleet::device_set::PyDeviceSet;

/// An act that covers devices: a set of devices, the name of a group, or `None` for all; and its instant.
pub(crate) type Act<'py> = (Option<CoverageOf<'py>>, i64);

#[derive(FromPyObject)]
pub(crate) enum CoverageOf<'py> {
    Devices(PyRef<'py, PyDeviceSet>),
    Group(String),
}

pub(crate) fn coverings_from(acts: Vec<Act<'_>>) -> Vec<Covering> {
    let covering = |(kind, at): Act<'_>| Covering {
        kind: match kind {
            Some(CoverageOf::Devices(devices)) => CoverageKind::Devices(devices.0.clone()),
            Some(CoverageOf::Group(name)) => CoverageKind::Group(name),
            None => CoverageKind::Everyone,
        },
        at,
    };
    acts.into_iter().map(covering).collect()
}

/// The progress of a wave.
#[pyclass(frozen, name = "Status", module = "groundswell._core")]
pub(crate) struct PyStatus {
    tag: PyCounts,
    rolled_out: Vec<(String, PyCounts)>,
    others: Vec<(String, PyCounts)>,
    groupless: PyCounts,
}

impl From<Status> for PyStatus {
    fn from(status: Status) -> Self {
        let wrap = |groups: Vec<(String, Counts)>| groups.into_iter().map(|(name, counts)| (name, PyCounts(counts)));
        Self {
            tag: PyCounts(status.tag),
            rolled_out: wrap(status.rolled_out).collect(),
            others: wrap(status.others).collect(),
            groupless: PyCounts(status.groupless),
        }
    }
}

#[pymethods]
impl PyStatus {
    #[getter]
    fn tag(&self) -> PyCounts {
        self.tag.clone()
    }

    #[getter]
    fn rolled_out(&self) -> Vec<(String, PyCounts)> {
        self.rolled_out.clone()
    }

    #[getter]
    fn others(&self) -> Vec<(String, PyCounts)> {
        self.others.clone()
    }

    #[getter]
    fn groupless(&self) -> PyCounts {
        self.groupless.clone()
    }
}

/// Counts of the matching devices, or of those in one group.
#[pyclass(frozen, name = "Counts", module = "groundswell._core")]
#[derive(Clone)]
pub(crate) struct PyCounts(Counts);

#[pymethods]
impl PyCounts {
    #[getter]
    fn total(&self) -> u64 {
        self.0.total
    }

    #[getter]
    fn online(&self) -> u64 {
        self.0.online
    }

    #[getter]
    fn on_version(&self) -> u64 {
        self.0.on_version
    }

    #[getter]
    fn newer(&self) -> u64 {
        self.0.newer
    }

    #[getter]
    fn older(&self) -> u64 {
        self.0.older
    }

    #[getter]
    fn updated(&self) -> u64 {
        self.0.updated()
    }

    #[getter]
    fn covered(&self) -> u64 {
        self.0.covered
    }

    #[getter]
    fn staged(&self) -> u64 {
        self.0.staged
    }

    #[getter]
    fn scheduled(&self) -> u64 {
        self.0.scheduled
    }

    #[getter]
    fn unsupported(&self) -> u64 {
        self.0.unsupported
    }

    #[getter]
    fn unscheduled(&self) -> u64 {
        self.0.unscheduled
    }

    #[getter]
    fn silent(&self) -> u64 {
        self.0.silent
    }

    #[getter]
    fn by_version(&self) -> Vec<(Option<u32>, u64)> {
        self.0.by_version.clone()
    }
}
