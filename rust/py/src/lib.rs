//! The extension module `groundswell._core`: converts, releases the GIL, calls the core, converts back. No rules.
//!
//! Each room binds the room of the core that has its name; `convert` has what they share. The docstrings that users read
//! are in `python/groundswell/_core.pyi`.

use groundswell_core::Kernel;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

mod convert;
mod decide;
mod fleet;
mod ingest;
mod leak;
mod select;
mod uuid_list;
mod waves;

#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("KERNEL", convert::effort::choose_kernel()?.name())?;
    m.add("KERNELS", PyTuple::new(m.py(), Kernel::all().map(Kernel::name).collect::<Vec<_>>())?)?;
    m.add("DEBUG_BUILD", cfg!(debug_assertions))?;
    m.add_function(wrap_pyfunction!(leak::leak, m)?)?;
    fleet::register(m)?;
    select::register(m)?;
    waves::register(m)?;
    decide::register(m)?;
    ingest::register(m)?;
    uuid_list::register(m)
}
