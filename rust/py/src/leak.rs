//! Objects of a parent process whose destructors must not run in a forked child.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use pyo3::prelude::*;

/// Leaks a reference, so that no destructor runs, not even when the interpreter exits.
#[pyfunction]
pub(crate) fn leak(value: Py<PyAny>) {
    static DISCARDS: AtomicBool = AtomicBool::new(false);
    std::mem::forget(value);
    if !DISCARDS.swap(true, Relaxed) {
        discard_leak_report();
    }
}

/// The object's binding library prints a leak report to stderr after the interpreter has exited. This leak is meant.
#[allow(unsafe_code, reason = "Python has no other hook that runs after it has exited")]
fn discard_leak_report() {
    // SAFETY: the function needs no Python. If Python's table of such functions is full, the report is printed.
    unsafe { pyo3::ffi::Py_AtExit(Some(close_stderr)) };
}

#[allow(unsafe_code, reason = "the standard library cannot redirect a file descriptor")]
extern "C" fn close_stderr() {
    // SAFETY: the path is a C string, and a failed `open` is not used. Python has written its last line to stderr.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if null >= 0 {
            libc::dup2(null, libc::STDERR_FILENO);
        }
    }
}
