//! `groundswell._core.Breakdown`.

use groundswell_core::select::breakdown::BANDS;
use groundswell_core::{Breakdown, Part};
use pyo3::prelude::*;

/// Picked devices by recency band, group and hardware, next to the candidates.
#[pyclass(frozen, name = "Breakdown", module = "groundswell._core")]
pub(crate) struct PyBreakdown(pub(crate) Breakdown);

/// A part: its name, its picked devices, its candidates.
type NamedPart = (Option<String>, u64, u64);

#[pymethods]
impl PyBreakdown {
    #[getter]
    fn bands(&self) -> Vec<(&'static str, u64, u64)> {
        BANDS.iter().zip(self.0.bands).map(|(name, part)| (*name, part.picked, part.candidates)).collect()
    }

    #[getter]
    fn groups(&self) -> Vec<NamedPart> {
        parts(&self.0.groups)
    }

    #[getter]
    fn hardware(&self) -> Vec<NamedPart> {
        parts(&self.0.hardware)
    }
}

fn parts(parts: &[(Option<String>, Part)]) -> Vec<NamedPart> {
    parts.iter().map(|(name, part)| (name.clone(), part.picked, part.candidates)).collect()
}
