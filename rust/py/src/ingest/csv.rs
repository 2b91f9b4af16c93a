//! The functions of `groundswell._core` that split CSV.

use groundswell_core::ingest::csv::{self, Splitter, Table, Texts};
use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

type Array<'py, T> = Bound<'py, PyArray1<T>>;

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("MAX_CSV_CELL", csv::MAX_CELL)?;
    m.add("MAX_CSV_RECORD", csv::MAX_RECORD)?;
    m.add_class::<PyCsvSplitter>()?;
    m.add_class::<PyCsvTable>()?;
    m.add_function(wrap_pyfunction!(csv_header, m)?)?;
    m.add_function(wrap_pyfunction!(split_csv_record, m)?)
}

fn checked(delimiter: &[u8]) -> PyResult<u8> {
    match delimiter {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(PyValueError::new_err("a delimiter is one ASCII character that is not a quote or a line end")),
    }
}

/// Splits a text that arrives in pieces.
#[pyclass(name = "CsvSplitter", module = "groundswell._core")]
pub(crate) struct PyCsvSplitter(Splitter);

#[pymethods]
impl PyCsvSplitter {
    #[new]
    fn new(delimiter: &[u8], least: usize, width: usize, kept: Vec<usize>, line: u64) -> PyResult<Self> {
        Ok(Self(Splitter::new(checked(delimiter)?, least, width, kept, line)))
    }

    fn feed(&mut self, py: Python<'_>, piece: &[u8], is_last: bool) -> PyCsvTable {
        PyCsvTable(py.detach(|| self.0.feed(piece, is_last)))
    }
}

/// Records of a text.
#[pyclass(name = "CsvTable", module = "groundswell._core")]
pub(crate) struct PyCsvTable(Table);

#[pymethods]
impl PyCsvTable {
    fn __len__(&self) -> usize {
        self.0.lines.len()
    }

    fn take_column<'py>(&mut self, py: Python<'py>, position: usize) -> PyResult<(Array<'py, i64>, Array<'py, u8>)> {
        let column = self.0.columns.get_mut(position);
        let column = column.ok_or_else(|| PyValueError::new_err("there is no such column"))?;
        Ok(arrays_of(py, std::mem::take(column)))
    }

    fn lines<'py>(&self, py: Python<'py>) -> Array<'py, i64> {
        PyArray1::from_iter(py, self.0.lines.iter().map(|&line| line as i64))
    }

    /// The lines, the kinds and the details of the faults.
    fn faults<'py>(&self, py: Python<'py>) -> (Array<'py, i64>, Array<'py, u8>, Array<'py, i64>) {
        let faults = &self.0.faults;
        (
            PyArray1::from_iter(py, faults.iter().map(|fault| fault.line as i64)),
            PyArray1::from_iter(py, faults.iter().map(|fault| fault.kind as u8)),
            PyArray1::from_iter(py, faults.iter().map(|fault| fault.detail as i64)),
        )
    }

    fn take_fault_texts<'py>(&mut self, py: Python<'py>) -> (Array<'py, i64>, Array<'py, u8>) {
        arrays_of(py, std::mem::take(&mut self.0.fault_texts))
    }
}

fn arrays_of(py: Python<'_>, texts: Texts) -> (Array<'_, i64>, Array<'_, u8>) {
    (PyArray1::from_vec(py, texts.offsets), PyArray1::from_vec(py, texts.data))
}

type Header<'py> = (Vec<Bound<'py, PyBytes>>, usize, u64);

#[pyfunction]
fn csv_header<'py>(py: Python<'py>, text: &[u8], delimiter: &[u8], is_whole: bool) -> PyResult<Option<Header<'py>>> {
    let found = csv::header(text, checked(delimiter)?, is_whole);
    Ok(found.map(|header| (bytes_of(py, &header.cells), header.end, header.lines)))
}

#[pyfunction]
fn split_csv_record<'py>(py: Python<'py>, record: &[u8], delimiter: &[u8]) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    Ok(bytes_of(py, &csv::split_record(record, checked(delimiter)?)))
}

fn bytes_of<'py>(py: Python<'py>, cells: &[Vec<u8>]) -> Vec<Bound<'py, PyBytes>> {
    cells.iter().map(|cell| PyBytes::new(py, cell)).collect()
}
