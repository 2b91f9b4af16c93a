//! Memory for large columns, in pages of 2 MiB where the system gives them.
//!
//! The system hands out small pages one by one as they are first written, which takes as long as reading a list into
//! them; and whoever touches a column at random waits for fewer entries of the page table.

use bytemuck::Zeroable;

/// Columns smaller than this are left alone.
const LARGE: usize = 8 << 20;

/// An empty vector with room for so many elements; none where the system does not have as much memory.
pub fn try_with_room<T>(elements: usize) -> Option<Vec<T>> {
    let mut column = Vec::new();
    column.try_reserve_exact(elements).ok()?;
    advise(&column);
    Some(column)
}

/// An empty vector with room for so many elements.
pub fn with_room<T>(elements: usize) -> Vec<T> {
    let column = Vec::with_capacity(elements);
    advise(&column);
    column
}

/// A vector of so many elements, all the same.
pub(crate) fn filled<T: Copy>(element: T, elements: usize) -> Vec<T> {
    let mut column = with_room(elements);
    column.resize(elements, element);
    column
}

/// A vector of so many zeros. What the system hands out is zero: it is first written by whoever makes use of it.
pub(crate) fn zeroed<T: Zeroable>(elements: usize) -> Vec<T> {
    let column = bytemuck::allocation::zeroed_vec(elements);
    advise(&column);
    column
}

/// The elements of an iterator.
pub(crate) fn collected<T>(elements: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let mut column = with_room(elements.len());
    column.extend(elements);
    column
}

#[cfg(target_os = "linux")]
fn advise<T>(column: &Vec<T>) {
    const PAGE: usize = 4096;
    let bytes = column.capacity() * size_of::<T>();
    if bytes < LARGE {
        return;
    }
    let begun = column.as_ptr().cast::<u8>();
    let before = begun.align_offset(PAGE);
    #[allow(unsafe_code, reason = "benches/kernels.rs: ten million UUIDs are read in six tenths of the time")]
    // SAFETY: this is advice on whole pages inside memory that the vector owns. It changes nothing that is stored there
    // and no rights, and a kernel that does not know it says so in a result that nothing depends on.
    unsafe {
        libc::madvise(begun.add(before).cast_mut().cast(), (bytes - before) / PAGE * PAGE, libc::MADV_HUGEPAGE);
    }
}

#[cfg(not(target_os = "linux"))]
fn advise<T>(_column: &Vec<T>) {}
