//! How much of the machine the core may use: the one place where the environment is asked.

use std::num::NonZero;
use std::sync::OnceLock;

use groundswell_core::{Effort, Kernel};

/// Set to `portable`, it keeps every loop to the instructions of every CPU. The answers are the same.
const VARIABLE: &str = "GROUNDSWELL_KERNEL";

/// The kernel of this process.
pub(crate) fn kernel() -> Kernel {
    static KERNEL: OnceLock<Kernel> = OnceLock::new();
    *KERNEL.get_or_init(|| {
        let portable = std::env::var_os(VARIABLE).is_some_and(|value| value == Kernel::PORTABLE.name());
        if portable { Kernel::PORTABLE } else { Kernel::detect() }
    })
}

pub(crate) fn effort(threads: Option<NonZero<usize>>) -> Effort {
    Effort { kernel: kernel(), threads }
}
