//! What one run comes to.

/// The number of instants at which a run reports how many devices are updated, evenly over the horizon.
pub const CURVE: usize = 120;

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum End {
    /// All steps are satisfied.
    Finished = 0,
    /// The horizon is reached while a step waits or is watched.
    Unfinished = 1,
    /// The failure rate of all devices is above the limit.
    Failure = 2,
    /// The failure rate of one value is above the limit.
    FailureOfValue = 3,
    /// Too many devices are lost or stuck.
    Lost = 4,
    /// More silence than outside the wave.
    Silence = 5,
    /// The count of failed devices is reached.
    Devices = 6,
    /// A step missed its deadline.
    Deadline = 7,
    /// The first step takes in no device.
    EmptyStep = 8,
}

impl End {
    /// All ends, by number.
    pub const ALL: [Self; 9] = [
        Self::Finished,
        Self::Unfinished,
        Self::Failure,
        Self::FailureOfValue,
        Self::Lost,
        Self::Silence,
        Self::Devices,
        Self::Deadline,
        Self::EmptyStep,
    ];

    /// The end as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Unfinished => "unfinished",
            Self::Failure => "failure",
            Self::FailureOfValue => "failure-of-value",
            Self::Lost => "lost",
            Self::Silence => "silence",
            Self::Devices => "devices",
            Self::Deadline => "deadline",
            Self::EmptyStep => "empty-step",
        }
    }

    /// Whether a stop rule ended the run.
    pub fn is_stop(self) -> bool {
        matches!(self, Self::Failure | Self::FailureOfValue | Self::Lost | Self::Silence | Self::Devices)
    }
}

/// No instant.
pub const NOT_REACHED: u32 = u32::MAX;

/// What one run comes to. Instants are seconds since the start of the run; [`NOT_REACHED`] if they are not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunResult {
    /// How the run ends.
    pub end: End,
    /// The index of the value that stopped it, for [`End::FailureOfValue`].
    pub value: Option<u16>,
    /// When it ends: stopped, held or finished.
    pub ended: u32,
    /// The current step then, from 0.
    pub step: u32,
    /// Devices that are served by then (at the horizon, if the run does not stop).
    pub exposed: u32,
    /// Those of them that the update harms, known or not.
    pub harmed: u32,
    /// When the first failure is known, or the first brick is missed.
    pub first_signal: u32,
    /// When 50, 90 and 99% of the matching devices are updated.
    pub reached: [u32; 3],
    /// The updated devices at evenly spaced instants; they stay where they are once the run stops.
    pub curve: Vec<u32>,
}

impl RunResult {
    /// Keeps the rest of the curve at the level of a tick.
    pub(super) fn freeze_curve(&mut self, tick: usize, ticks: usize, updated: u32) {
        for later in tick..=ticks {
            if let Some(point) = curve_point(later, ticks) {
                self.curve[point] = updated;
            }
        }
    }
}

/// The point of the curve that a tick is the last one of.
pub(super) fn curve_point(tick: usize, ticks: usize) -> Option<usize> {
    let point = tick * (CURVE - 1) / ticks.max(1);
    let is_last = tick == ticks || (tick + 1) * (CURVE - 1) / ticks.max(1) > point;
    is_last.then_some(point)
}
