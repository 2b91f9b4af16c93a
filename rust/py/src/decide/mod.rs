//! Deciding how far a wave goes: the simulation of strategies.

use pyo3::prelude::*;

mod plan;
mod simulation;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("RUN_ENDS", simulation::run_ends())?;
    m.add_class::<simulation::PySimulation>()?;
    m.add_class::<simulation::PyPlan>()?;
    m.add_class::<simulation::PyScenario>()
}
