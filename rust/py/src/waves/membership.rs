//! `groundswell._core.Membership`.

use groundswell_core::Membership;
use pyo3::prelude::*;

/// Whether one device is in a wave, and what decides it.
#[pyclass(frozen, name = "Membership", module = "groundswell._core")]
pub(crate) struct PyMembership(pub(crate) Membership);

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
