//! Asking for memory before it is needed.

/// Asks for the cache line in which an element begins. Nothing comes of an element that is not there.
///
/// It is brought into the second-level cache: a CPU can wait for more lines at once there than in the first.
#[inline(always)]
pub(crate) fn prefetch<T>(elements: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        #[allow(unsafe_code, reason = "benches/kernels.rs: without it a look-up takes more than twice as long")]
        // SAFETY: a prefetch is a hint: it reads nothing that the program can see and never faults, whatever the address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(elements.as_ptr().wrapping_add(at).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (elements, at);
}
