//! The functions of `groundswell._core` on JSON.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use groundswell_core::ingest::json::{self, Excess, Monitor, Path, Query, Source, Step, TextColumn};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

type Offsets = Py<PyArray1<i64>>;
type Bytes = Py<PyArray1<u8>>;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyJsonMonitor>()?;
    m.add_class::<PyJsonTable>()?;
    m.add_function(wrap_pyfunction!(read_json, m)?)?;
    m.add_function(wrap_pyfunction!(extract_json, m)?)?;
    m.add_function(wrap_pyfunction!(check_json, m)?)?;
    m.add_function(wrap_pyfunction!(check_json_path, m)?)?;
    m.add_function(wrap_pyfunction!(first_key_of_path, m)?)?;
    m.add_function(wrap_pyfunction!(fold_column_name, m)?)
}

/// The progress of a read.
#[pyclass(frozen, name = "JsonMonitor", module = "groundswell._core")]
#[derive(Default)]
pub(crate) struct PyJsonMonitor(Arc<Monitor>);

#[pymethods]
impl PyJsonMonitor {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    #[getter]
    fn done(&self) -> usize {
        self.0.done.load(Relaxed)
    }

    fn stop(&self) {
        self.0.stop.store(true, Relaxed);
    }
}

/// The devices of a document.
#[pyclass(frozen, get_all, name = "JsonTable", module = "groundswell._core")]
pub(crate) struct PyJsonTable {
    columns: Vec<(Offsets, Bytes, Bytes)>,
    sources: Vec<Option<String>>,
    lines: Py<PyArray1<i64>>,
    faults: Vec<(i64, usize, String, String)>,
    unused: Vec<String>,
    more_unused: bool,
    missing: Vec<(usize, usize, bool, Vec<String>)>,
    repeated: Option<(String, String, usize)>,
    arrays: Vec<String>,
    pages: usize,
    pages_without: usize,
    page_keys: Vec<String>,
    total: Option<u64>,
    has_next: bool,
    broken: Option<(i64, usize, String, bool)>,
    hopeless: bool,
    stopped: bool,
}

#[pyfunction]
#[pyo3(signature = (data, *, named_lines, sources, off, spellings, rows_at, monitor))]
#[allow(clippy::too_many_arguments, reason = "keywords of Python")]
fn read_json(
    py: Python<'_>,
    data: &[u8],
    named_lines: bool,
    sources: Vec<Option<String>>,
    off: Vec<usize>,
    spellings: HashMap<String, usize>,
    rows_at: Option<String>,
    monitor: &PyJsonMonitor,
) -> PyResult<PyJsonTable> {
    let mut columns = Vec::with_capacity(sources.len());
    for (column, source) in sources.into_iter().enumerate() {
        columns.push(match source {
            Some(path) => Source::At(to_path(&path)?),
            None if off.contains(&column) => Source::Off,
            None => Source::Automatic,
        });
    }
    if spellings.values().any(|&column| column >= columns.len()) {
        return Err(PyValueError::new_err("a spelling of a column that is not there"));
    }
    let query = Query { columns, spellings, rows_at: rows_at.as_deref().map(to_path).transpose()? };
    let monitor = Arc::clone(&monitor.0);
    let table = py.detach(|| {
        let form = json::form(data, named_lines);
        json::read(data, form, &query, &monitor)
    });
    Ok(PyJsonTable {
        columns: table.columns.into_iter().map(|column| to_arrays(py, column)).collect(),
        sources: table.sources,
        lines: PyArray1::from_vec(py, table.lines).unbind(),
        faults: table
            .faults
            .into_iter()
            .map(|fault| (fault.line, fault.rows_before, fault.reason, fault.text))
            .collect(),
        unused: table.unused,
        more_unused: table.more_unused,
        missing: table
            .missing
            .into_iter()
            .map(|missing| (missing.column, missing.taken, missing.is_key, missing.keys))
            .collect(),
        repeated: table.repeated,
        arrays: table.arrays,
        pages: table.pages.count,
        pages_without: table.pages.without,
        page_keys: table.pages.keys,
        total: table.pages.total,
        has_next: table.pages.has_next,
        broken: table.broken.map(|broken| (broken.line, broken.column, broken.reason, broken.is_cut)),
        hopeless: table.hopeless,
        stopped: table.stopped,
    })
}

fn to_path(text: &str) -> PyResult<Path> {
    Path::parse(text).map_err(|error| PyValueError::new_err(format!("the path `{text}` {error}")))
}

#[pyfunction]
fn extract_json<'py>(
    py: Python<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    data: PyReadonlyArray1<'py, u8>,
    path: &str,
) -> PyResult<(Offsets, Bytes, Bytes)> {
    let path = to_path(path)?;
    // A copy, because arrays can change while the GIL is released.
    let (offsets, data) = (offsets.as_array().to_vec(), data.as_array().to_vec());
    let column = py.detach(|| json::extract(&offsets, &data, &path));
    Ok(to_arrays(py, column))
}

fn to_arrays(py: Python<'_>, column: TextColumn) -> (Offsets, Bytes, Bytes) {
    let bytes = |bytes| PyArray1::from_vec(py, bytes).unbind();
    (PyArray1::from_vec(py, column.offsets).unbind(), bytes(column.data), bytes(column.valid))
}

#[pyfunction]
fn first_key_of_path(text: &str) -> Option<String> {
    match Path::parse(text).ok()?.steps.into_iter().next()? {
        Step::Key(key) => Some(key),
        Step::Index(_) | Step::Filter(_) => None,
    }
}

#[pyfunction]
fn check_json(py: Python<'_>, data: &[u8], max_depth: usize, max_digits: usize) -> Option<(usize, &'static str)> {
    let found = py.detach(|| json::check(data, max_depth, max_digits));
    found.map(|(at, excess)| {
        let name = match excess {
            Excess::Depth => "depth",
            Excess::Digits => "digits",
            Excess::HalfPair => "half-pair",
        };
        (at, name)
    })
}

#[pyfunction]
fn check_json_path(text: &str) -> Option<String> {
    Path::parse(text).err().map(|error| error.to_string())
}

#[pyfunction]
fn fold_column_name(name: &str) -> String {
    json::fold(name)
}
