//! `groundswell._core.targets_variant`.

use groundswell_core::waves::serving::{self, Recipient, TargetsVariant, WaveOfTag};
use pyo3::prelude::*;

use crate::waves::state::state_from;

/// `"nothing"`, `"ci"`, `"production"`, or the index of a wave.
#[derive(IntoPyObject)]
pub(crate) enum Variant {
    Metadata(&'static str),
    Wave(usize),
}

#[pyfunction]
#[pyo3(signature = (*, production, tagged, target_version, waves, production_version))]
pub(crate) fn targets_variant(
    production: bool,
    tagged: bool,
    target_version: Option<u32>,
    waves: Vec<(u32, String, bool)>,
    production_version: Option<u32>,
) -> PyResult<Variant> {
    let waves = waves
        .into_iter()
        .map(|(target_version, state, covers)| Ok(WaveOfTag { target_version, state: state_from(&state)?, covers }))
        .collect::<PyResult<Vec<_>>>()?;
    let device = Recipient { production, tagged, target_version };
    Ok(match serving::targets_variant(device, &waves, production_version) {
        TargetsVariant::Nothing => Variant::Metadata("nothing"),
        TargetsVariant::Ci => Variant::Metadata("ci"),
        TargetsVariant::Production => Variant::Metadata("production"),
        TargetsVariant::Wave(place) => Variant::Wave(place),
    })
}

#[pyfunction]
#[pyo3(signature = (*, target_version, state, production_version))]
pub(crate) fn is_wave_offered(target_version: u32, state: &str, production_version: Option<u32>) -> PyResult<bool> {
    let wave = WaveOfTag { target_version, state: state_from(state)?, covers: false };
    Ok(wave.is_offered(production_version))
}
