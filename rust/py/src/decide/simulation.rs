//! `groundswell._core.Simulation`: strategies on one fleet.

use std::num::NonZero;
use std::sync::Arc;

use groundswell_core::decide::fit::MEANS;
use groundswell_core::decide::simulate::prepared::PreparedPlan;
use groundswell_core::decide::simulate::result::{CURVE, End, RunResult};
use groundswell_core::decide::simulate::scenario::{Fault, Scenario, Where};
use groundswell_core::decide::simulate::simulation::{Settings, Simulation};
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{effort, errors};
use crate::decide::plan::StrategyOfPython;
use crate::fleet::fleet::PyFleet;

/// How a run can end, by number.
pub(super) fn run_ends() -> Vec<&'static str> {
    End::ALL.map(End::slug).to_vec()
}

/// A fleet with its check-in habits.
#[pyclass(frozen, name = "Simulation", module = "groundswell._core")]
pub(crate) struct PySimulation(Arc<Simulation>);

/// A strategy that is resolved on the fleet of a simulation.
#[pyclass(frozen, name = "SimulationPlan", module = "groundswell._core")]
pub(crate) struct PyPlan(PreparedPlan);

#[pymethods]
impl PyPlan {
    #[getter]
    fn values(&self) -> Vec<String> {
        self.0.values().to_vec()
    }
}

/// A scenario on the fleet of a simulation.
#[pyclass(frozen, name = "SimulationScenario", module = "groundswell._core")]
pub(crate) struct PyScenario(Scenario);

#[pymethods]
impl PyScenario {
    #[getter]
    fn devices(&self) -> u64 {
        self.0.devices()
    }
}

#[pymethods]
impl PySimulation {
    /// `None` if every matching device is gone.
    #[staticmethod]
    #[pyo3(signature = (fleet, *, tag, target_version, now, tick, horizon, approve_after, online_threshold, half_life, gone_after, seed))]
    #[expect(clippy::too_many_arguments, reason = "one for each setting")]
    fn of(
        py: Python<'_>,
        fleet: &PyFleet,
        tag: Option<String>,
        target_version: Option<u32>,
        now: i64,
        tick: u32,
        horizon: u32,
        approve_after: u32,
        online_threshold: i64,
        half_life: i64,
        gone_after: u32,
        seed: u64,
    ) -> PyResult<Option<Self>> {
        let settings = Settings {
            tag,
            target_version,
            now,
            tick,
            horizon,
            approve_after,
            online_threshold,
            half_life,
            gone_after,
            seed,
        };
        let fleet = Arc::clone(&fleet.0);
        let made = py.detach(|| Simulation::new(fleet, settings)).map_err(|error| errors::to_py(py, error))?;
        Ok(made.map(|simulation| Self(Arc::new(simulation))))
    }

    #[getter]
    fn matching(&self) -> u64 {
        self.0.matching_count()
    }

    #[getter]
    fn gone(&self) -> u64 {
        self.0.habits().gone
    }

    /// (mean seconds between check-ins, share) of each rate.
    #[getter]
    fn rates(&self) -> Vec<(u32, f64)> {
        MEANS.into_iter().zip(self.0.habits().weights).collect()
    }

    fn expected_within(&self, seconds: u32) -> f64 {
        self.0.habits().expected_within(seconds)
    }

    fn prepare(&self, py: Python<'_>, strategy: StrategyOfPython<'_>) -> PyResult<PyPlan> {
        let plan = strategy.plan()?;
        py.detach(|| self.0.prepare(plan)).map(PyPlan).map_err(|error| errors::to_py(py, error))
    }

    #[pyo3(signature = (*, defect, base, hardware, group, below, away, after, brick, install))]
    #[expect(clippy::too_many_arguments, reason = "one for each part of a scenario")]
    fn scenario(
        &self,
        py: Python<'_>,
        defect: f64,
        base: f64,
        hardware: Option<String>,
        group: Option<String>,
        below: Option<u32>,
        away: Option<u32>,
        after: u32,
        brick: bool,
        install: (u32, u32),
    ) -> PyScenario {
        let devices = Where { hardware, group, below, away };
        let fault = Fault { defect, base, devices, after, brick, install };
        PyScenario(py.detach(|| Scenario::new(&self.0, fault)))
    }

    /// A column for each number of the results, in the order of the runs.
    #[pyo3(signature = (plan, scenario, *, first, count, threads=None))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        plan: &PyPlan,
        scenario: &PyScenario,
        first: u64,
        count: u64,
        threads: Option<NonZero<usize>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let effort = effort::effort(threads);
        let runs = py
            .detach(|| self.0.run(&plan.0, &scenario.0, first, count, &effort))
            .map_err(|error| errors::to_py(py, error))?;
        let columns = PyDict::new(py);
        let add = |name: &str, of: &dyn Fn(&RunResult) -> u32| {
            columns.set_item(name, PyArray1::from_iter(py, runs.iter().map(of)))
        };
        add("end", &|run| run.end as u32)?;
        add("value", &|run| run.value.map_or(u32::MAX, u32::from))?;
        add("ended", &|run| run.ended)?;
        add("step", &|run| run.step)?;
        add("exposed", &|run| run.exposed)?;
        add("harmed", &|run| run.harmed)?;
        add("first_signal", &|run| run.first_signal)?;
        for (level, name) in ["updated_50", "updated_90", "updated_99"].into_iter().enumerate() {
            add(name, &|run| run.reached[level])?;
        }
        let curves: Vec<u32> = runs.iter().flat_map(|run| run.curve.iter().copied()).collect();
        let curves = Array2::from_shape_vec([runs.len(), CURVE], curves).expect("one point each");
        columns.set_item("curve", curves.into_pyarray(py))?;
        Ok(columns)
    }
}
