//! How much of the machine a selection may use. It never changes what is picked.

use std::num::NonZero;
use std::sync::OnceLock;

use crate::machine::kernel::Kernel;
use crate::machine::thread_pool::MOST_WORKERS;

/// With this many devices for each, a second thread saves more than it costs to wake: `benches/bench_select.py` has both
/// from a million devices on.
const WORTH_A_THREAD: u64 = 400_000;

/// The most threads that a selection takes of itself: two read memory as fast as it can be read.
const MOST_THREADS: usize = 2;

/// The means by which a selection is worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The instructions of the inner loops.
    pub kernel: Kernel,
    /// The number of threads; as many as pay, at most two, unless given.
    pub threads: Option<NonZero<usize>>,
}

impl Default for Effort {
    fn default() -> Self {
        Self { kernel: Kernel::detect(), threads: None }
    }
}

impl Effort {
    /// The number of threads for so many devices; no more than there ever are.
    pub(crate) fn threads_for(&self, devices: u64) -> usize {
        match self.threads {
            Some(threads) => threads.get().min(MOST_WORKERS + 1),
            None => (devices / WORTH_A_THREAD).clamp(1, most_threads() as u64) as usize,
        }
    }
}

fn most_threads() -> usize {
    // Asked for once: the answer is read from files.
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS))
}
