//! Which devices match, and which of them a step takes: by the selection code of the product.

use std::sync::Arc;

use crate::decide::fit::GONE;
use crate::decide::simulate::plan::DrawKind;
use crate::decide::simulate::prepared::{PreparedPlan, selector};
use crate::decide::simulate::simulation::Simulation;
use crate::decide::simulate::world::{self, Clock};
use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::ids::Ordinal;
use crate::machine::effort::Effort;
use crate::sampling::recency::Recency;
use crate::select::limit::{Denominator, Limit};
use crate::select::selection::Selection;
use crate::select::selector::Selector;
use crate::sets::device_set::DeviceSet;
use crate::sets::layout::Position;
use crate::sets::portable_set::PortableSet;

/// The devices of a step at an instant of a run.
pub(super) struct Step<'a> {
    pub(super) simulation: &'a Simulation,
    pub(super) plan: &'a PreparedPlan,
    pub(super) number: usize,
    pub(super) run_key: u64,
    /// Seconds since the start.
    pub(super) at: u64,
    /// By position: the devices of the run.
    pub(super) devices: &'a [WorldDevice],
    /// By position: covered or updated.
    pub(super) taken: &'a [bool],
    /// The covered devices.
    pub(super) covered: &'a [Ordinal],
    pub(super) effort: Effort,
}

/// What a step takes.
pub(super) struct Taken {
    pub(super) positions: Vec<Position>,
    /// The step is a sample, and leaves candidates.
    pub(super) is_partial_sample: bool,
    /// By position: when each candidate was last seen, in seconds since 1970; empty for the fleet's own column.
    pub(super) last_seen: Vec<u32>,
}

impl Step<'_> {
    /// The candidates: matching ∩ group? ∩ listed? − covered − updated.
    pub(super) fn candidates(&self) -> Vec<Position> {
        let free = |&position: &Position| !self.taken[position as usize];
        match &self.plan.members[self.number] {
            Some(members) => members.iter().copied().filter(free).collect(),
            None => {
                let matching = &self.simulation.matching;
                let all = (0..self.taken.len() as Position).filter(|&position| matching[position as usize]);
                all.filter(free).collect()
            }
        }
    }

    /// Takes the devices of the step.
    ///
    /// Cost: a pass over the candidates; for a sample that leaves some, their check-ins and a selection.
    pub(super) fn take(&self, candidates: Vec<Position>) -> Result<Taken, CoreError> {
        let step = &self.plan.plan.steps[self.number];
        let Some(wanted) = self.wanted(candidates.len() as u64) else {
            return Ok(Taken { positions: candidates, is_partial_sample: false, last_seen: Vec::new() });
        };
        if wanted == 0 || wanted >= candidates.len() as u64 {
            let positions = if wanted == 0 { Vec::new() } else { candidates };
            return Ok(Taken { positions, is_partial_sample: false, last_seen: Vec::new() });
        }
        let (simulation, settings) = (self.simulation, &self.simulation.settings);
        let fleet = &simulation.fleet;
        let now = settings.now + self.at as i64;
        let recency = Recency::new(now, settings.online_threshold, settings.half_life)?;
        let last_seen = if self.at == 0 { Vec::new() } else { self.last_seen(&candidates) };
        let moment = match step.draw {
            // The fleet as it was read.
            DrawKind::Active if self.at == 0 => None,
            DrawKind::Active => Some(last_seen.clone()),
            // The same last-seen instant for all devices means equal weights.
            DrawKind::Even => Some(vec![now.clamp(1, i64::from(u32::MAX)) as u32; fleet.rows()]),
        };
        let moment =
            moment.map(|seen| Fleet::from_registry(Arc::clone(fleet.registry()), seen, vec![-1; fleet.rows()]));
        let excluded: DeviceSet = DeviceSet::from_ordinals(self.covered);
        let selector = Selector {
            // An empty set to exclude is an error of the selection.
            excluded_set: (!excluded.is_empty()).then(|| PortableSet::from(&excluded)),
            ..selector(simulation, step)
        };
        let seed = world::step_seed(self.run_key, self.number as u32);
        let of = moment.as_ref().unwrap_or(fleet);
        let picked = Selection::new(of, selector, Limit::Count(wanted), seed, recency, self.effort)?.ordinals;
        // In ascending order, because the caller reads columns by position.
        let mut is_picked = vec![false; fleet.rows()];
        for ordinal in picked {
            is_picked[fleet.layout().position(ordinal) as usize] = true;
        }
        let mut positions = candidates;
        positions.retain(|&position| is_picked[position as usize]);
        Ok(Taken { positions, is_partial_sample: true, last_seen })
    }

    /// How many devices the step wants; `None` for a whole group or a list.
    fn wanted(&self, candidates: u64) -> Option<u64> {
        let step = &self.plan.plan.steps[self.number];
        let matching = self.plan.matching(self.simulation, self.number);
        let of_matching = |limit| match limit {
            Limit::All => u64::MAX,
            Limit::Count(count) => count,
            Limit::Percent(thousandths, Denominator::Remaining) => part(candidates, thousandths),
            Limit::Percent(thousandths, _) => part(matching, thousandths),
        };
        match (step.goal, step.limit) {
            (Some(goal), _) => Some(of_matching(goal).saturating_sub(matching - candidates)),
            (None, Some(limit)) => Some(of_matching(limit)),
            (None, None) => None,
        }
    }

    /// By position: when the candidates were last seen.
    fn last_seen(&self, candidates: &[Position]) -> Vec<u32> {
        let simulation = self.simulation;
        let mut seen = simulation.fleet.last_seen.clone();
        for &position in candidates {
            if let Some((_, clock, _)) = self.devices[position as usize].parts()
                && let Some(at) = clock.last_until(self.at)
            {
                seen[position as usize] = (simulation.settings.now + at as i64).clamp(1, i64::from(u32::MAX)) as u32;
            }
        }
        seen
    }
}

/// ⌈p · devices⌉.
fn part(devices: u64, thousandths: u32) -> u64 {
    (devices * u64::from(thousandths)).div_ceil(100_000)
}

/// A device in one run: its key, and the index of its rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorldDevice {
    key: u64,
    rate: u8,
}

impl WorldDevice {
    /// The key, the clock and the index of the rate; `None` if the device is gone.
    #[inline(always)]
    pub(super) fn parts(self) -> Option<(u64, Clock, usize)> {
        let rate = usize::from(self.rate);
        (self.rate != GONE).then(|| (self.key, Clock::new(self.key, rate), rate))
    }
}

/// Draws the devices of a run, by position. Cached, because each step looks at all candidates.
pub(super) fn draw_devices(simulation: &Simulation, run_key: u64, devices: &mut Vec<WorldDevice>) {
    let identities = simulation.fleet.uuids().identity();
    devices.clear();
    devices.extend(simulation.bins.iter().enumerate().map(|(position, &bin)| {
        if bin == GONE {
            return WorldDevice { key: 0, rate: GONE };
        }
        let key = world::device_key(run_key, identities.get(position));
        WorldDevice { key, rate: world::rate(key, &simulation.habits.cumulative[usize::from(bin)]) as u8 }
    }));
}
