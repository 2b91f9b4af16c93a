//! The extension module `groundswell._core`: converts, releases the GIL, calls the core, converts back. No rules.
//!
//! The docstrings that users read are in `python/groundswell/_core.pyi`.

use groundswell_core::fleet::columns;
use groundswell_core::sampling::clocks;
use groundswell_core::sampling::recency;
use groundswell_core::select::nearest;
use groundswell_core::waves::wave::CANDIDATES_RULE;
use groundswell_core::{Kernel, ids};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

mod arrays;
mod breakdown;
mod cells;
mod csv;
mod device_set;
mod effort;
mod errors;
mod fleet;
mod json;
mod kept;
mod limits;
mod live;
mod merge;
mod selection;
mod status;
mod uuid_list;
mod wave;

#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("ALGORITHM", clocks::ALGORITHM)?;
    m.add("CANDIDATES_RULE", CANDIDATES_RULE)?;
    m.add("NO_ORDINAL", fleet::NO_ORDINAL)?;
    m.add("NEVER_SEEN", columns::NEVER)?;
    m.add("KERNEL", effort::choose_kernel()?.name())?;
    m.add("KERNELS", PyTuple::new(m.py(), Kernel::all().map(Kernel::name).collect::<Vec<_>>())?)?;
    m.add("DEBUG_BUILD", cfg!(debug_assertions))?;
    m.add_class::<fleet::PyFleet>()?;
    m.add_class::<selection::PySelection>()?;
    m.add_class::<selection::PyExplanation>()?;
    m.add_class::<device_set::PyDeviceSet>()?;
    m.add_class::<live::PyLiveFleet>()?;
    m.add_class::<merge::PyMergedSelection>()?;
    m.add_function(wrap_pyfunction!(merge::merge_selections, m)?)?;
    m.add_function(wrap_pyfunction!(identity_hash, m)?)?;
    m.add_function(wrap_pyfunction!(variate, m)?)?;
    m.add_function(wrap_pyfunction!(key, m)?)?;
    m.add_function(wrap_pyfunction!(recency_step, m)?)?;
    m.add_function(wrap_pyfunction!(near_spellings, m)?)?;
    m.add_class::<breakdown::PyBreakdown>()?;
    m.add_function(wrap_pyfunction!(kept::keep_forever, m)?)?;
    wave::register(m)?;
    status::register(m)?;
    json::register(m)?;
    cells::register(m)?;
    csv::register(m)?;
    uuid_list::register(m)
}

#[pyfunction]
fn identity_hash(uuid: [u8; 16]) -> u64 {
    ids::identity_hash(&uuid)
}

#[pyfunction]
fn variate(uuid: [u8; 16], seed: u64) -> u64 {
    clocks::SeedKey::new(seed).variate(ids::identity_hash(&uuid))
}

#[pyfunction]
fn key(uuid: [u8; 16], seed: u64, step: u8) -> PyResult<f64> {
    if step > recency::LAST_STEP {
        return Err(PyValueError::new_err(format!("there is no step {step}")));
    }
    Ok(clocks::key(variate(uuid, seed), step))
}

#[pyfunction]
fn recency_step(py: Python<'_>, last_seen: u32, now: i64, online_threshold: i64, half_life: i64) -> PyResult<u8> {
    let recency = recency::Recency::new(now, online_threshold, half_life).map_err(|error| errors::to_py(py, error))?;
    Ok(recency.step(last_seen))
}

#[pyfunction]
#[pyo3(name = "nearest", signature = (word, known, at_most = 3))]
fn near_spellings(word: &str, known: Vec<String>, at_most: usize) -> Vec<String> {
    let near = nearest::nearest(word, known.iter().map(String::as_str), at_most);
    near.into_iter().map(String::from).collect()
}
