//! Prefetching memory.

/// Prefetches the cache line of an element into the L2 cache. An index out of bounds has no effect.
///
/// L2 instead of L1, because a CPU can have more misses of L2 in flight.
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
