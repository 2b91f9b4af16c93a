//! Which instructions and how many threads a call may use. The result is the same for every setting.

use std::num::NonZero;
use std::sync::OnceLock;

use crate::machine::kernel::Kernel;
use crate::machine::thread_pool::MAX_WORKERS;

/// From this many devices per thread on, a second thread saves more time than it takes to wake. Measured with
/// `benches/bench_select.py`.
const DEVICES_PER_THREAD: u64 = 400_000;

/// The default for the most threads of a selection: two threads saturate the memory bandwidth.
const MAX_THREADS: usize = 2;

/// The means of a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The instructions of the inner loops.
    pub kernel: Kernel,
    /// The number of threads (default: chosen by the amount of work, at most two).
    pub threads: Option<NonZero<usize>>,
}

impl Default for Effort {
    fn default() -> Self {
        Self { kernel: Kernel::detect(), threads: None }
    }
}

impl Effort {
    /// The number of threads for an amount of work that costs as much as scanning `devices`.
    pub(crate) fn threads_for(&self, devices: u64) -> usize {
        match self.threads {
            Some(threads) => threads.get().min(MAX_WORKERS + 1),
            None => (devices / DEVICES_PER_THREAD).clamp(1, max_threads() as u64) as usize,
        }
    }
}

fn max_threads() -> usize {
    // Cached, because the system's answer is read from files.
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS))
}
