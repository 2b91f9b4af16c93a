//! Converts between numpy arrays and columns of the core.

use std::ops::{Deref, Range};

use groundswell_core::Uuid;
use numpy::ndarray::Array2;
use numpy::{PyArray2, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods, prelude::*};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::type_object::PyTypeInfo;

/// The rows of a `(n, 16)` array of bytes. Borrowed if the memory belongs to [`SharedUuids`]; otherwise copied, because
/// other arrays can change or be freed while the GIL is released.
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

/// The rows of a `(n, 16)` array of bytes. Does not keep a borrow of the array.
pub(crate) fn uuids_in(array: PyReadonlyArray2<'_, u8>) -> PyResult<UuidRows> {
    if array.shape()[1] == 16
        && array.is_c_contiguous()
        && let Some(owner) = owner_of(array.as_any())?
    {
        // The address comes from the array; check that it is within the owner's memory.
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

/// Appends the rows of a `(n, 16)` array of bytes.
pub(crate) fn append_uuids(uuids: &mut Vec<Uuid>, array: &PyReadonlyArray2<'_, u8>) -> PyResult<()> {
    if array.shape()[1] != 16 {
        return Err(PyValueError::new_err(format!("UUIDs have 16 bytes, not {}", array.shape()[1])));
    }
    match array.as_slice() {
        // An array in Fortran order is a slice, too.
        Ok(bytes) if array.is_c_contiguous() => uuids.extend_from_slice(bytes.as_chunks().0),
        _ => uuids.extend(array.as_array().rows().into_iter().map(|row| std::array::from_fn(|i| row[i]))),
    }
    Ok(())
}

/// UUIDs in memory of the core that numpy arrays borrow. The arrays are read-only from the start, and so are all views.
///
/// Other read-only arrays may have writable views. (In numpy 2.4, `ufunc.at` writes even to read-only arrays. Code that
/// does this changes lists of UUIDs.)
#[pyclass(frozen, name = "SharedUuids", module = "groundswell._core")]
pub(crate) struct SharedUuids {
    bytes: Array2<u8>,
}

impl SharedUuids {
    fn flat(&self) -> &[u8] {
        self.bytes.as_slice().expect("rows lie one after the other")
    }
}

/// The owner of an array's memory, if it is [`SharedUuids`]. Subclasses of arrays are not trusted.
fn owner_of<'py>(array: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, SharedUuids>>> {
    let array_type = PyUntypedArray::type_object(array.py());
    let mut owner = array.clone();
    while owner.get_type().is(&array_type) {
        owner = owner.getattr("base")?;
    }
    Ok(owner.cast_into_exact().ok())
}

/// A read-only `(n, 16)` array of bytes over these UUIDs. The core keeps them, so that it need not copy them when the
/// array comes back as an argument.
pub(crate) fn share(py: Python<'_>, uuids: Vec<Uuid>) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let rows = uuids.len();
    let bytes = Array2::from_shape_vec([rows, 16], uuids.into_flattened()).expect("16 bytes each");
    let owner = Bound::new(py, SharedUuids { bytes })?;
    let bytes = &owner.get().bytes;
    #[allow(unsafe_code, reason = "a list of ten million UUIDs is not copied for each call")]
    // SAFETY: the array holds a reference to the owner of the bytes. The owner is frozen, and nothing moves or changes
    // the bytes. The array is made read-only before other code sees it, and numpy refuses to make an array writable
    // whose base object does not allow it, as this owner does not.
    let array = unsafe { PyArray2::borrow_from_array(bytes, owner.clone().into_any()) };
    array.readwrite().make_nonwriteable();
    Ok(array)
}

/// A `(n, 16)` array of bytes of these UUIDs.
pub(crate) fn uuids_to(py: Python<'_>, uuids: Vec<Uuid>) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let rows = uuids.len();
    numpy::PyArray1::from_vec(py, uuids.into_flattened()).reshape([rows, 16])
}
