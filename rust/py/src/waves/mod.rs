//! Waves: their sets, rollouts, status, and which metadata a device is served.

use groundswell_core::waves::wave::CANDIDATES_RULE;
use pyo3::prelude::*;

mod membership;
mod request;
mod serving;
mod staging;
mod state;
mod status;
mod wave;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("CANDIDATES_RULE", CANDIDATES_RULE)?;
    m.add_class::<wave::PyWave>()?;
    m.add_class::<request::PyRolloutRequest>()?;
    m.add_class::<staging::PyStaging>()?;
    m.add_class::<staging::PyPlanCheck>()?;
    m.add_class::<membership::PyMembership>()?;
    m.add_class::<status::PyStatus>()?;
    m.add_class::<status::PyCounts>()?;
    m.add_function(wrap_pyfunction!(serving::is_wave_offered, m)?)?;
    m.add_function(wrap_pyfunction!(serving::targets_variant, m)?)
}
