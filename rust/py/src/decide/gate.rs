//! `groundswell._core.gate_*`: the tests of gates. Arrays in, arrays out.

use groundswell_core::decide::gate::{self, Silence};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// E for each pair of n and x, by a function that gives its logarithm.
fn evidence<'py>(
    py: Python<'py>,
    n: &PyReadonlyArray1<'py, u64>,
    x: &PyReadonlyArray1<'py, u64>,
    log: impl Fn(u64, u64) -> f64 + Send + Sync,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (n, x) = (n.as_array().to_vec(), x.as_array().to_vec());
    if n.len() != x.len() || n.iter().zip(&x).any(|(n, x)| x > n) {
        return Err(PyValueError::new_err("n and x have one length, and x is at most n"));
    }
    let found: Vec<f64> = py.detach(|| n.iter().zip(&x).map(|(&n, &x)| log(n, x).exp()).collect());
    Ok(found.into_pyarray(py))
}

#[pyfunction]
pub(crate) fn gate_stop<'py>(
    py: Python<'py>,
    n: PyReadonlyArray1<'py, u64>,
    x: PyReadonlyArray1<'py, u64>,
    limit: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    evidence(py, &n, &x, move |n, x| gate::log_stop(n, x, limit))
}

#[pyfunction]
pub(crate) fn gate_prove<'py>(
    py: Python<'py>,
    n: PyReadonlyArray1<'py, u64>,
    x: PyReadonlyArray1<'py, u64>,
    below: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    evidence(py, &n, &x, move |n, x| gate::log_prove(n, x, below))
}

#[pyfunction]
pub(crate) fn gate_silence(picked: Vec<bool>, left_picked: Vec<u64>, left: Vec<u64>) -> PyResult<f64> {
    let same = picked.len() == left_picked.len() && picked.len() == left.len();
    if !same || left_picked.iter().zip(&left).any(|(some, all)| some > all || *all == 0) {
        return Err(PyValueError::new_err("one event for each, with at most all devices picked"));
    }
    let mut silence = Silence::default();
    for ((picked, some), all) in picked.into_iter().zip(left_picked).zip(left) {
        silence.add(picked, some, all);
    }
    Ok(silence.log().exp())
}

#[pyfunction]
pub(crate) fn gate_bounds(py: Python<'_>, n: u64, x: u64, alpha: f64) -> (f64, f64) {
    py.detach(|| gate::bounds(n, x, alpha))
}

#[pyfunction]
pub(crate) fn gate_boundary(py: Python<'_>, limit: f64, alpha: f64, devices: u64) -> Vec<u64> {
    py.detach(|| gate::stop_boundary(limit, alpha, devices))
}

#[pyfunction]
pub(crate) fn gate_least_to_prove(py: Python<'_>, below: f64, alpha: f64, x: u64) -> u64 {
    py.detach(|| gate::least_to_prove(below, alpha, x))
}

#[pyfunction]
pub(crate) fn gate_noticed(py: Python<'_>, limit: f64, alpha: f64, n: u64, power: f64) -> Option<f64> {
    py.detach(|| gate::noticed_rate(limit, alpha, n, power))
}

#[pyfunction]
pub(crate) fn gate_probability_to_stop(py: Python<'_>, limit: f64, alpha: f64, rate: f64, n: u64) -> f64 {
    py.detach(|| gate::probability_to_stop(&gate::stop_boundary(limit, alpha, n), rate, n))
}

#[pyfunction]
pub(crate) fn gate_at_most_failing(devices: u64, n: u64, x: u64, alpha: f64) -> u64 {
    gate::at_most_failing(devices, n, x, alpha)
}
