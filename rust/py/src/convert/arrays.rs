//! Between numpy arrays and the core's columns.

use std::ops::{Deref, Range};

use groundswell_core::Uuid;
use numpy::ndarray::Array2;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods, prelude::*};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::type_object::PyTypeInfo;

/// The rows of a `(n, 16)` array of bytes: as they lie there if the core keeps them, as it keeps those of a list of
/// UUIDs, and copied otherwise, since another array may change, or lose its memory, once the GIL is released.
pub(crate) enum UuidRows {
    Shared { owner: Py<SharedUuids>, bytes: Range<usize> },
    Copied(Vec<Uuid>),
}

impl Deref for UuidRows {
    type Target = [Uuid];

    fn deref(&self) -> &[Uuid] {
        match self {
            Self::Shared { owner, bytes } => owner.get().flat()[bytes.clone()].as_chunks().0,
            Self::Copied(uuids) => uuids,
        }
    }
}

/// The rows of a `(n, 16)` array of bytes, which is let go: others may do with it what they like.
pub(crate) fn uuids_in(array: PyReadonlyArray2<'_, u8>) -> PyResult<UuidRows> {
    if array.shape()[1] == 16
        && array.is_c_contiguous()
        && let Some(owner) = owner_of(array.as_any())?
    {
        // Where the array says that it lies is not believed: it has to be within what the owner keeps.
        let start = (array.data() as usize).checked_sub(owner.get().flat().as_ptr() as usize);
        let bytes = start.map(|start| start..start.saturating_add(array.len()));
        if let Some(bytes) = bytes.filter(|bytes| bytes.end <= owner.get().flat().len()) {
            return Ok(UuidRows::Shared { owner: owner.unbind(), bytes });
        }
    }
    uuids_from(&array).map(UuidRows::Copied)
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
    match array.as_slice() {
        // In the order of Fortran an array is in one piece, too.
        Ok(bytes) if array.is_c_contiguous() => uuids.extend_from_slice(bytes.as_chunks().0),
        _ => uuids.extend(array.as_array().rows().into_iter().map(|row| std::array::from_fn(|i| row[i]))),
    }
    Ok(())
}

/// UUIDs that numpy sees and does not write to: an array over them is read-only from the first, and so is every view.
///
/// Of another array that says to be read-only there may be views that are not. (Of numpy 2.4, `ufunc.at` writes to
/// read-only arrays of all kinds, even to those over `bytes`; whoever does that changes lists of UUIDs, too.)
#[pyclass(frozen, name = "SharedUuids", module = "groundswell._core")]
pub(crate) struct SharedUuids {
    bytes: Array2<u8>,
}

impl SharedUuids {
    fn flat(&self) -> &[u8] {
        self.bytes.as_slice().expect("rows lie one after the other")
    }
}

/// The owner of the memory of an array, if that is kept. Classes derived from arrays may say what they like.
fn owner_of<'py>(array: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, SharedUuids>>> {
    let array_type = PyUntypedArray::type_object(array.py());
    let mut owner = array.clone();
    while owner.get_type().is(&array_type) {
        owner = owner.getattr("base")?;
    }
    Ok(owner.cast_into_exact().ok())
}

/// A read-only `(n, 16)` array of bytes of these UUIDs, which the core keeps, so that it need not copy them when they
/// come back.
pub(crate) fn share(py: Python<'_>, uuids: Vec<Uuid>) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let rows = uuids.len();
    let bytes = Array2::from_shape_vec([rows, 16], uuids.into_flattened()).expect("16 bytes each");
    let owner = Bound::new(py, SharedUuids { bytes })?;
    let bytes = &owner.get().bytes;
    #[allow(unsafe_code, reason = "a list of ten million UUIDs is not copied for each call")]
    // SAFETY: the bytes belong to the owner, to which the array holds on for as long as it has their address. The core
    // neither moves nor changes them: the owner is frozen and shares them with nobody else. The array is made read-only
    // before anybody else has it, and numpy makes no array over memory that is another object's writeable again, unless
    // that object lets it, which the owner does not.
    let array = unsafe { PyArray2::borrow_from_array(bytes, owner.clone().into_any()) };
    array.readwrite().make_nonwriteable();
    Ok(array)
}

/// A `(n, 16)` array of bytes of these UUIDs.
pub(crate) fn uuids_to(py: Python<'_>, uuids: Vec<Uuid>) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let rows = uuids.len();
    numpy::PyArray1::from_vec(py, uuids.into_flattened()).reshape([rows, 16])
}
