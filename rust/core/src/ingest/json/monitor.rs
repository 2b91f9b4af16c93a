//! How a reading and the thread that waits for it talk to each other.

use std::sync::atomic::{AtomicBool, AtomicUsize};

/// How far a reading is, and whether it should stop: shared with the thread that waits for it.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Bytes read so far.
    pub done: AtomicUsize,
    /// Whether the reading should stop.
    pub stop: AtomicBool,
}
