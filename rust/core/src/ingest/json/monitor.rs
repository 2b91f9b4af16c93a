//! Progress and cancellation of a read.

use std::sync::atomic::{AtomicBool, AtomicUsize};

/// The progress of a read and its cancellation flag, shared with the thread that waits for it.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Bytes read so far.
    pub done: AtomicUsize,
    /// Set to true to cancel the read.
    pub stop: AtomicBool,
}
