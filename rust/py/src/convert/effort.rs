//! Chooses the CPU instructions and threads that the core uses. Only this module reads the environment.

use std::num::NonZero;
use std::sync::OnceLock;

use groundswell_core::{Effort, Kernel};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// If it is set to `portable` or `avx2`, all loops use only those instructions. Results are the same.
const VARIABLE: &str = "GROUNDSWELL_KERNEL";

static KERNEL: OnceLock<Kernel> = OnceLock::new();

/// Chooses the kernel of this process, once.
///
/// # Errors
/// `ImportError` if the variable names instructions that this CPU does not have, so that nobody measures or tests
/// others by mistake.
pub(crate) fn choose_kernel() -> PyResult<Kernel> {
    let kernel = match std::env::var_os(VARIABLE) {
        Some(name) if !name.is_empty() => Kernel::all().find(|kernel| name == kernel.name()).ok_or_else(|| {
            let names: Vec<&str> = Kernel::all().map(Kernel::name).collect();
            PyImportError::new_err(format!(
                "{VARIABLE} is `{}`; unset it, or use one of: {}",
                name.display(),
                names.join(", ")
            ))
        })?,
        _ => Kernel::detect(),
    };
    Ok(*KERNEL.get_or_init(|| kernel))
}

/// The kernel of this process.
pub(crate) fn kernel() -> Kernel {
    *KERNEL.get_or_init(Kernel::detect)
}

pub(crate) fn effort(threads: Option<NonZero<usize>>) -> Effort {
    Effort { kernel: kernel(), threads }
}
