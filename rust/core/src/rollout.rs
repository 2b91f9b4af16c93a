//! A rollout: one act that widens a wave to more devices, and the devices that it takes in.
//!
//! | group | list | limit | whole group | means |
//! | --- | --- | --- | --- | --- |
//! | yes | – | – | yes | **whole**: all devices of the group, those that join it later, too |
//! | yes / – | – | yes | – | **sample** of the candidates |
//! | yes / – | yes | – | – | **listed**: exactly these devices, each checked |
//! | yes / – | yes | yes | – | **sample within the list** |
//!
//! Anything else is refused: what is left out, empty or 0 never comes to mean more devices.
//!
//! - candidates = matching ∩ group? ∩ listed? − covered − updated
//! - a sample takes in the candidates with the smallest clocks; a list its devices − covered, updated ones among them;
//!   a whole group its matching devices − covered

use crate::device_set::DeviceSet;
use crate::effort::Effort;
use crate::error::CoreError;
use crate::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::layout::Position;
use crate::recency::Recency;
use crate::sample::{SeedKey, count, sample};
use crate::selector::{Eligible, Limit, Offender, OnMismatch, Resolved, find_group};
use crate::terms::Excluded;
use crate::wave::Wave;

/// What a rollout asks for.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// Only devices of this group.
    pub group: Option<String>,
    /// Only these devices, each of them checked.
    pub listed: Option<Vec<Uuid>>,
    /// At most so many; [`Limit::All`] where none was given.
    pub limit: Limit,
    /// The group as a whole, now and later.
    pub whole_group: bool,
    /// What to do about offenders.
    pub on_mismatch: OnMismatch,
    /// The seed of a sample.
    pub seed: u64,
    /// The instant and the settings of a sample.
    pub recency: Recency,
    /// The means by which a sample is worked out.
    pub effort: Effort,
}

/// The four things that a rollout can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A standing rule: the devices of a group, now and later.
    Whole,
    /// A sample of the candidates.
    Sample,
    /// Exactly the listed devices.
    Listed,
    /// A sample of the listed candidates.
    SampleWithinList,
}

impl Kind {
    fn is_sample(self) -> bool {
        matches!(self, Self::Sample | Self::SampleWithinList)
    }

    /// The kind as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Whole => "whole-group",
            Self::Sample => "sample",
            Self::Listed => "listed",
            Self::SampleWithinList => "sample-within-list",
        }
    }
}

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
    /// A part of the devices that are online, and none is.
    NoneOnline,
    /// Some, but fewer candidates than the limit.
    FewerCandidates,
}

impl Shortage {
    /// The reason as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::NoneMatch => "none-match",
            Self::AllUpdated => "all-updated",
            Self::AllCovered => "all-covered",
            Self::AllUpdatedOrCovered => "all-updated-or-covered",
            Self::NoneOnline => "none-online",
            Self::FewerCandidates => "fewer-candidates",
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
    /// How many of them are to be updated: all but listed devices and members of a whole group that are updated already.
    pub newly_scheduled: u64,
    /// How many devices it asks for: what the limit comes to, or all listed devices that match, or the whole group.
    pub wanted: u64,
    /// The number of matching devices: matching ∩ group? ∩ listed?.
    pub matching: u64,
    /// The matching devices that are updated.
    pub updated: u64,
    /// The matching devices that are covered and not updated.
    pub covered: u64,
    /// The number of candidates: matching − updated − covered.
    pub candidates: u64,
    /// The matching devices that were seen within the online threshold, if the limit is a part of them.
    pub online: Option<u64>,
    /// Listed devices that are covered or updated already.
    pub already: DeviceSet,
    /// Offenders that were skipped, in list order.
    pub skipped: Vec<Offender>,
    /// Whether the group has been rolled out whole before: there is nothing to do.
    pub repeated: bool,
}

/// What has become of the devices of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanCheck {
    /// The devices that match still, in the order of the plan.
    pub ordinals: Vec<Ordinal>,
    /// Those that match no longer, each with its reason.
    pub offenders: Vec<Offender>,
    /// Devices that match and that the wave covers by now.
    pub covered: u64,
}

impl Rollout {
    /// What the rollout is.
    ///
    /// # Errors
    /// [`CoreError::EmptyList`], [`CoreError::ZeroLimit`], [`CoreError::BadPercentage`];
    /// [`CoreError::NothingAsked`], [`CoreError::WholeGroupUnsaid`], [`CoreError::BadWholeGroup`].
    pub fn kind(&self) -> Result<Kind, CoreError> {
        if self.listed.as_ref().is_some_and(Vec::is_empty) {
            return Err(CoreError::EmptyList { what: "of devices" });
        }
        self.limit.check()?;
        let limited = self.limit != Limit::All;
        match (&self.group, self.listed.is_some(), limited) {
            (None, _, _) if self.whole_group => Err(CoreError::BadWholeGroup { with: None }),
            (Some(_), true, _) if self.whole_group => Err(CoreError::BadWholeGroup { with: Some("a list of devices") }),
            (Some(_), _, true) if self.whole_group => Err(CoreError::BadWholeGroup { with: Some("a limit") }),
            (None, false, false) => Err(CoreError::NothingAsked),
            (Some(_), false, false) if self.whole_group => Ok(Kind::Whole),
            (Some(group), false, false) => Err(CoreError::WholeGroupUnsaid { group: group.clone() }),
            (_, false, true) => Ok(Kind::Sample),
            (_, true, false) => Ok(Kind::Listed),
            (_, true, true) => Ok(Kind::SampleWithinList),
        }
    }
}

impl Wave {
    /// Works a rollout out. Costs what a selection costs, and a pass over the staged set.
    ///
    /// # Errors
    /// Those of [`Rollout::kind`]; [`CoreError::UnknownGroup`]; [`CoreError::MismatchedDevices`] for offenders, unless
    /// they are to be skipped.
    pub fn stage(&self, fleet: &Fleet, rollout: &Rollout) -> Result<Staging, CoreError> {
        let kind = rollout.kind()?;
        let group = rollout.group.as_deref();
        let mut asked = self.ask(fleet, group)?;
        if let Some(listed) = &rollout.listed {
            asked.restrict_to(fleet, listed, rollout.on_mismatch)?;
        }
        let listed = asked.listed.clone();
        let mut terms = asked.terms(fleet);
        let ordinal = |position: Position| fleet.layout().ordinal(position);
        let limit = rollout.limit;
        let (ordinals, counts, wanted) = match kind {
            Kind::Sample | Kind::SampleWithinList => {
                let seed = SeedKey::new(rollout.seed);
                let drawn = sample(fleet, &mut terms, limit, &seed, &rollout.recency, &rollout.effort);
                (drawn.ordinals, drawn.counts.expect("no set was put off"), drawn.wanted)
            }
            Kind::Whole | Kind::Listed => {
                let counts = count(fleet, &terms, &rollout.recency, &rollout.effort);
                let coverage = self.coverage(fleet);
                let mut taken: Vec<Ordinal> = Vec::new();
                if let Some(listed) = &listed {
                    taken.extend(listed.iter().map(|&p| ordinal(p)).filter(|&o| !coverage.contains(fleet, o)));
                } else {
                    terms.for_each_matching_but(&coverage, |position| taken.push(ordinal(position)));
                }
                (taken, counts, counts.matching)
            }
        };
        let candidates = listed.as_ref().map(|_| terms.candidates());
        drop(terms);
        let already: Vec<Ordinal> = listed
            .into_iter()
            .flatten()
            .filter(|&position| candidates.as_ref().is_some_and(|candidates| !candidates.contains(position)))
            .map(ordinal)
            .collect();
        let scope = asked.scope(&counts, limit);
        Ok(Staging {
            kind,
            // A sample takes candidates; the others take, besides, devices that are updated already.
            newly_scheduled: if kind.is_sample() { ordinals.len() as u64 } else { scope.remaining },
            wanted,
            matching: scope.matching,
            updated: scope.updated,
            covered: scope.excluded,
            candidates: scope.remaining,
            online: scope.online,
            already: DeviceSet::from_ordinals(&already),
            skipped: scope.skipped,
            repeated: kind == Kind::Whole && self.whole_groups.iter().any(|whole| Some(whole.as_str()) == group),
            group: rollout.group.clone(),
            ordinals,
        })
    }

    /// The devices that a sample could take: matching ∩ group? ∩ listed? − covered − updated.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`], [`CoreError::EmptyList`]; offenders are left out.
    pub fn candidates(
        &self,
        fleet: &Fleet,
        group: Option<&str>,
        listed: Option<&[Uuid]>,
    ) -> Result<DeviceSet, CoreError> {
        let mut asked = self.ask(fleet, group)?;
        if let Some(listed) = listed {
            asked.restrict_to(fleet, listed, OnMismatch::Skip)?;
        }
        Ok(fleet.device_set(&asked.terms(fleet).candidates()))
    }

    /// Checks the devices of a plan, and of its group if it names one: which of them match no longer.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`].
    pub fn check_plan(&self, fleet: &Fleet, group: Option<&str>, planned: &[Uuid]) -> Result<PlanCheck, CoreError> {
        let (positions, offenders) = self.ask(fleet, group)?.eligible.check(fleet, planned);
        let ordinals: Vec<Ordinal> = positions.iter().map(|&position| fleet.layout().ordinal(position)).collect();
        let coverage = self.coverage(fleet);
        let covered = ordinals.iter().filter(|&&ordinal| coverage.contains(fleet, ordinal)).count() as u64;
        Ok(PlanCheck { ordinals, offenders, covered })
    }

    /// The wave once a rollout has been applied.
    pub fn after(&self, staging: &Staging) -> Self {
        let mut wave = self.clone();
        match (staging.kind, &staging.group) {
            (Kind::Whole, Some(group)) if !staging.repeated => wave.whole_groups.push(group.clone()),
            (Kind::Whole, _) => {}
            _ => wave.staged = &wave.staged | &staging.set(),
        }
        wave
    }

    fn ask<'a>(&'a self, fleet: &'a Fleet, group: Option<&str>) -> Result<Resolved<'a>, CoreError> {
        let group = group.map(|name| find_group(fleet, name)).transpose()?;
        let mut asked = Resolved::new(Eligible { group, ..self.eligible(fleet) });
        asked.updated = fleet.updated_to(self.target_version);
        asked.excluded = vec![Excluded::Covered(self.coverage(fleet))];
        Ok(asked)
    }
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
            return (sampled && found < self.wanted).then_some(Shortage::FewerCandidates);
        }
        Some(if self.matching == 0 {
            Shortage::NoneMatch
        } else if !sampled || self.covered == self.matching {
            Shortage::AllCovered
        } else if self.updated == self.matching {
            Shortage::AllUpdated
        } else if self.candidates == 0 {
            Shortage::AllUpdatedOrCovered
        } else {
            Shortage::NoneOnline
        })
    }
}
