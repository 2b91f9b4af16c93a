//! Fleets and sets of their devices.

use groundswell_core::fleet::columns;
use pyo3::prelude::*;

pub(crate) mod device_set;
#[expect(clippy::module_inception, reason = "named for its class, as in the core")]
pub(crate) mod fleet;
mod live;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("NO_ORDINAL", fleet::NO_ORDINAL)?;
    m.add("NEVER_SEEN", columns::NEVER)?;
    m.add("MAX_VERSION", columns::MAX_VERSION)?;
    m.add("MAX_CLOCK_SKEW", columns::MAX_CLOCK_SKEW)?;
    m.add_class::<fleet::PyFleet>()?;
    m.add_class::<device_set::PyDeviceSet>()?;
    m.add_class::<live::PyLiveFleet>()
}
