//! Between numpy arrays and the core's columns.

use std::borrow::Cow;

use groundswell_core::Uuid;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods, prelude::*};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The rows of a `(n, 16)` array of bytes: as they lie there where nobody may write to it, as in a list of UUIDs, and
/// copied otherwise, since the array may change once the GIL is released.
pub(crate) fn uuids_in<'a>(array: &'a PyReadonlyArray2<'_, u8>) -> PyResult<Cow<'a, [Uuid]>> {
    if array.shape()[1] != 16 {
        return Err(PyValueError::new_err(format!("UUIDs have 16 bytes, not {}", array.shape()[1])));
    }
    let Ok(bytes) = array.as_slice() else {
        let rows = array.as_array();
        return Ok(rows.rows().into_iter().map(|row| std::array::from_fn(|i| row[i])).collect());
    };
    let (rows, _) = bytes.as_chunks::<16>();
    Ok(if may_change(array.as_any())? { Cow::Owned(rows.to_vec()) } else { Cow::Borrowed(rows) })
}

/// Whether somebody may write to an array: through itself, or through one of those that it is a view of.
fn may_change(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let mut array = array.clone();
    loop {
        if array.getattr("flags")?.getattr("writeable")?.extract()? {
            return Ok(true);
        }
        let base = array.getattr("base")?;
        if !base.is_instance_of::<PyUntypedArray>() {
            // Memory that is not an array's: only a vector of ours, and bytes, are known to stay as they are.
            let is_ours = base.get_type().name()? == "PySliceContainer";
            return Ok(!(is_ours || base.is_none() || base.is_instance_of::<PyBytes>()));
        }
        array = base;
    }
}

/// The rows of a `(n, 16)` array of bytes, copied.
pub(crate) fn uuids_from(array: &PyReadonlyArray2<'_, u8>) -> PyResult<Vec<Uuid>> {
    Ok(uuids_in(array)?.into_owned())
}

/// A `(n, 16)` array of bytes of these UUIDs.
pub(crate) fn uuids_to(py: Python<'_>, uuids: Vec<Uuid>) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let rows = uuids.len();
    numpy::PyArray1::from_vec(py, uuids.into_flattened()).reshape([rows, 16])
}
