//! A strategy as the simulation reads it: whole seconds, exact parts, resolved names.

use crate::ids::Uuid;
use crate::select::limit::Limit;

/// A minimum part or number of some devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Least {
    /// Thousandths of a percent, rounded up to whole devices; 0 turns the condition off.
    Part(u32),
    /// This many devices, or all of them if they are fewer.
    Count(u64),
}

impl Least {
    /// How many of `devices` are needed.
    pub fn of(self, devices: u64) -> u64 {
        match self {
            Self::Part(thousandths) => (devices * u64::from(thousandths)).div_ceil(100_000),
            Self::Count(count) => count.min(devices),
        }
    }

    /// Whether the condition is turned off.
    pub fn is_off(self) -> bool {
        matches!(self, Self::Part(0) | Self::Count(0))
    }
}

/// A property by which devices are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The hardware id.
    Hardware,
    /// The group.
    Group,
}

/// How a step draws its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawKind {
    /// Recently active devices first.
    Active,
    /// All weights 1.
    Even,
}

/// One step of a strategy.
#[derive(Clone, Debug)]
pub struct StepPlan {
    /// Only devices of this group; alone it means the whole group.
    pub group: Option<String>,
    /// Only these devices.
    pub listed: Option<Vec<Uuid>>,
    /// At most this many more devices.
    pub limit: Option<Limit>,
    /// Until this many matching devices are covered or updated.
    pub goal: Option<Limit>,
    /// How the devices are drawn.
    pub draw: DrawKind,
    /// The least time since the start of the step, in seconds.
    pub soak: u32,
    /// How many of the step's devices must be settled.
    pub reported: Least,
    /// How many of the step's served devices must be settled.
    pub settled: Least,
    /// Go on only when the failure rate is shown to be below this.
    pub prove: Option<f64>,
    /// A person must approve before the step starts.
    pub approve: bool,
    /// The step starts this many seconds after the start of the run, or later.
    pub not_before: u32,
    /// A step that is not satisfied this many seconds after its start is held.
    pub deadline: Option<u32>,
}

/// A strategy.
#[derive(Clone, Debug)]
pub struct StrategyPlan {
    /// The steps, at least one.
    pub steps: Vec<StepPlan>,
    /// The limit of the failure rate.
    pub failure: Option<f64>,
    /// Apply the limit also for each value of this property.
    pub by: Option<By>,
    /// Stop on more silence than outside the wave.
    pub silence: bool,
    /// The limit of the rate of lost and stuck devices.
    pub lost: Option<f64>,
    /// Stop at this many failed devices.
    pub devices: Option<u64>,
    /// The accepted probability of a false alarm, for all rules together.
    pub alpha: f64,
    /// Cancel instead of hold.
    pub cancel: bool,
    /// How long a served device may stay without a result, in seconds.
    pub patience: u32,
    /// Failed installations that make a device failed.
    pub attempts: u32,
    /// The greatest number of pending and lost devices.
    pub concurrent: Option<u64>,
    /// Complete the wave after the last step instead of asking.
    pub complete: bool,
    /// When steps may start: ascending, half-open intervals of seconds after the start of the run. `None`: always.
    pub windows: Option<Vec<(u32, u32)>>,
}
