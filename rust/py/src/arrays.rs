//! Between numpy arrays and the core's columns.

use groundswell_core::Uuid;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArrayMethods, prelude::*};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The rows of a `(n, 16)` array of bytes, copied: the array may change once the GIL is released.
pub(crate) fn uuids_from(array: &PyReadonlyArray2<'_, u8>) -> PyResult<Vec<Uuid>> {
    if array.shape()[1] != 16 {
        return Err(PyValueError::new_err(format!("UUIDs have 16 bytes, not {}", array.shape()[1])));
    }
    if let Ok(bytes) = array.as_slice() {
        let (rows, _) = bytes.as_chunks::<16>();
        return Ok(rows.to_vec());
    }
    let rows = array.as_array();
    Ok(rows.rows().into_iter().map(|row| std::array::from_fn(|i| row[i])).collect())
}

/// A `(n, 16)` array of bytes of these UUIDs.
pub(crate) fn uuids_to<'py>(
    py: Python<'py>,
    uuids: impl ExactSizeIterator<Item = Uuid>,
) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let rows = uuids.len();
    let mut bytes = Vec::with_capacity(rows * 16);
    for uuid in uuids {
        bytes.extend_from_slice(&uuid);
    }
    numpy::PyArray1::from_vec(py, bytes).reshape([rows, 16])
}
