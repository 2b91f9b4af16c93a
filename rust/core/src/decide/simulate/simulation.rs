//! A fleet with its check-in habits, and the settings that all runs share.

use std::sync::Arc;

use crate::decide::fit::{GONE, Habits};
use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::sampling::recency::Recency;
use crate::select::selector::Selector;
use crate::sets::layout::Position;

/// The settings that all strategies and scenarios of a simulation share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tag of the wave; `None`: all production devices.
    pub tag: Option<String>,
    /// Devices at this target version or above are updated already; `None`: no device is.
    pub target_version: Option<u32>,
    /// The instant at which the run starts, in seconds since 1970.
    pub now: i64,
    /// Seconds between ticks.
    pub tick: u32,
    /// The length of a run, in seconds.
    pub horizon: u32,
    /// How long a person takes to approve a step, in seconds.
    pub approve_after: u32,
    /// The online threshold of samples, in seconds.
    pub online_threshold: i64,
    /// The half-life of samples, in seconds.
    pub half_life: i64,
    /// Devices that were not seen for longer are gone, in seconds.
    pub gone_after: u32,
    /// The seed of all worlds.
    pub seed: u64,
}

/// A fleet with its habits, ready to simulate strategies on.
#[derive(Debug)]
pub struct Simulation {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) settings: Settings,
    pub(crate) habits: Habits,
    /// By position: the bin of the device's age.
    pub(crate) bins: Vec<u8>,
    /// By position: whether the device matches the wave.
    pub(crate) matching: Vec<bool>,
    /// By position: whether the device is updated already.
    pub(crate) updated: Vec<bool>,
    /// The matching devices.
    pub(crate) matching_count: u64,
    /// The matching devices that are updated already.
    pub(crate) updated_count: u64,
}

impl Simulation {
    /// Prepares a fleet: which devices match, and how often they check in.
    ///
    /// `Ok(None)` if every matching device is gone: there are no habits to fit.
    ///
    /// # Errors
    /// [`CoreError::UnknownTag`], [`CoreError::BadSetting`].
    pub fn new(fleet: Arc<Fleet>, settings: Settings) -> Result<Option<Self>, CoreError> {
        for (name, value) in [("tick", settings.tick), ("horizon", settings.horizon)] {
            if value < 1 {
                return Err(CoreError::BadSetting { name, value: i64::from(value), least: 1 });
            }
        }
        Recency::new(settings.now, settings.online_threshold, settings.half_life)?;
        let (matching, updated) = matching(&fleet, &settings)?;
        let positions = || (0..fleet.rows() as Position).filter(|&position| matching[position as usize]);
        let seen = positions().map(|position| fleet.last_seen[position as usize]);
        let Some(habits) = Habits::fit(seen, settings.now, settings.gone_after) else { return Ok(None) };
        let bin = |position: usize| {
            if matching[position] { habits.bin(fleet.last_seen[position], settings.now) } else { GONE }
        };
        Ok(Some(Self {
            bins: (0..fleet.rows()).map(bin).collect(),
            matching_count: positions().count() as u64,
            updated_count: positions().filter(|&position| updated[position as usize]).count() as u64,
            matching,
            updated,
            habits,
            settings,
            fleet,
        }))
    }

    /// The fitted habits of the matching devices.
    pub fn habits(&self) -> &Habits {
        &self.habits
    }

    /// The number of matching devices.
    pub fn matching_count(&self) -> u64 {
        self.matching_count
    }

    /// The number of ticks of a run.
    pub(crate) fn ticks(&self) -> usize {
        (self.settings.horizon / self.settings.tick) as usize
    }
}

/// By position: whether a device matches, and whether it matches and is updated already.
fn matching(fleet: &Fleet, settings: &Settings) -> Result<(Vec<bool>, Vec<bool>), CoreError> {
    let column = |not_updated| {
        let selector = Selector { tag: settings.tag.clone(), not_updated, ..Selector::default() };
        let mut column = vec![false; fleet.rows()];
        selector.resolve(fleet)?.candidates(fleet).for_each_candidate(|position| column[position as usize] = true);
        Ok::<_, CoreError>(column)
    };
    let matching = column(None)?;
    let updated = match settings.target_version {
        Some(version) => {
            let below = column(Some(version))?;
            matching.iter().zip(below).map(|(&matches, below)| matches && !below).collect()
        }
        None => vec![false; fleet.rows()],
    };
    Ok((matching, updated))
}
