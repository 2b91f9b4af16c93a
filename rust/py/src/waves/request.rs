//! `groundswell._core.RolloutRequest`: the one form in which a rollout's request crosses the binding.

use groundswell_core::{CoreError, Recency, RolloutRequest};
use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

use crate::convert::limits::PyLimit;
use crate::convert::{arrays, effort, errors, limits};

/// What a rollout requests.
#[pyclass(frozen, name = "RolloutRequest", module = "groundswell._core")]
pub(crate) struct PyRolloutRequest(pub(crate) RolloutRequest);

#[pymethods]
impl PyRolloutRequest {
    #[new]
    #[pyo3(signature = (*, group, listed, whole_group, online_only, limit, skip_mismatched, seed, now,
                        online_threshold, half_life))]
    #[expect(clippy::too_many_arguments, reason = "a rollout has as many parts")]
    fn new(
        py: Python<'_>,
        group: Option<String>,
        listed: Option<PyReadonlyArray2<'_, u8>>,
        whole_group: bool,
        online_only: bool,
        limit: PyLimit,
        skip_mismatched: bool,
        seed: u64,
        now: i64,
        online_threshold: i64,
        half_life: i64,
    ) -> PyResult<Self> {
        let (limit, goal) = limit.limit_and_goal()?;
        let recency =
            Recency::new(now, online_threshold, half_life).map_err(|error: CoreError| errors::to_py(py, error))?;
        Ok(Self(RolloutRequest {
            group,
            listed: listed.as_ref().map(arrays::uuids_from).transpose()?,
            limit,
            goal,
            online_only,
            whole_group,
            on_mismatch: limits::on_mismatch(skip_mismatched),
            seed,
            recency,
            effort: effort::effort(None),
        }))
    }

    #[getter]
    fn kind(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.0.kind().map(|kind| kind.slug()).map_err(|error| errors::to_py(py, error))
    }
}
