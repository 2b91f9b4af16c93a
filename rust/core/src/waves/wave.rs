//! A wave over a fleet: which devices match, are covered, are scheduled, and why one device is covered or not.
//!
//! For a wave of target version V and tag T:
//!
//! - matching  = production ∩ tag T
//! - updated   = matching ∩ { target version ≥ V }; an unknown version counts as older
//! - covered   = matching ∩ (staged ∪ every device now in a group that was rolled out whole)
//! - unsupported = matching ∩ { hardware id known, and without a target of version V in the wave's role }
//! - scheduled = covered − updated − unsupported while the wave is active; matching − updated − unsupported once it is
//!   complete; ∅ if canceled
//!
//! A wave stores only its staged set and the names of its whole groups. Everything else is computed from the current
//! fleet, so devices that are added, deleted, or change their tag or group are always counted by the rules.

use std::collections::BTreeSet;

use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::offender::Reason;
use crate::select::candidates::Excluded;
use crate::select::coverage::Coverage;
use crate::select::selector::{Eligible, Resolved};
use crate::sets::device_set::DeviceSet;
use crate::sets::fleet_set::FleetSet;
use crate::sets::words::WordSet;

/// The delivery of one target version to the production devices of one tag.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wave {
    /// The target version that it delivers.
    pub target_version: u32,
    /// Its tag. There may be no devices that listen to it.
    pub tag: String,
    /// All devices that sampled and listed rollouts have chosen, whether or not they match now.
    pub staged: DeviceSet,
    /// The current names of the groups that were rolled out whole.
    pub whole_groups: Vec<String>,
    /// The hardware ids that have a target of the version in the wave's role. `None`: no device counts as unsupported
    /// (rule 1 for candidates).
    pub supported_hardware: Option<BTreeSet<String>>,
}

/// The number of the rule for candidates: candidates = matching ∩ group? ∩ listed? − covered − updated − unsupported.
/// Rule 1 did not subtract the unsupported devices.
pub const CANDIDATES_RULE: u32 = 2;

/// The state of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaveState {
    /// Rollouts can extend it.
    Active,
    /// Its targets are the production targets of the tag. Final.
    Complete,
    /// Stopped: devices that updated keep their version, the others are never offered it. Final.
    Canceled,
}

impl WaveState {
    /// The state as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Complete => "complete",
            Self::Canceled => "canceled",
        }
    }

    /// The state of a slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Active, Self::Complete, Self::Canceled].into_iter().find(|state| state.slug() == slug)
    }
}

/// The sets of a wave over one fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveSets {
    /// The production devices of the tag.
    pub matching: WordSet,
    /// Matching devices at the wave's version or above.
    pub updated: WordSet,
    /// Matching devices that are staged or in a whole group.
    pub covered: WordSet,
    /// Matching devices whose hardware id is known and has no target in the wave.
    pub unsupported: WordSet,
}

impl WaveSets {
    /// The devices that count as covered in a state: all matching ones once the wave is complete, none once it is
    /// canceled.
    pub fn covered_in(&self, state: WaveState) -> WordSet {
        match state {
            WaveState::Active => self.covered.clone(),
            WaveState::Complete => self.matching.clone(),
            WaveState::Canceled => WordSet::none(self.matching.rows()),
        }
    }

    /// The devices that the wave still has to update: covered − updated − unsupported.
    pub fn scheduled(&self, state: WaveState) -> WordSet {
        let mut scheduled = self.covered_in(state);
        scheduled.subtract(&self.updated);
        scheduled.subtract(&self.unsupported);
        scheduled
    }

    /// The covered devices that the wave has no target for: (covered ∩ unsupported) − updated.
    pub fn unsupported_in(&self, state: WaveState) -> WordSet {
        let mut unsupported = self.covered_in(state);
        unsupported.subtract(&self.updated);
        unsupported.subtract(&self.scheduled(state));
        unsupported
    }

    /// The devices that are neither covered nor updated: matching − covered − updated.
    pub fn unscheduled(&self, state: WaveState) -> WordSet {
        let mut unscheduled = self.matching.clone();
        unscheduled.subtract(&self.covered_in(state));
        unscheduled.subtract(&self.updated);
        unscheduled
    }
}

/// Whether one device is in a wave, and what decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The device.
    pub ordinal: Ordinal,
    /// Why it does not match: it is a test device, or on another tag. Such a device is neither covered nor updated.
    pub mismatch: Option<Reason>,
    /// Its group, if it has one.
    pub group: Option<String>,
    /// The target version that it reports, if known.
    pub target_version: Option<u32>,
    /// Whether a sampled or listed rollout has chosen it, even if it does not match now.
    pub staged: bool,
    /// Whether its group was rolled out whole.
    pub whole_group: bool,
    /// Whether it matches, and is staged or in a whole group.
    pub covered: bool,
    /// Whether it matches and is at the wave's version or above.
    pub updated: bool,
    /// Whether it matches, and the wave has no target for its hardware.
    pub unsupported: bool,
    /// Its hardware id, if known.
    pub hardware_id: Option<String>,
    /// Whether the wave still has to update it.
    pub scheduled: bool,
}

impl Wave {
    /// The sets of the wave.
    ///
    /// Cost: a few passes over one bit per device, and one over the staged set.
    pub fn sets(&self, fleet: &Fleet) -> WaveSets {
        let mut candidates = Resolved::new(self.eligible(fleet)).candidates(fleet);
        let matching = candidates.matching();
        candidates.updated = fleet.updated_to(self.target_version);
        let older = candidates.candidates();
        candidates.updated = Vec::new();
        candidates.excluded = vec![Excluded::Covered(self.coverage(fleet))];
        let outside = candidates.candidates();
        let without = |others: &WordSet| {
            let mut rest = matching.clone();
            rest.subtract(others);
            rest
        };
        let unsupported = match self.unsupported(fleet) {
            Some(set) => {
                candidates.excluded = vec![Excluded::Positions(set)];
                without(&candidates.candidates())
            }
            None => WordSet::none(fleet.rows()),
        };
        WaveSets { updated: without(&older), covered: without(&outside), unsupported, matching }
    }

    /// Whether a device is in the wave, and what decides it; none for a device that the fleet does not have.
    pub fn membership(&self, fleet: &Fleet, uuid: &Uuid, state: WaveState) -> Option<Membership> {
        let position = fleet.position_of(uuid)?;
        let ordinal = fleet.layout().ordinal(position);
        let mismatch = self.eligible(fleet).mismatch(position);
        let target_version = fleet.target_version(ordinal);
        let coverage = self.coverage(fleet);
        let matches = mismatch.is_none();
        let covered = matches && coverage.contains(fleet, ordinal);
        let updated = matches && target_version.is_some_and(|version| version >= self.target_version);
        let hardware_id = fleet.hardware_of(ordinal);
        let unsupported = matches && hardware_id.is_some_and(|id| !self.supports(id));
        let counts_as_covered = match state {
            WaveState::Active => covered,
            WaveState::Complete => matches,
            WaveState::Canceled => false,
        };
        Some(Membership {
            ordinal,
            mismatch,
            group: fleet.group_of(ordinal).map(String::from),
            target_version,
            staged: self.staged.contains(ordinal),
            whole_group: coverage.is_in_whole_group(fleet, ordinal),
            covered,
            updated,
            unsupported,
            hardware_id: hardware_id.map(String::from),
            scheduled: counts_as_covered && !updated && !unsupported,
        })
    }

    /// Whether the wave has a target for hardware of this id.
    fn supports(&self, hardware_id: &str) -> bool {
        self.supported_hardware.as_ref().is_none_or(|supported| supported.contains(hardware_id))
    }

    /// The devices, matching or not, whose hardware id has no target in the wave; `None` if there are none.
    pub(crate) fn unsupported(&self, fleet: &Fleet) -> Option<FleetSet> {
        fleet.with_other_hardware_than(self.supported_hardware.as_ref()?)
    }

    /// The hardware ids of these devices that have no target in the wave, each with its number of devices; the most
    /// frequent first, then by id.
    pub fn hardware_without_target<'a>(
        &self,
        fleet: &'a Fleet,
        ordinals: impl IntoIterator<Item = Ordinal>,
    ) -> Vec<(&'a str, u64)> {
        let mut found = fleet.hardware_counts(ordinals);
        found.retain(|(id, _)| !self.supports(id));
        found.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
        found
    }

    /// The matching devices: production ∩ tag.
    pub(crate) fn eligible<'a>(&self, fleet: &'a Fleet) -> Eligible<'a> {
        Eligible { production: Some(fleet.production_set()), tag: Some(fleet.with_tag(&self.tag)), group: None }
    }

    /// A whole group that the fleet does not know has no devices, and covers none.
    pub(crate) fn coverage<'a>(&'a self, fleet: &'a Fleet) -> Coverage<'a> {
        let groups = self.whole_groups.iter().filter_map(|name| fleet.groups().find(name)).collect();
        Coverage::new(&self.staged, groups)
    }
}
