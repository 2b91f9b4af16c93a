//! How much of the machine a selection may use. It never changes what is picked.

use std::num::NonZero;

use crate::kernel::Kernel;

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
