//! Strategies as the simulation reads them, by the attributes of Python objects.

use groundswell_core::Uuid;
use groundswell_core::decide::simulate::plan::{By, DrawKind, Least, StepPlan, StrategyPlan};
use numpy::PyReadonlyArray2;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::arrays;
use crate::convert::limits::PyLimit;

/// A minimum: thousandths of a percent, or a count.
#[derive(FromPyObject)]
struct LeastOfPython {
    thousandths: Option<u32>,
    count: Option<u64>,
}

impl LeastOfPython {
    fn least(&self) -> Least {
        match self.count {
            Some(count) => Least::Count(count),
            None => Least::Part(self.thousandths.unwrap_or(0)),
        }
    }
}

/// One step, in seconds.
#[derive(FromPyObject)]
struct StepOfPython<'py> {
    group: Option<String>,
    uuids: Option<PyReadonlyArray2<'py, u8>>,
    limit: Option<PyLimit>,
    draw: String,
    soak: u32,
    reported: LeastOfPython,
    settled: LeastOfPython,
    prove: Option<f64>,
    approve: bool,
    not_before: u32,
    deadline: Option<u32>,
}

impl StepOfPython<'_> {
    fn plan(&self) -> PyResult<StepPlan> {
        let (limit, goal) = match &self.limit {
            Some(limit) => limit.limit_and_goal()?,
            None => (groundswell_core::Limit::All, None),
        };
        let listed: Option<Vec<Uuid>> = self.uuids.as_ref().map(arrays::uuids_from).transpose()?;
        let draw = match self.draw.as_str() {
            "active" => DrawKind::Active,
            "even" => DrawKind::Even,
            other => return Err(PyValueError::new_err(format!("draw is {other:?}"))),
        };
        Ok(StepPlan {
            group: self.group.clone(),
            listed,
            limit: (limit != groundswell_core::Limit::All).then_some(limit),
            goal,
            draw,
            soak: self.soak,
            reported: self.reported.least(),
            settled: self.settled.least(),
            prove: self.prove,
            approve: self.approve,
            not_before: self.not_before,
            deadline: self.deadline,
        })
    }
}

/// A strategy, in seconds.
#[derive(FromPyObject)]
pub(super) struct StrategyOfPython<'py> {
    steps: Vec<StepOfPython<'py>>,
    failure: Option<f64>,
    by: Option<String>,
    silence: bool,
    lost: Option<f64>,
    devices: Option<u64>,
    alpha: f64,
    cancel: bool,
    patience: u32,
    attempts: u32,
    concurrent: Option<u64>,
    complete: bool,
    windows: Option<Vec<(u32, u32)>>,
}

impl StrategyOfPython<'_> {
    pub(super) fn plan(&self) -> PyResult<StrategyPlan> {
        let by = match self.by.as_deref() {
            None => None,
            Some("hardware_id") => Some(By::Hardware),
            Some("group") => Some(By::Group),
            Some(other) => return Err(PyValueError::new_err(format!("by is {other:?}"))),
        };
        Ok(StrategyPlan {
            steps: self.steps.iter().map(StepOfPython::plan).collect::<PyResult<_>>()?,
            failure: self.failure,
            by,
            silence: self.silence,
            lost: self.lost,
            devices: self.devices,
            alpha: self.alpha,
            cancel: self.cancel,
            patience: self.patience,
            attempts: self.attempts,
            concurrent: self.concurrent,
            complete: self.complete,
            windows: self.windows.clone(),
        })
    }
}
