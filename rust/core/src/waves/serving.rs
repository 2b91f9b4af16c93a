//! Which metadata a device is served.
//!
//! 1. a test device: the CI targets of its tag
//! 2. a production device that the active wave of its tag covers: the wave's targets
//! 3. a production device whose reported target version is that of an active or canceled wave of its tag and above the
//!    production targets: that wave's targets, until the production targets or a wave that covers it are at or above it
//! 4. otherwise the production targets of its tag; nothing if there are none
//!
//! Rule 3 has priority over rule 2 while the covering wave is below the reported version: an agent that installs the
//! highest listed version would otherwise downgrade.

use crate::waves::wave::WaveState;

/// A device, as far as the choice depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Whether it is a production device.
    pub production: bool,
    /// Whether it listens to a tag. A device without a tag is served nothing.
    pub tagged: bool,
    /// The target version that it reports, if known.
    pub target_version: Option<u32>,
}

/// A wave of the device's tag, as far as the choice depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveOfTag {
    /// The wave's target version.
    pub target_version: u32,
    /// The state of the wave.
    pub state: WaveState,
    /// Whether it covers the device.
    pub covers: bool,
}

impl WaveOfTag {
    /// Whether some device may be served the targets of this wave by rule 2 or 3: it is active, or it is canceled and
    /// above the production targets.
    pub fn is_offered(&self, production: Option<u32>) -> bool {
        match self.state {
            WaveState::Active => true,
            WaveState::Canceled => self.is_above(production),
            WaveState::Complete => false,
        }
    }

    fn is_above(&self, production: Option<u32>) -> bool {
        production.is_none_or(|version| self.target_version > version)
    }
}

/// Which targets metadata a device is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetsVariant {
    /// Nothing: 404.
    Nothing,
    /// The CI targets of its tag.
    Ci,
    /// The production targets of its tag.
    Production,
    /// The targets of a wave, by its index in the list that was given.
    Wave(usize),
}

/// Decides which targets metadata a device is served.
///
/// `waves` are the waves of the device's tag, oldest first. If several have the reported version, the active one is
/// served, otherwise the latest. `production` is the target version of the tag's production targets, if it has any.
///
/// # Examples
/// ```
/// use groundswell_core::WaveState;
/// use groundswell_core::waves::serving::{Recipient, TargetsVariant, WaveOfTag, targets_variant};
///
/// let device = Recipient { production: true, tagged: true, target_version: Some(42) };
/// let canceled = WaveOfTag { target_version: 42, state: WaveState::Canceled, covers: false };
/// assert_eq!(targets_variant(device, &[canceled], Some(41)), TargetsVariant::Wave(0), "no downgrade (rule 3)");
/// assert_eq!(targets_variant(device, &[canceled], Some(42)), TargetsVariant::Production);
/// ```
pub fn targets_variant(device: Recipient, waves: &[WaveOfTag], production: Option<u32>) -> TargetsVariant {
    if !device.tagged {
        return TargetsVariant::Nothing;
    }
    if !device.production {
        return TargetsVariant::Ci;
    }
    let covering = waves.iter().position(|wave| wave.state == WaveState::Active && wave.covers);
    let reported = waves.iter().enumerate().filter(|(_, wave)| {
        Some(wave.target_version) == device.target_version && wave.is_offered(production) && wave.is_above(production)
    });
    let reported = reported.max_by_key(|(place, wave)| (wave.state == WaveState::Active, *place));
    match (covering, reported) {
        (Some(covering), Some((place, wave))) if waves[covering].target_version < wave.target_version => {
            TargetsVariant::Wave(place)
        }
        (Some(covering), _) => TargetsVariant::Wave(covering),
        (None, Some((place, _))) => TargetsVariant::Wave(place),
        (None, None) if production.is_some() => TargetsVariant::Production,
        (None, None) => TargetsVariant::Nothing,
    }
}
