//! The machine: CPU instructions, threads, memory, sorting. Nothing here depends on devices.

pub(crate) mod bucket_sort;
pub mod effort;
pub mod huge_pages;
pub mod kernel;
pub(crate) mod prefetch;
pub(crate) mod thread_pool;
