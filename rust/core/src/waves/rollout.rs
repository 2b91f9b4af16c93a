//! Computes rollouts: the devices that a [`RolloutRequest`] stages, and what it changes in a wave.
//!
//! - candidates = matching ∩ group? ∩ listed? − covered − updated − unsupported
//! - covered devices are never staged again

use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::offender::Offender;
use crate::sampling::clocks::SeedKey;
use crate::select::breakdown::{Breakdown, Counter};
use crate::select::candidates::{CandidateCounts, Candidates, Excluded};
use crate::select::limit::{Denominator, Limit};
use crate::select::sample::{Sample, count, sample};
use crate::select::selector::{Eligible, OnMismatch, Resolved, find_group};
use crate::sets::device_set::DeviceSet;
use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::Position;
use crate::waves::request::{Kind, RolloutRequest};
use crate::waves::staging::Staging;
use crate::waves::wave::Wave;

/// Which devices of a plan still match.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanCheck {
    /// The devices that still match, in the order of the plan.
    pub ordinals: Vec<Ordinal>,
    /// The devices that no longer match, each with its reason.
    pub offenders: Vec<Offender>,
    /// How many of the matching devices the wave covers already.
    pub covered: u64,
}

impl Wave {
    /// Computes a rollout without applying it.
    ///
    /// Cost: that of a selection, and a pass over the staged set.
    ///
    /// # Errors
    /// Those of [`RolloutRequest::kind`]; [`CoreError::UnknownGroup`]; [`CoreError::MismatchedDevices`] for offenders,
    /// unless the request skips them.
    ///
    /// # Examples
    /// ```
    /// # use groundswell_core::FleetColumns;
    /// use groundswell_core::{CoreError, Effort, Fleet, Limit, OnMismatch, Recency, RolloutRequest, Wave};
    ///
    /// # let n = 10;
    /// # let columns = FleetColumns {
    /// #     uuids: (0..n).map(|i| [i as u8; 16]).collect(),
    /// #     last_seen: vec![1_795_000_000; n],
    /// #     groups: vec![-1; n],
    /// #     tags: vec![0; n],
    /// #     tag_names: vec!["stable".to_owned()],
    /// #     production: vec![true; n],
    /// #     target_versions: vec![41; n],
    /// #     ..FleetColumns::default()
    /// # };
    /// let fleet = Fleet::new(columns)?; // 10 production devices on tag `stable`, at version 41
    /// let wave = Wave { target_version: 42, tag: "stable".to_owned(), ..Wave::default() };
    /// let request = RolloutRequest {
    ///     group: None,
    ///     listed: None,
    ///     limit: Limit::Count(4),
    ///     goal: None,
    ///     online_only: false,
    ///     whole_group: false,
    ///     on_mismatch: OnMismatch::Refuse,
    ///     seed: 7,
    ///     recency: Recency::new(1_795_000_000, 4 * 3600, 24 * 3600)?,
    ///     effort: Effort::default(),
    /// };
    /// let staging = wave.stage(&fleet, &request)?;
    /// let after = wave.after(&staging);
    /// assert_eq!((staging.candidates, staging.ordinals.len(), after.staged.len()), (10, 4, 4));
    /// assert_eq!(after.stage(&fleet, &request)?.candidates, 6, "no device is chosen twice");
    /// # Ok::<(), CoreError>(())
    /// ```
    pub fn stage(&self, fleet: &Fleet, rollout: &RolloutRequest) -> Result<Staging, CoreError> {
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
        // A listed device is a candidate, an offender, or already covered or updated.
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
            // A sample stages only candidates; other kinds also stage updated and unsupported devices.
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

    /// The devices that a sample can pick: matching ∩ group? ∩ listed? − covered − updated − unsupported.
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

    /// Counts picked devices by recency band, group and hardware id, next to the candidates.
    ///
    /// Cost: a pass over the candidates.
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

    /// Checks which devices of a plan still match, and are still in its group if it names one.
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

    /// The wave after a rollout was applied.
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

    /// Resolves the matching, updated and covered devices. Does not exclude unsupported ones.
    fn ask<'a>(&'a self, fleet: &'a Fleet, group: Option<&str>) -> Result<Resolved<'a>, CoreError> {
        let group = group.map(|name| find_group(fleet, name)).transpose()?;
        let mut asked = Resolved::new(Eligible { group, ..self.eligible(fleet) });
        asked.updated = fleet.updated_to(self.target_version);
        asked.excluded = vec![Excluded::Covered(self.coverage(fleet))];
        Ok(asked)
    }
}

/// The counts of a rollout.
struct Found {
    /// Counts with only covered devices excluded.
    reached: CandidateCounts,
    /// Counts with unsupported devices excluded as well: `remaining` are the candidates.
    counts: CandidateCounts,
    wanted: u64,
    goal: Option<u64>,
    online_candidates: Option<u64>,
}

/// Draws the sample of a rollout. `candidates` excludes covered devices,
/// `no_target` unsupported ones.
fn draw<'a>(
    fleet: &Fleet,
    candidates: &mut Candidates<'a>,
    rollout: &RolloutRequest,
    no_target: Option<Excluded<'a>>,
) -> (Vec<Ordinal>, Found) {
    let RolloutRequest { limit, goal, online_only, recency, effort, .. } = rollout;
    let seed = SeedKey::new(rollout.seed);
    if no_target.is_none() && goal.is_none() && !online_only {
        let Sample { ordinals, counts, wanted } = sample(fleet, candidates, *limit, &seed, recency, effort);
        let counts = counts.expect("no set was deferred");
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

/// A goal in percent is always one of the matching devices.
fn of_matching(goal: Limit) -> Limit {
    match goal {
        Limit::Percent(thousandths, _) => Limit::Percent(thousandths, Denominator::Matching),
        other => other,
    }
}
