//! One run of a strategy in one world, tick by tick.
//!
//! A tick does what the runner's tick does, in the same order: it reads what is new, applies the stop rules in every
//! state, checks the gate of the current step, and starts at most one step. The feed never stops, so run time is time.

use crate::decide::gate::{self, Silence};
use crate::decide::simulate::fate;
use crate::decide::simulate::order::ServedOrder;
use crate::decide::simulate::prepared::{NO_VALUE, PreparedPlan};
use crate::decide::simulate::quiet::{Comparison, NO_CELL};
use crate::decide::simulate::result::{CURVE, End, NOT_REACHED, RunResult, curve_point};
use crate::decide::simulate::scenario::Scenario;
use crate::decide::simulate::simulation::Simulation;
use crate::decide::simulate::steps::{self, Step, Taken, WorldDevice};
use crate::decide::simulate::timeline::{BadDevices, Timeline, Totals};
use crate::decide::simulate::world;
use crate::error::CoreError;
use crate::ids::Ordinal;
use crate::machine::effort::Effort;
use crate::sampling::recency::Recency;

/// What a run waits for.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting { since: u64 },
    Watching { since: u64, devices: u64 },
    Asking,
    Done,
}

/// Simulates runs of one strategy in one scenario; its buffers are reused.
pub(crate) struct Engine<'a> {
    pub(super) simulation: &'a Simulation,
    pub(super) plan: &'a PreparedPlan,
    pub(super) scenario: &'a Scenario,
    pub(super) effort: Effort,
    pub(super) run_key: u64,
    pub(super) timeline: Timeline,
    pub(super) order: ServedOrder,
    pub(super) by_value: Vec<ServedOrder>,
    pub(super) lost_order: ServedOrder,
    pub(super) failures: BadDevices,
    pub(super) losses: BadDevices,
    pub(super) devices: Vec<WorldDevice>,
    pub(super) taken: Vec<bool>,
    pub(super) covered: Vec<Ordinal>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) evidence: Silence,
    pub(super) first_quiet: u64,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(
        simulation: &'a Simulation,
        plan: &'a PreparedPlan,
        scenario: &'a Scenario,
        effort: Effort,
    ) -> Self {
        Self {
            simulation,
            plan,
            scenario,
            effort,
            run_key: 0,
            timeline: Timeline::default(),
            order: ServedOrder::default(),
            by_value: plan.values.iter().map(|_| ServedOrder::default()).collect(),
            lost_order: ServedOrder::default(),
            failures: BadDevices::default(),
            losses: BadDevices::default(),
            devices: Vec::new(),
            taken: Vec::new(),
            covered: Vec::new(),
            comparisons: Vec::new(),
            evidence: Silence::default(),
            first_quiet: fate::NEVER,
        }
    }

    fn reset(&mut self, run: u64) {
        let ticks = self.simulation.ticks();
        self.run_key = world::run_key(self.simulation.settings.seed, run);
        steps::draw_devices(self.simulation, self.run_key, &mut self.devices);
        self.timeline.reset(ticks);
        for order in [&mut self.order, &mut self.lost_order].into_iter().chain(&mut self.by_value) {
            order.reset(ticks);
        }
        self.failures.reset();
        self.losses.reset();
        self.taken.clone_from(&self.simulation.updated);
        self.covered.clear();
        self.comparisons.clear();
        self.evidence = Silence::default();
        self.first_quiet = fate::NEVER;
    }

    /// Simulates one run.
    pub(crate) fn run(&mut self, run: u64) -> Result<RunResult, CoreError> {
        self.reset(run);
        let settings = &self.simulation.settings;
        let (ticks, tick_length) = (self.simulation.ticks(), u64::from(settings.tick));
        let mut result = RunResult {
            end: End::Unfinished,
            value: None,
            ended: NOT_REACHED,
            step: 0,
            exposed: 0,
            harmed: 0,
            first_signal: NOT_REACHED,
            reached: [NOT_REACHED; 3],
            curve: vec![0; CURVE],
        };
        let mut totals = Totals::default();
        let mut state = State::Waiting { since: 0 };
        let mut next_step = 0;
        for tick in 0..=ticks {
            let now = tick as u64 * tick_length;
            totals.add(&self.timeline, tick);
            let updated = (totals.good + self.simulation.updated_count as i64) as u64;
            self.record(&mut result, tick, updated);
            if state == State::Done {
                continue;
            }
            let breach = self.breach(tick, now, &mut result);
            result.exposed = totals.served;
            result.harmed = totals.harmed;
            if let Some((end, value)) = breach {
                (result.end, result.value, result.ended) = (end, value, now as u32);
                result.freeze_curve(tick, ticks, updated as u32);
                return Ok(result);
            }
            if let State::Watching { since, devices } = state {
                let step = &self.plan.plan.steps[next_step - 1];
                if self.is_satisfied(next_step - 1, since, devices, now, &totals) {
                    state = State::Waiting { since: now };
                } else if step.deadline.is_some_and(|deadline| now - since >= u64::from(deadline)) {
                    (result.end, result.ended) = (End::Deadline, now as u32);
                    result.freeze_curve(tick, ticks, updated as u32);
                    return Ok(result);
                }
            }
            let State::Waiting { since } = state else { continue };
            if next_step == self.plan.plan.steps.len() {
                (result.end, result.ended) = (End::Finished, now as u32);
                state = if self.plan.plan.complete { State::Done } else { State::Asking };
            } else if let Some(devices) = self.start(next_step, since, now, &totals)? {
                result.step = next_step as u32;
                next_step += 1;
                if devices > 0 {
                    totals.step_served = 0;
                    totals.step_settled = 0;
                    state = State::Watching { since: now, devices };
                } else if next_step == 1 {
                    (result.end, result.ended) = (End::EmptyStep, now as u32);
                    result.freeze_curve(tick, ticks, updated as u32);
                    return Ok(result);
                } else {
                    state = State::Waiting { since: now };
                }
            }
        }
        result.exposed = totals.served;
        result.harmed = totals.harmed;
        Ok(result)
    }

    /// Notes how many devices are updated at a tick.
    fn record(&self, result: &mut RunResult, tick: usize, updated: u64) {
        let (ticks, matching) = (self.simulation.ticks(), self.simulation.matching_count);
        for (reached, percent) in result.reached.iter_mut().zip([50, 90, 99]) {
            if *reached == NOT_REACHED && updated * 100 >= matching * percent {
                *reached = (tick as u64 * u64::from(self.simulation.settings.tick)) as u32;
            }
        }
        if let Some(point) = curve_point(tick, ticks) {
            result.curve[point] = updated as u32;
        }
    }

    /// Applies the stop rules.
    fn breach(&mut self, tick: usize, now: u64, result: &mut RunResult) -> Option<(End, Option<u16>)> {
        let plan = self.plan;
        self.order.advance();
        for order in &mut self.by_value {
            order.advance();
        }
        let (mut overall, mut of_value) = (false, None);
        while let Some(bad) = self.failures.take(tick as u32) {
            let entered = bad.entered as usize;
            overall |= plan.failure.as_ref().is_some_and(|boundary| self.order.add_bad(entered, boundary));
            if let (Some(boundary), true) = (&plan.failure_by_value, bad.value != NO_VALUE)
                && self.by_value[usize::from(bad.value)].add_bad(entered, boundary)
            {
                of_value = Some(of_value.map_or(bad.value, |value: u16| value.min(bad.value)));
            }
        }
        let mut lost = false;
        if let Some(boundary) = &plan.lost {
            self.lost_order.advance();
            while let Some(bad) = self.losses.take(tick as u32) {
                lost |= self.lost_order.add_bad(bad.entered as usize, boundary);
            }
        }
        let patience = plan.plan.patience;
        for comparison in self.comparisons.iter_mut().filter(|comparison| comparison.is_tested()) {
            comparison.advance(now, patience, self.run_key, &mut self.evidence);
        }
        if result.first_signal == NOT_REACHED && (self.failures.known() > 0 || self.first_quiet <= now) {
            result.first_signal = now as u32;
        }
        let silent =
            plan.plan.silence && !self.comparisons.is_empty() && self.evidence.log() >= -libm::log(plan.silence_alpha);
        let counted = plan.plan.devices.is_some_and(|devices| self.failures.known() >= devices);
        let rules = [
            (overall, End::Failure),
            (of_value.is_some(), End::FailureOfValue),
            (lost, End::Lost),
            (silent, End::Silence),
            (counted, End::Devices),
        ];
        let end = rules.into_iter().find_map(|(breached, end)| breached.then_some(end))?;
        Some((end, of_value.filter(|_| end == End::FailureOfValue)))
    }

    fn is_satisfied(&self, number: usize, since: u64, devices: u64, now: u64, totals: &Totals) -> bool {
        let step = &self.plan.plan.steps[number];
        // Nothing served is never "100% of 0".
        let settled = step.settled.is_off()
            || totals.step_served > 0 && totals.step_settled >= step.settled.of(totals.step_served);
        now - since >= u64::from(step.soak)
            && totals.step_settled >= step.reported.of(devices)
            && settled
            && step.prove.is_none_or(|limit| {
                let bad = totals.ripe - (totals.ripe_good.max(0) as u64).min(totals.ripe);
                totals.ripe > 0 && gate::log_prove(totals.ripe, bad, limit) >= -libm::log(self.plan.plan.alpha)
            })
    }

    /// Starts a step if it is free to start; the number of its devices.
    fn start(&mut self, number: usize, since: u64, now: u64, totals: &Totals) -> Result<Option<u64>, CoreError> {
        let plan = self.plan;
        let step = &plan.plan.steps[number];
        let approved = !step.approve || now - since >= u64::from(self.simulation.settings.approve_after);
        let is_open = |windows: &Vec<(u32, u32)>| {
            let after = windows.partition_point(|&(start, _)| u64::from(start) <= now);
            after > 0 && now < u64::from(windows[after - 1].1)
        };
        if !approved || now < u64::from(step.not_before) || !plan.plan.windows.as_ref().is_none_or(is_open) {
            return Ok(None);
        }
        let room = plan.plan.concurrent.map(|most| most.saturating_sub(totals.busy.max(0) as u64));
        if room == Some(0) {
            return Ok(None);
        }
        let asked = Step {
            simulation: self.simulation,
            plan,
            number,
            run_key: self.run_key,
            at: now,
            devices: &self.devices,
            taken: &self.taken,
            covered: &self.covered,
            effort: self.effort,
        };
        let candidates = asked.candidates();
        let taken = asked.take(candidates.clone())?;
        if room.is_some_and(|room| taken.positions.len() as u64 > room) {
            return Ok(None);
        }
        let cells = self.compare(number, now, &candidates, &taken)?;
        self.cover(number, now, &taken, &cells);
        Ok(Some(taken.positions.len() as u64))
    }

    /// Starts the silence comparison of a step. Returns the cell of each device that the step takes.
    fn compare(&mut self, number: usize, now: u64, candidates: &[u32], taken: &Taken) -> Result<Vec<u8>, CoreError> {
        let Simulation { settings, fleet, .. } = self.simulation;
        for comparison in &mut self.comparisons {
            comparison.cover(taken.positions.iter().map(|&position| position as usize));
        }
        self.comparisons.retain(Comparison::is_tested);
        if !self.plan.plan.silence || !taken.is_partial_sample {
            return Ok(vec![NO_CELL; taken.positions.len()]);
        }
        let recency = Recency::new(settings.now + now as i64, settings.online_threshold, settings.half_life)?;
        let seen = if taken.last_seen.is_empty() { &fleet.last_seen } else { &taken.last_seen };
        let mut comparison = Comparison::new(number, now, fleet.rows(), self.plan.plan.patience);
        for &position in candidates {
            if let Some((_, _, rate)) = self.devices[position as usize].parts() {
                comparison.add(position as usize, recency.step(seen[position as usize]), rate);
            }
        }
        let cells = taken.positions.iter().map(|&position| comparison.pick(position as usize)).collect();
        self.comparisons.push(comparison);
        Ok(cells)
    }
}
