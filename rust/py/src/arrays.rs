//! Between numpy arrays and the core's columns.

use std::borrow::Cow;

use groundswell_core::Uuid;
use numpy::ndarray::Array2;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods, prelude::*};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The rows of a `(n, 16)` array of bytes: as they lie there where nobody can write to them, as in a list of UUIDs, and
/// copied otherwise, since the array may change once the GIL is released.
pub(crate) fn uuids_in<'a>(array: &'a PyReadonlyArray2<'_, u8>) -> PyResult<Cow<'a, [Uuid]>> {
    match array.as_slice() {
        Ok(bytes) if array.shape()[1] == 16 && is_view_of_kept(array.as_any())? => {
            Ok(Cow::Borrowed(bytes.as_chunks().0))
        }
        _ => uuids_from(array).map(Cow::Owned),
    }
}

/// The rows of a `(n, 16)` array of bytes, copied.
pub(crate) fn uuids_from(array: &PyReadonlyArray2<'_, u8>) -> PyResult<Vec<Uuid>> {
    let mut uuids = Vec::new();
    append_uuids(&mut uuids, array)?;
    Ok(uuids)
}

/// Puts the rows of a `(n, 16)` array of bytes at the end.
pub(crate) fn append_uuids(uuids: &mut Vec<Uuid>, array: &PyReadonlyArray2<'_, u8>) -> PyResult<()> {
    if array.shape()[1] != 16 {
        return Err(PyValueError::new_err(format!("UUIDs have 16 bytes, not {}", array.shape()[1])));
    }
    if let Ok(bytes) = array.as_slice() {
        uuids.extend_from_slice(bytes.as_chunks().0);
    } else {
        uuids.extend(array.as_array().rows().into_iter().map(|row| std::array::from_fn(|i| row[i])));
    }
    Ok(())
}

/// UUIDs that numpy sees and nobody can write to: an array over them is read-only from the first, and so is every view.
///
/// Of another array that says to be read-only there may be views that are not.
#[pyclass(frozen, name = "KeptUuids", module = "groundswell._core")]
struct Kept {
    bytes: Array2<u8>,
}

fn is_view_of_kept(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let mut owner = array.getattr("base")?;
    while owner.is_instance_of::<PyUntypedArray>() {
        owner = owner.getattr("base")?;
    }
    Ok(owner.is_instance_of::<Kept>())
}

/// A `(n, 16)` array of bytes of these UUIDs that nobody can write to, so that it need not be copied when it comes back.
pub(crate) fn kept(py: Python<'_>, uuids: Vec<Uuid>) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let rows = uuids.len();
    let bytes = Array2::from_shape_vec([rows, 16], uuids.into_flattened()).expect("16 bytes each");
    let owner = Bound::new(py, Kept { bytes })?;
    let bytes = &owner.get().bytes;
    #[allow(unsafe_code, reason = "a list of ten million UUIDs is not copied for each call")]
    // SAFETY: the bytes belong to the owner, which the array keeps alive. Nothing moves or changes them: the owner is
    // frozen and shares them with nobody else, and the array is made read-only before anybody else has it. numpy makes
    // no array over memory that is another object's writeable again, unless that object lets it, and the owner does not.
    let array = unsafe { PyArray2::borrow_from_array(bytes, owner.clone().into_any()) };
    array.readwrite().make_nonwriteable();
    Ok(array)
}

/// A `(n, 16)` array of bytes of these UUIDs.
pub(crate) fn uuids_to(py: Python<'_>, uuids: Vec<Uuid>) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let rows = uuids.len();
    numpy::PyArray1::from_vec(py, uuids.into_flattened()).reshape([rows, 16])
}
