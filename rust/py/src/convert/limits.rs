//! From Python's values to the core's types.

use groundswell_core::{Denominator, Limit, OnMismatch};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// `groundswell.Limit`, read by its attributes.
#[derive(FromPyObject)]
pub(crate) struct PyLimit {
    count: Option<u64>,
    thousandths: Option<u32>,
    percent_of: String,
    is_goal: bool,
}

impl PyLimit {
    /// A limit of a selection.
    pub(crate) fn limit(&self) -> PyResult<Limit> {
        if self.is_goal { Err(PyValueError::new_err("only a rollout has a goal")) } else { self.number() }
    }

    /// The limit and the goal of a rollout; one of them at most is given.
    pub(crate) fn limit_and_goal(&self) -> PyResult<(Limit, Option<Limit>)> {
        let number = self.number()?;
        Ok(if self.is_goal { (Limit::All, Some(number)) } else { (number, None) })
    }

    fn number(&self) -> PyResult<Limit> {
        let denominator = match self.percent_of.as_str() {
            "matching" => Denominator::Matching,
            "remaining" => Denominator::Remaining,
            "online" => Denominator::Online,
            other => return Err(PyValueError::new_err(format!("percent_of is {other:?}"))),
        };
        match (self.count, self.thousandths) {
            (None, None) => Ok(Limit::All),
            (Some(count), None) => Ok(Limit::Count(count)),
            (None, Some(thousandths)) => Ok(Limit::Percent(thousandths, denominator)),
            (Some(_), Some(_)) => Err(PyValueError::new_err("a limit is a count or a percentage")),
        }
    }
}

pub(crate) fn on_mismatch(skip_mismatched: bool) -> OnMismatch {
    if skip_mismatched { OnMismatch::Skip } else { OnMismatch::Refuse }
}
