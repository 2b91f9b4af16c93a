//! The devices that a rollout would stage, and why they are fewer than requested.

use crate::ids::Ordinal;
use crate::offender::Offender;
use crate::sets::device_set::DeviceSet;
use crate::waves::request::Kind;

/// Why a rollout stages fewer devices than it requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// No device matches.
    NoneMatch,
    /// All matching devices are updated.
    AllUpdated,
    /// All matching devices are covered already.
    AllCovered,
    /// All matching devices are updated or covered already.
    AllUpdatedOrCovered,
    /// The wave has no target for the hardware of any matching device.
    AllUnsupported,
    /// All matching devices are updated, covered or unsupported; at least two of these reasons occur.
    NoneLeft,
    /// A percentage of the online devices is requested, and no device is online.
    NoneOnline,
    /// Only online candidates are requested, and no candidate is online.
    NoCandidateOnline,
    /// The goal is reached: enough devices are covered or updated already.
    GoalReached,
    /// There are fewer candidates than the limit, but at least one.
    FewerCandidates,
    /// There are fewer online candidates than the limit, but at least one.
    FewerOnline,
}

impl Shortage {
    /// The reason as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::NoneMatch => "none-match",
            Self::AllUpdated => "all-updated",
            Self::AllCovered => "all-covered",
            Self::AllUpdatedOrCovered => "all-updated-or-covered",
            Self::AllUnsupported => "all-unsupported",
            Self::NoneLeft => "none-left",
            Self::NoneOnline => "none-online",
            Self::NoCandidateOnline => "no-candidate-online",
            Self::GoalReached => "goal-reached",
            Self::FewerCandidates => "fewer-candidates",
            Self::FewerOnline => "fewer-online",
        }
    }
}

/// The result of a rollout that is computed but not applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Staging {
    /// The kind of the rollout.
    pub kind: Kind,
    /// The group that it names.
    pub group: Option<String>,
    /// The devices that it newly covers: a sample in key order, a list in its own order, a whole group ascending.
    pub ordinals: Vec<Ordinal>,
    /// How many of them are scheduled: neither updated nor unsupported.
    pub newly_scheduled: u64,
    /// How many devices it requests: the resolved limit, the number missing for the goal, the listed devices without
    /// offenders, or the matching devices of the whole group.
    pub wanted: u64,
    /// The resolved goal: how many matching devices must be covered or updated.
    pub goal: Option<u64>,
    /// The number of matching devices: matching ∩ group? ∩ listed?.
    pub matching: u64,
    /// The matching devices that are updated.
    pub updated: u64,
    /// The matching devices that are covered and not updated.
    pub covered: u64,
    /// The unsupported devices that are neither updated nor covered.
    pub unsupported: u64,
    /// The number of candidates: matching − updated − covered − unsupported.
    pub candidates: u64,
    /// The online candidates, if only those are requested.
    pub online_candidates: Option<u64>,
    /// The online matching devices, if the limit is a percentage of them.
    pub online: Option<u64>,
    /// Listed devices that are covered or updated already.
    pub already: DeviceSet,
    /// Offenders that were skipped, in list order.
    pub skipped: Vec<Offender>,
    /// Whether the group was rolled out whole before, so that nothing changes.
    pub repeated: bool,
}

impl Staging {
    /// The devices that the rollout newly covers, as a set.
    pub fn set(&self) -> DeviceSet {
        DeviceSet::from_ordinals(&self.ordinals)
    }

    /// Why the rollout stages fewer devices than it requests; `None` if it does not. A list or a whole group is short
    /// only if all of its devices are covered already.
    pub fn shortage(&self) -> Option<Shortage> {
        let found = self.ordinals.len() as u64;
        let sampled = self.kind.is_sample();
        if found > 0 {
            let fewer = match self.online_candidates {
                Some(online) if online < self.candidates => Shortage::FewerOnline,
                _ => Shortage::FewerCandidates,
            };
            return (sampled && found < self.wanted).then_some(fewer);
        }
        Some(if self.matching == 0 {
            Shortage::NoneMatch
        } else if self.goal.is_some() && self.wanted == 0 {
            Shortage::GoalReached
        } else if self.unsupported == self.matching {
            Shortage::AllUnsupported
        } else if self.candidates == 0 && self.unsupported > 0 {
            Shortage::NoneLeft
        } else if !sampled || self.covered == self.matching {
            Shortage::AllCovered
        } else if self.updated == self.matching {
            Shortage::AllUpdated
        } else if self.candidates == 0 {
            Shortage::AllUpdatedOrCovered
        } else if self.online_candidates == Some(0) && self.wanted > 0 {
            Shortage::NoCandidateOnline
        } else {
            Shortage::NoneOnline
        })
    }
}
