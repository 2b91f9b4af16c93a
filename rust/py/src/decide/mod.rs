//! Deciding how far a wave goes: the tests of gates, and the simulation of strategies.

use pyo3::prelude::*;

mod gate;
mod plan;
mod simulation;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    for function in [
        wrap_pyfunction!(gate::gate_stop, m)?,
        wrap_pyfunction!(gate::gate_prove, m)?,
        wrap_pyfunction!(gate::gate_silence, m)?,
        wrap_pyfunction!(gate::gate_bounds, m)?,
        wrap_pyfunction!(gate::gate_boundary, m)?,
        wrap_pyfunction!(gate::gate_least_to_prove, m)?,
        wrap_pyfunction!(gate::gate_noticed, m)?,
        wrap_pyfunction!(gate::gate_probability_to_stop, m)?,
        wrap_pyfunction!(gate::gate_at_most_failing, m)?,
    ] {
        m.add_function(function)?;
    }
    m.add("RUN_ENDS", simulation::run_ends())?;
    m.add_class::<simulation::PySimulation>()?;
    m.add_class::<simulation::PyPlan>()?;
    m.add_class::<simulation::PyScenario>()
}
