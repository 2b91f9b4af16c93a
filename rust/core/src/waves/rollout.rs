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
//! - candidates = matching ∩ group? ∩ listed? − covered − updated − unsupported
//! - a sample takes in the candidates with the smallest clocks; a list its devices − covered, updated ones among them;
//!   a whole group its matching devices − covered
//! - a goal instead of a limit: a sample of as many candidates as are missing until that many of matching ∩ group? are
//!   covered or updated

use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::machine::effort::Effort;
use crate::offender::Offender;
use crate::sampling::clocks::SeedKey;
use crate::sampling::recency::Recency;
use crate::select::breakdown::{Breakdown, Counter};
use crate::select::candidates::{CandidateCounts, Candidates, Excluded};
use crate::select::limit::{Denominator, Limit};
use crate::select::sample::{Sample, count, sample};
use crate::select::selector::{Eligible, OnMismatch, Resolved, find_group};
use crate::sets::device_set::DeviceSet;
use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::Position;
use crate::waves::wave::Wave;

/// What a rollout asks for.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// Only devices of this group.
    pub group: Option<String>,
    /// Only these devices, each of them checked.
    pub listed: Option<Vec<Uuid>>,
    /// At most so many; [`Limit::All`] where none was given.
    pub limit: Limit,
    /// Instead of a limit: how many of matching ∩ group? are to be covered or updated afterwards. A count, or a
    /// percentage of them, whatever its denominator.
    pub goal: Option<Limit>,
    /// No devices beyond the online threshold; for samples only.
    pub online_only: bool,
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
    /// [`CoreError::NothingAsked`], [`CoreError::WholeGroupUnsaid`], [`CoreError::BadWholeGroup`];
    /// [`CoreError::BadGoal`], [`CoreError::OnlineOnlyWithoutSample`].
    pub fn kind(&self) -> Result<Kind, CoreError> {
        if self.listed.as_ref().is_some_and(Vec::is_empty) {
            return Err(CoreError::EmptyList { what: "of devices" });
        }
        self.limit.check()?;
        let limited = self.limit != Limit::All;
        if let Some(goal) = self.goal {
            return self.kind_with_goal(goal);
        }
        let kind = self.kind_without_goal(limited)?;
        if self.online_only && !kind.is_sample() {
            return Err(CoreError::OnlineOnlyWithoutSample);
        }
        Ok(kind)
    }

    fn kind_with_goal(&self, goal: Limit) -> Result<Kind, CoreError> {
        if self.limit != Limit::All {
            return Err(CoreError::BadGoal { with: "a limit" });
        }
        if self.listed.is_some() {
            return Err(CoreError::BadGoal { with: "a list of devices" });
        }
        if self.whole_group {
            return Err(CoreError::BadWholeGroup { with: Some("a goal") });
        }
        match goal {
            Limit::All => Err(CoreError::ZeroLimit),
            goal => goal.check().map(|()| Kind::Sample),
        }
    }

    fn kind_without_goal(&self, limited: bool) -> Result<Kind, CoreError> {
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
        let (coverage, unsupported) = (self.coverage(fleet), self.unsupported(fleet));
        let ordinal = |position: Position| fleet.layout().ordinal(position);
        // Unsupported devices that are covered or updated already are not offenders.
        let updated = fleet.updated_to(self.target_version);
        let out_of_reach = |position: Position| {
            unsupported.as_ref().is_some_and(|set| set.contains(position))
                && !updated.iter().any(|version| version.contains(position))
                && !coverage.contains(fleet, ordinal(position))
        };
        if let Some(listed) = &rollout.listed {
            asked.restrict_to(fleet, listed, rollout.on_mismatch, out_of_reach)?;
        }
        let listed = asked.listed.clone();
        let mut candidates = asked.candidates(fleet);
        let no_target = unsupported.clone().map(Excluded::Positions);
        let (ordinals, found) = if kind.is_sample() {
            let (drawn, found) = draw(fleet, &mut candidates, rollout, no_target);
            (drawn, found)
        } else {
            let reached = count(fleet, &candidates, false, &rollout.recency, &rollout.effort);
            candidates.excluded.extend(no_target);
            let counts = match unsupported {
                Some(_) => count(fleet, &candidates, false, &rollout.recency, &rollout.effort),
                None => reached,
            };
            let mut taken: Vec<Ordinal> = Vec::new();
            let mut wanted = counts.matching;
            if let Some(listed) = &listed {
                let allowed = listed.iter().copied().filter(|&position| !out_of_reach(position));
                taken.extend(allowed.map(ordinal).filter(|&device| !coverage.contains(fleet, device)));
                wanted -= reached.remaining - counts.remaining;
            } else {
                candidates.for_each_uncovered(&coverage, |position| taken.push(ordinal(position)));
            }
            (taken, Found { reached, counts, wanted, goal: None, online_candidates: None })
        };
        // What is left of the list are the candidates, the offenders, and those that are in the wave or updated already.
        let remaining = listed.as_ref().map(|_| {
            candidates.excluded.retain(|excluded| !matches!(excluded, Excluded::Offline(_)));
            candidates.candidates()
        });
        drop(candidates);
        let already: Vec<Ordinal> = listed
            .into_iter()
            .flatten()
            .filter(|&position| remaining.as_ref().is_some_and(|remaining| !remaining.contains(position)))
            .filter(|&position| !out_of_reach(position))
            .map(ordinal)
            .collect();
        let Found { reached, counts, wanted, goal, online_candidates } = found;
        Ok(Staging {
            kind,
            // A sample takes candidates; the others take, besides, devices that are updated already or unsupported.
            newly_scheduled: if kind.is_sample() { ordinals.len() as u64 } else { counts.remaining },
            wanted,
            goal,
            matching: counts.matching,
            updated: counts.matching - counts.not_updated,
            covered: reached.not_updated - reached.remaining,
            unsupported: reached.remaining - counts.remaining,
            candidates: counts.remaining,
            online_candidates,
            online: rollout.limit.counts_online().then_some(counts.online),
            already: DeviceSet::from_ordinals(&already),
            skipped: asked.skipped,
            repeated: kind == Kind::Whole && self.whole_groups.iter().any(|whole| Some(whole.as_str()) == group),
            group: rollout.group.clone(),
            ordinals,
        })
    }

    /// The devices that a sample could take: matching ∩ group? ∩ listed? − covered − updated − unsupported.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`], [`CoreError::EmptyList`]; offenders are left out.
    pub fn candidates(
        &self,
        fleet: &Fleet,
        group: Option<&str>,
        listed: Option<&[Uuid]>,
    ) -> Result<DeviceSet, CoreError> {
        Ok(fleet.device_set(&self.ask_for_candidates(fleet, group, listed)?.candidates(fleet).candidates()))
    }

    /// Devices of a rollout by recency band, group and hardware, next to the candidates that it had.
    ///
    /// Costs a pass over the candidates.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`], [`CoreError::EmptyList`].
    pub fn breakdown(
        &self,
        fleet: &Fleet,
        picked: &[Ordinal],
        group: Option<&str>,
        listed: Option<&[Uuid]>,
        now: i64,
    ) -> Result<Breakdown, CoreError> {
        let mut asked = self.ask_for_candidates(fleet, group, listed)?;
        let mut counter = Counter::new(fleet, now);
        counter.count_picked(picked);
        asked.candidates(fleet).for_each_candidate(|position| counter.count_candidate(position));
        Ok(counter.finish())
    }

    /// Checks the devices of a plan, and of its group if it names one: which of them match no longer.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`].
    pub fn check_plan(&self, fleet: &Fleet, group: Option<&str>, planned: &[Uuid]) -> Result<PlanCheck, CoreError> {
        let (positions, offenders) = self.ask(fleet, group)?.eligible.check(fleet, planned, |_| false);
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

    fn ask_for_candidates<'a>(
        &'a self,
        fleet: &'a Fleet,
        group: Option<&str>,
        listed: Option<&[Uuid]>,
    ) -> Result<Resolved<'a>, CoreError> {
        let mut asked = self.ask(fleet, group)?;
        if let Some(listed) = listed {
            asked.restrict_to(fleet, listed, OnMismatch::Skip, |_| false)?;
        }
        asked.excluded.extend(self.unsupported(fleet).map(Excluded::Positions));
        Ok(asked)
    }

    /// What matches, what is updated and what is covered; unsupported devices are not excluded yet.
    fn ask<'a>(&'a self, fleet: &'a Fleet, group: Option<&str>) -> Result<Resolved<'a>, CoreError> {
        let group = group.map(|name| find_group(fleet, name)).transpose()?;
        let mut asked = Resolved::new(Eligible { group, ..self.eligible(fleet) });
        asked.updated = fleet.updated_to(self.target_version);
        asked.excluded = vec![Excluded::Covered(self.coverage(fleet))];
        Ok(asked)
    }
}

/// What was counted for a rollout.
struct Found {
    /// Where only covered devices are excluded.
    reached: CandidateCounts,
    /// Where unsupported devices are excluded, too: what remains are the candidates.
    counts: CandidateCounts,
    wanted: u64,
    goal: Option<u64>,
    online_candidates: Option<u64>,
}

/// Draws the sample of a rollout. `terms` exclude covered devices; `no_target` excludes unsupported ones, too.
fn draw<'a>(
    fleet: &Fleet,
    candidates: &mut Candidates<'a>,
    rollout: &Rollout,
    no_target: Option<Excluded<'a>>,
) -> (Vec<Ordinal>, Found) {
    let Rollout { limit, goal, online_only, recency, effort, .. } = rollout;
    let seed = SeedKey::new(rollout.seed);
    if no_target.is_none() && goal.is_none() && !online_only {
        let Sample { ordinals, counts, wanted } = sample(fleet, candidates, *limit, &seed, recency, effort);
        let counts = counts.expect("no set was put off");
        return (ordinals, Found { reached: counts, counts, wanted, goal: None, online_candidates: None });
    }
    let reached = count(fleet, candidates, limit.counts_online(), recency, effort);
    let is_plain = no_target.is_none();
    candidates.excluded.extend(no_target);
    let counts = if is_plain { reached } else { count(fleet, candidates, limit.counts_online(), recency, effort) };
    let goal = goal.map(|goal| of_matching(goal).resolve(&reached));
    let wanted = match goal {
        Some(goal) => goal.saturating_sub(reached.matching - reached.remaining),
        None => limit.resolve(&counts),
    };
    let mut found = Found { reached, counts, wanted, goal, online_candidates: None };
    if *online_only {
        let offline = fleet.last_seen.iter().map(|&seen| !recency.is_online(seen));
        candidates.excluded.push(Excluded::Offline(FleetSet::from_column(offline)));
    }
    let drawn = match wanted {
        0 => Vec::new(),
        _ => sample(fleet, candidates, Limit::Count(wanted), &seed, recency, effort).ordinals,
    };
    if *online_only {
        found.online_candidates = Some(count(fleet, candidates, false, recency, effort).remaining);
    }
    (drawn, found)
}

/// A goal is always a part of the matching devices.
fn of_matching(goal: Limit) -> Limit {
    match goal {
        Limit::Percent(thousandths, _) => Limit::Percent(thousandths, Denominator::Matching),
        other => other,
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
