//! From the words of Python's arguments to the core's types.

use groundswell_core::{Denominator, Limit, OnMismatch};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A limit: a count, thousandths of a percent of a denominator, or neither for none.
pub(crate) fn limit(count: Option<u64>, thousandths: Option<u32>, percent_of: &str) -> PyResult<Limit> {
    let denominator = match percent_of {
        "matching" => Denominator::Matching,
        "remaining" => Denominator::Remaining,
        "online" => Denominator::Online,
        other => return Err(PyValueError::new_err(format!("percent_of is {other:?}"))),
    };
    match (count, thousandths) {
        (None, None) => Ok(Limit::All),
        (Some(count), None) => Ok(Limit::Count(count)),
        (None, Some(thousandths)) => Ok(Limit::Percent(thousandths, denominator)),
        (Some(_), Some(_)) => Err(PyValueError::new_err("a limit is a count or a percentage")),
    }
}

/// A goal: a count, or thousandths of a percent of the matching devices, or neither for none.
pub(crate) fn goal(count: Option<u64>, thousandths: Option<u32>) -> PyResult<Option<Limit>> {
    let goal = limit(count, thousandths, "matching")?;
    Ok((goal != Limit::All).then_some(goal))
}

pub(crate) fn on_mismatch(skip_mismatched: bool) -> OnMismatch {
    if skip_mismatched { OnMismatch::Skip } else { OnMismatch::Refuse }
}
