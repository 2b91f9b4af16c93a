//! Adds the devices that a step covers to the counts of a run.

use crate::decide::simulate::engine::Engine;
use crate::decide::simulate::fate::{self, Fate};
use crate::decide::simulate::prepared::NO_VALUE;
use crate::decide::simulate::quiet::NO_CELL;
use crate::decide::simulate::steps::Taken;
use crate::decide::simulate::timeline::BadDevice;

impl Engine<'_> {
    /// Adds the fates of the devices that a step takes.
    pub(super) fn cover(&mut self, number: usize, now: u64, taken: &Taken, cells: &[u8]) {
        let (simulation, plan) = (self.simulation, &self.plan.plan);
        let ticks = simulation.ticks();
        // A check-in after the horizon can still be seen within the patience.
        let end = u64::from(simulation.settings.horizon) + u64::from(plan.patience) + 1;
        let layout = simulation.fleet.layout();
        self.timeline.reset_step(ticks);
        let (scenario, waiting) = (self.scenario, (plan.patience, plan.attempts));
        for (&position, &cell) in taken.positions.iter().zip(cells) {
            let at = position as usize;
            self.taken[at] = true;
            self.covered.push(layout.ordinal(position));
            let Some((key, clock, _)) = self.devices[at].parts() else { continue };
            let Some(fate) = fate::fate(key, clock, scenario, scenario.exposed[at], now, waiting, end) else {
                continue;
            };
            let value = self.plan.value_of.get(at).copied().unwrap_or(NO_VALUE);
            self.add(&fate, value);
            if fate.quiet != fate::NEVER {
                self.first_quiet = self.first_quiet.min(fate.quiet);
                if cell != NO_CELL
                    && let Some(comparison) = self.comparisons.last_mut()
                {
                    comparison.add_brick(fate.quiet, cell);
                }
            }
        }
        self.failures.sort();
        self.losses.sort();
        if let Some(comparison) = self.comparisons.last_mut().filter(|last| last.is_of(number)) {
            comparison.sort();
        }
    }

    /// Adds one served device to the counts by tick.
    #[inline(always)]
    fn add(&mut self, fate: &Fate, value: u16) {
        let (ticks, length) = (self.simulation.ticks() as u64, u64::from(self.simulation.settings.tick));
        // The first tick that finds it; after the horizon: none.
        let tick_of = |instant: u64| if instant >= ticks * length { ticks + 1 } else { instant.div_ceil(length) };
        let served = tick_of(fate.served);
        if served > ticks {
            return;
        }
        let [good, failed, overdue] = [fate.good, fate.failed, fate.overdue].map(tick_of);
        let line = &mut self.timeline;
        let result = good.min(failed);
        let settled = result.min(overdue);
        line.served[served as usize] += 1;
        line.step_served[served as usize] += 1;
        line.harmed[served as usize] += u32::from(fate.is_harmed());
        let add = |counts: &mut Vec<u32>, tick: u64| {
            if tick <= ticks {
                counts[tick as usize] += 1;
            }
        };
        add(&mut line.step_settled, settled);
        add(&mut line.ripe, overdue);
        for (tick, change) in [(good, 1), (failed, -i32::from(good < failed))] {
            if tick <= ticks {
                line.good[tick as usize] += change;
            }
            let ripe = tick.max(overdue);
            if tick <= ticks && ripe <= ticks {
                line.ripe_good[ripe as usize] += change;
            }
        }
        if self.plan.plan.concurrent.is_some() {
            let leaves = if result <= overdue { result } else { tick_of(fate.back).max(overdue) };
            line.busy[served as usize] += 1;
            if leaves <= ticks {
                line.busy[leaves as usize] -= 1;
            }
        }
        self.order.enter(served as usize);
        if let Some(order) = self.by_value.get_mut(usize::from(value)) {
            order.enter(served as usize);
        }
        let entered = served as u32;
        if failed <= ticks {
            self.failures.push(BadDevice { known: failed as u32, entered, value });
        }
        if self.plan.lost.is_some() {
            self.lost_order.enter(served as usize);
            if result > overdue && overdue <= ticks {
                self.losses.push(BadDevice { known: overdue as u32, entered, value });
            }
        }
    }
}
