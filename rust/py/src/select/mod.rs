//! Selections: their devices, why each was picked, and how those of shards merge.

use groundswell_core::sampling::clocks;
use pyo3::prelude::*;

pub(crate) mod breakdown;
mod explanation;
mod keys;
mod nearest;
pub(crate) mod selection;
mod shards;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("ALGORITHM", clocks::ALGORITHM)?;
    m.add_class::<selection::PySelection>()?;
    m.add_class::<explanation::PyExplanation>()?;
    m.add_class::<breakdown::PyBreakdown>()?;
    m.add_class::<shards::PyMergedSelection>()?;
    m.add_function(wrap_pyfunction!(shards::merge_selections, m)?)?;
    m.add_function(wrap_pyfunction!(keys::identity_hash, m)?)?;
    m.add_function(wrap_pyfunction!(keys::variate, m)?)?;
    m.add_function(wrap_pyfunction!(keys::key, m)?)?;
    m.add_function(wrap_pyfunction!(keys::recency_step, m)?)?;
    m.add_function(wrap_pyfunction!(keys::online_since, m)?)?;
    m.add_function(wrap_pyfunction!(nearest::nearest, m)?)
}
