//! The devices that a rollout would stage, and why they are fewer than requested.

use crate::ids::Ordinal;
use crate::offender::Offender;
use crate::sets::device_set::DeviceSet;
use crate::waves::request::Kind;

/// Why a rollout takes in fewer devices than it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// No device matches.
    NoneMatch,
    /// All that match are updated.
    AllUpdated,
    /// All that match are in the wave already.
    AllCovered,
    /// All that match are updated or in the wave already.
    AllUpdatedOrCovered,
    /// For all that match, the wave has no target for their hardware.
    AllUnsupported,
    /// All that match are updated, in the wave already, or of hardware without a target; at least two of these occur.
    NoneLeft,
    /// A part of the devices that are online, and none is.
    NoneOnline,
    /// Only online candidates are asked for, and none is online.
    NoCandidateOnline,
    /// As many as the goal asks for are updated or in the wave already.
    GoalReached,
    /// Some, but fewer candidates than the limit.
    FewerCandidates,
    /// Some, but fewer online candidates than the limit.
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

/// What a rollout comes to: nothing has changed yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Staging {
    /// What the rollout is.
    pub kind: Kind,
    /// The group that it asks for.
    pub group: Option<String>,
    /// The devices that it takes in, none of which was covered: a sample in key order, a list in its own order, a whole
    /// group ascending.
    pub ordinals: Vec<Ordinal>,
    /// How many of them are to be updated: all but those listed devices and members of a whole group that are updated
    /// already, or for whose hardware the wave has no target.
    pub newly_scheduled: u64,
    /// How many devices it asks for: what the limit comes to, what is missing for the goal, all listed devices that are
    /// not offenders, or the whole group.
    pub wanted: u64,
    /// What the goal comes to: how many matching devices are to be covered or updated.
    pub goal: Option<u64>,
    /// The number of matching devices: matching ∩ group? ∩ listed?.
    pub matching: u64,
    /// The matching devices that are updated.
    pub updated: u64,
    /// The matching devices that are covered and not updated.
    pub covered: u64,
    /// The matching devices that are neither updated nor covered, and for whose hardware the wave has no target.
    pub unsupported: u64,
    /// The number of candidates: matching − updated − covered − unsupported.
    pub candidates: u64,
    /// The candidates that were seen within the online threshold, if only those are asked for.
    pub online_candidates: Option<u64>,
    /// The matching devices that were seen within the online threshold, if the limit is a part of them.
    pub online: Option<u64>,
    /// Listed devices that are covered or updated already.
    pub already: DeviceSet,
    /// Offenders that were skipped, in list order.
    pub skipped: Vec<Offender>,
    /// Whether the group has been rolled out whole before: there is nothing to do.
    pub repeated: bool,
}

impl Staging {
    /// The devices that the rollout takes in, as a set.
    pub fn set(&self) -> DeviceSet {
        DeviceSet::from_ordinals(&self.ordinals)
    }

    /// Why the rollout takes in fewer devices than it asks for; none where it does not. Listed devices and members of a
    /// whole group that are covered already are not missed, unless nothing is left.
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
