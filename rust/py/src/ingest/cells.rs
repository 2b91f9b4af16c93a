//! The functions of `groundswell._core` that convert cells to values.

use groundswell_core::ingest::cells::{
    self, BadCell, Instants, NameKind, NameReader, Reason, TextColumn, check_name, check_truths, check_versions,
};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::arrays;

type Array<'py, T> = Bound<'py, PyArray1<T>>;
/// Bad cells: rows, codes of the reasons, details.
type BadCells<'py> = (Array<'py, u32>, Array<'py, u8>, Array<'py, i64>);
type Offsets<'py> = PyReadonlyArray1<'py, i64>;
type Bytes<'py> = PyReadonlyArray1<'py, u8>;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("CELL_REASONS", PyTuple::new(m.py(), Reason::ALL.map(|(_, name)| name))?)?;
    m.add("MAX_NAME_LENGTH", cells::MAX_NAME_LENGTH)?;
    m.add("NAME_PATTERN", cells::NAME_PATTERN)?;
    m.add_class::<PyNameReader>()?;
    m.add_function(wrap_pyfunction!(read_uuids, m)?)?;
    m.add_function(wrap_pyfunction!(read_truths, m)?)?;
    m.add_function(wrap_pyfunction!(read_versions, m)?)?;
    m.add_function(wrap_pyfunction!(read_instants, m)?)?;
    m.add_function(wrap_pyfunction!(read_free_texts, m)?)?;
    m.add_function(wrap_pyfunction!(check_truth_numbers, m)?)?;
    m.add_function(wrap_pyfunction!(check_version_numbers, m)?)?;
    m.add_function(wrap_pyfunction!(check_instant_numbers, m)?)?;
    m.add_function(wrap_pyfunction!(reason_for_name, m)?)
}

/// A copy of a text column, because arrays can change while the GIL is released.
struct CopiedText {
    offsets: Vec<i64>,
    data: Vec<u8>,
}

impl CopiedText {
    fn new(offsets: &Offsets<'_>, data: &Bytes<'_>) -> Self {
        Self { offsets: offsets.as_array().to_vec(), data: data.as_array().to_vec() }
    }

    fn column(&self) -> TextColumn<'_> {
        TextColumn::new(&self.offsets, &self.data)
    }
}

#[pyfunction]
fn read_uuids<'py>(
    py: Python<'py>,
    offsets: Offsets<'py>,
    data: Bytes<'py>,
    are_bytes: bool,
) -> PyResult<(Bound<'py, PyArray2<u8>>, BadCells<'py>)> {
    let text = CopiedText::new(&offsets, &data);
    let (uuids, bad) = py.detach(|| cells::read_uuids(text.column(), are_bytes));
    Ok((arrays::share(py, uuids)?, bad_cells(py, &bad)?))
}

#[pyfunction]
fn read_truths<'py>(
    py: Python<'py>,
    offsets: Offsets<'py>,
    data: Bytes<'py>,
) -> PyResult<(Array<'py, i8>, BadCells<'py>)> {
    let text = CopiedText::new(&offsets, &data);
    let (truths, bad) = py.detach(|| cells::read_truths(text.column()));
    Ok((PyArray1::from_vec(py, truths), bad_cells(py, &bad)?))
}

#[pyfunction]
fn read_versions<'py>(
    py: Python<'py>,
    offsets: Offsets<'py>,
    data: Bytes<'py>,
) -> PyResult<(Array<'py, i32>, BadCells<'py>)> {
    let text = CopiedText::new(&offsets, &data);
    let (versions, bad) = py.detach(|| cells::read_versions(text.column()));
    Ok((PyArray1::from_vec(py, versions), bad_cells(py, &bad)?))
}

type Seen<'py> = (Array<'py, u32>, Array<'py, bool>, BadCells<'py>);

#[pyfunction]
fn read_instants<'py>(py: Python<'py>, offsets: Offsets<'py>, data: Bytes<'py>, now: i64) -> PyResult<Seen<'py>> {
    let text = CopiedText::new(&offsets, &data);
    let found = py.detach(|| cells::read_instants(text.column(), now));
    seen(py, found)
}

fn seen(py: Python<'_>, found: Instants) -> PyResult<Seen<'_>> {
    Ok((PyArray1::from_vec(py, found.seconds), PyArray1::from_vec(py, found.ahead), bad_cells(py, &found.bad)?))
}

type FreeTexts<'py> = (Array<'py, i64>, Array<'py, u8>, Array<'py, u8>, BadCells<'py>);

#[pyfunction]
fn read_free_texts<'py>(py: Python<'py>, offsets: Offsets<'py>, data: Bytes<'py>) -> PyResult<FreeTexts<'py>> {
    let text = CopiedText::new(&offsets, &data);
    let found = py.detach(|| cells::read_free_texts(text.column()));
    Ok((
        PyArray1::from_vec(py, found.offsets),
        PyArray1::from_vec(py, found.data),
        PyArray1::from_vec(py, found.validity),
        bad_cells(py, &found.bad)?,
    ))
}

/// A copy of a column of numbers.
struct Numbers {
    values: Vec<i64>,
    valid: Option<Vec<bool>>,
}

impl Numbers {
    fn new(values: &PyReadonlyArray1<'_, i64>, valid: Option<&PyReadonlyArray1<'_, bool>>) -> PyResult<Self> {
        let (values, valid) = (values.as_array().to_vec(), valid.map(|valid| valid.as_array().to_vec()));
        if valid.as_ref().is_some_and(|valid| valid.len() != values.len()) {
            return Err(PyValueError::new_err("`valid` has another length than `values`"));
        }
        Ok(Self { values, valid })
    }

    fn iter(&self) -> impl Iterator<Item = Option<i64>> {
        let is_valid = |row: usize| self.valid.as_ref().is_none_or(|valid| valid[row]);
        self.values.iter().enumerate().map(move |(row, &value)| is_valid(row).then_some(value))
    }
}

#[pyfunction]
#[pyo3(signature = (values, valid))]
fn check_truth_numbers<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, i64>,
    valid: Option<PyReadonlyArray1<'py, bool>>,
) -> PyResult<(Array<'py, i8>, BadCells<'py>)> {
    let numbers = Numbers::new(&values, valid.as_ref())?;
    let (truths, bad) = py.detach(|| check_truths(numbers.iter()));
    Ok((PyArray1::from_vec(py, truths), bad_cells(py, &bad)?))
}

#[pyfunction]
#[pyo3(signature = (values, valid))]
fn check_version_numbers<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, i64>,
    valid: Option<PyReadonlyArray1<'py, bool>>,
) -> PyResult<(Array<'py, i32>, BadCells<'py>)> {
    let numbers = Numbers::new(&values, valid.as_ref())?;
    let (versions, bad) = py.detach(|| check_versions(numbers.iter()));
    Ok((PyArray1::from_vec(py, versions), bad_cells(py, &bad)?))
}

#[pyfunction]
#[pyo3(signature = (values, valid, are_numbers, now))]
fn check_instant_numbers<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, i64>,
    valid: Option<PyReadonlyArray1<'py, bool>>,
    are_numbers: bool,
    now: i64,
) -> PyResult<Seen<'py>> {
    let numbers = Numbers::new(&values, valid.as_ref())?;
    let found = py.detach(|| cells::check_instants(numbers.iter(), are_numbers, now));
    seen(py, found)
}

#[pyfunction]
fn reason_for_name(name: &str) -> Option<u8> {
    check_name(name.as_bytes()).err().map(|(reason, _)| reason as u8)
}

/// Reads a column of names, which may be split into pieces.
#[pyclass(name = "NameReader", module = "groundswell._core")]
pub(crate) struct PyNameReader(Option<NameReader>);

#[pymethods]
impl PyNameReader {
    #[new]
    fn new(kind: &str) -> PyResult<Self> {
        let kind = match kind {
            "group" => NameKind::Group,
            "tag" => NameKind::Tag,
            _ => return Err(PyValueError::new_err("`kind` is `group` or `tag`")),
        };
        Ok(Self(Some(NameReader::new(kind))))
    }

    fn read<'py>(
        &mut self,
        py: Python<'py>,
        offsets: Offsets<'py>,
        data: Bytes<'py>,
    ) -> PyResult<(Array<'py, i32>, BadCells<'py>)> {
        let text = CopiedText::new(&offsets, &data);
        let reader = self.0.as_mut().ok_or_else(|| PyValueError::new_err("the names were taken"))?;
        let (codes, bad) = py.detach(|| reader.read(text.column()));
        Ok((PyArray1::from_vec(py, codes), bad_cells(py, &bad)?))
    }

    fn take_names(&mut self) -> Vec<String> {
        self.0.take().map(NameReader::into_names).unwrap_or_default()
    }
}

fn bad_cells<'py>(py: Python<'py>, bad: &[BadCell]) -> PyResult<BadCells<'py>> {
    let rows = bad.iter().map(|cell| u32::try_from(cell.row)).collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(|_| PyOverflowError::new_err("more rows than 32 bits can number"))?;
    Ok((
        PyArray1::from_vec(py, rows),
        PyArray1::from_iter(py, bad.iter().map(|cell| cell.reason as u8)),
        PyArray1::from_iter(py, bad.iter().map(|cell| cell.detail)),
    ))
}
