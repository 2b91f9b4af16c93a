//! The functions of `groundswell._core` on lists of UUIDs.

use groundswell_core::machine::huge_pages;
use groundswell_core::{Uuid, digest, uuid_list};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::{PyMemoryError, PyOverflowError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert::{arrays, effort, errors};

type Uuids<'py> = Bound<'py, PyArray2<u8>>;
type Rows<'py> = Bound<'py, PyArray1<u32>>;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyUuidListReport>()?;
    m.add_class::<PyUuidColumn>()?;
    m.add_function(wrap_pyfunction!(parse_uuid_list, m)?)?;
    m.add_function(wrap_pyfunction!(parse_uuid_column, m)?)?;
    m.add_function(wrap_pyfunction!(derive_uuid_column, m)?)?;
    m.add_function(wrap_pyfunction!(format_uuids, m)?)?;
    m.add_function(wrap_pyfunction!(digest_uuids, m)?)?;
    m.add_function(wrap_pyfunction!(union_uuids, m)?)?;
    m.add_function(wrap_pyfunction!(intersect_uuids, m)?)?;
    m.add_function(wrap_pyfunction!(subtract_uuids, m)?)?;
    m.add_function(wrap_pyfunction!(find_repeated_uuids, m)?)
}

/// The result of parsing a list.
#[pyclass(frozen, get_all, name = "UuidListReport", module = "groundswell._core")]
pub(crate) struct PyUuidListReport {
    uuids: Py<PyArray2<u8>>,
    duplicates: usize,
    header: bool,
    bad: Vec<(usize, usize, Option<usize>, String, String)>,
    bad_count: usize,
}

#[pyfunction]
fn parse_uuid_list(py: Python<'_>, text: &[u8]) -> PyResult<PyUuidListReport> {
    let report =
        py.detach(|| uuid_list::parse(text, &effort::effort(None))).map_err(|error| errors::to_py(py, error.into()))?;
    Ok(PyUuidListReport {
        uuids: arrays::share(py, report.uuids)?.unbind(),
        duplicates: report.duplicates,
        header: report.header,
        bad: report.bad.into_iter().map(|bad| (bad.line, bad.column, bad.element, bad.text, bad.reason)).collect(),
        bad_count: report.bad_count,
    })
}

/// A column of UUIDs that is built from pieces.
#[pyclass(name = "UuidColumn", module = "groundswell._core")]
pub(crate) struct PyUuidColumn(Vec<Uuid>);

#[pymethods]
impl PyUuidColumn {
    #[new]
    fn new(rows: usize) -> PyResult<Self> {
        // A failed allocation would abort the process.
        let memory = huge_pages::try_with_capacity(rows);
        memory.map(Self).ok_or_else(|| PyMemoryError::new_err(format!("there is not enough memory for {rows} UUIDs")))
    }

    fn append(&mut self, uuids: PyReadonlyArray2<'_, u8>) -> PyResult<()> {
        arrays::append_uuids(&mut self.0, &uuids)
    }

    fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Uuids<'py>> {
        arrays::share(py, std::mem::take(&mut self.0))
    }
}

#[pyfunction]
fn parse_uuid_column<'py>(
    py: Python<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    data: PyReadonlyArray1<'py, u8>,
) -> PyResult<(Uuids<'py>, Rows<'py>)> {
    // A copy, because arrays can change while the GIL is released.
    let (offsets, data) = (offsets.as_array().to_vec(), data.as_array().to_vec());
    let (uuids, bad) = py.detach(|| uuid_list::parse_column(&offsets, &data));
    Ok((arrays::share(py, uuids)?, to_rows(py, bad)?))
}

#[pyfunction]
fn derive_uuid_column<'py>(
    py: Python<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    data: PyReadonlyArray1<'py, u8>,
    namespace: [u8; 16],
) -> PyResult<(Uuids<'py>, Rows<'py>)> {
    let (offsets, data) = (offsets.as_array().to_vec(), data.as_array().to_vec());
    let (uuids, bad) = py.detach(|| uuid_list::name_based(&offsets, &data, &namespace));
    Ok((arrays::share(py, uuids)?, to_rows(py, bad)?))
}

#[pyfunction]
fn format_uuids<'py>(py: Python<'py>, uuids: PyReadonlyArray2<'py, u8>) -> PyResult<Bound<'py, PyBytes>> {
    let uuids = arrays::uuids_in(uuids)?;
    Ok(PyBytes::new(py, &py.detach(|| uuid_list::format_list(&uuids))))
}

#[pyfunction]
fn digest_uuids<'py>(py: Python<'py>, uuids: PyReadonlyArray2<'py, u8>) -> PyResult<Bound<'py, PyBytes>> {
    let uuids = arrays::uuids_in(uuids)?;
    Ok(PyBytes::new(py, &py.detach(|| digest::digest(&uuids))))
}

#[pyfunction]
fn union_uuids<'py>(py: Python<'py>, lists: Vec<PyReadonlyArray2<'py, u8>>) -> PyResult<Uuids<'py>> {
    combine(py, lists, uuid_list::union)
}

#[pyfunction]
fn intersect_uuids<'py>(py: Python<'py>, lists: Vec<PyReadonlyArray2<'py, u8>>) -> PyResult<Uuids<'py>> {
    combine(py, lists, uuid_list::intersect)
}

#[pyfunction]
fn subtract_uuids<'py>(py: Python<'py>, lists: Vec<PyReadonlyArray2<'py, u8>>) -> PyResult<Uuids<'py>> {
    combine(py, lists, uuid_list::subtract)
}

#[pyfunction]
fn find_repeated_uuids<'py>(py: Python<'py>, uuids: PyReadonlyArray2<'py, u8>) -> PyResult<(Rows<'py>, Rows<'py>)> {
    let uuids = arrays::uuids_in(uuids)?;
    let (rows, first_rows) = py.detach(|| uuid_list::find_repeated(&uuids, &effort::effort(None)).into_iter().unzip());
    Ok((to_rows(py, rows)?, to_rows(py, first_rows)?))
}

fn combine<'py>(
    py: Python<'py>,
    lists: Vec<PyReadonlyArray2<'py, u8>>,
    operation: fn(&[&[Uuid]]) -> Vec<Uuid>,
) -> PyResult<Uuids<'py>> {
    let lists = lists.into_iter().map(arrays::uuids_in).collect::<PyResult<Vec<_>>>()?;
    let combined = py.detach(|| operation(&lists.iter().map(|list| &**list).collect::<Vec<_>>()));
    arrays::share(py, combined)
}

fn to_rows(py: Python<'_>, rows: Vec<usize>) -> PyResult<Rows<'_>> {
    let rows = rows.into_iter().map(u32::try_from).collect::<Result<Vec<_>, _>>();
    Ok(PyArray1::from_vec(py, rows.map_err(|_| PyOverflowError::new_err("more rows than 32 bits can number"))?))
}
