//! The two arms of the silence test, as counts.
//!
//! The arms of a cell are its picked devices and its candidates that were not picked. Their background events (seen, and
//! not again within `patience`) are drawn as counts for each cell and hour; which arm an event belongs to is random,
//! because which candidates were picked is random. Only bricks are events of single devices.

use crate::decide::fit::{MEANS, RATES};
use crate::decide::gate::Silence;
use crate::decide::simulate::world::Stream;
use crate::sampling::recency::STEPS;

const HOUR: u64 = 3600;

/// The silence test needs at least this many controls in all cells together.
const MIN_CONTROLS: u64 = 50;

/// The cell of a device that is in no arm.
pub(super) const NO_CELL: u8 = u8::MAX;

/// What the arms of one cell have left.
#[derive(Clone, Debug, Default)]
struct Cell {
    picked: u64,
    controls: u64,
    /// Controls that were not covered later, whether or not they left by an event.
    uncovered: u64,
    /// Bricks that are not events yet.
    bricks: u64,
    /// The shares of the rates among the devices that are left, not normalised.
    shares: [f64; RATES],
}

/// The comparison of one step.
#[derive(Debug)]
pub(super) struct Comparison {
    step: u64,
    started: u64,
    cells: Vec<Cell>,
    /// By position: the cell of a control.
    cell_of: Vec<u8>,
    hours: u64,
    /// (when it is known, cell) of each brick, ascending from `next`.
    bricks: Vec<(u64, u8)>,
    next: usize,
    probability: [f64; RATES],
}

impl Comparison {
    pub(super) fn new(step: usize, started: u64, rows: usize, patience: u32) -> Self {
        // The first event of a device: the hazard of a check-in that is followed by a gap longer than the patience.
        let probability = MEANS.map(|mean| {
            let rate = 1.0 / f64::from(mean);
            -libm::expm1(-rate * libm::exp(-rate * f64::from(patience)) * HOUR as f64)
        });
        Self {
            step: step as u64,
            started,
            cells: vec![Cell::default(); STEPS],
            cell_of: vec![NO_CELL; rows],
            hours: 0,
            bricks: Vec::new(),
            next: 0,
            probability,
        }
    }

    /// Adds a candidate to the arm of the controls.
    pub(super) fn add(&mut self, position: usize, cell: u8, rate: usize) {
        let arms = &mut self.cells[usize::from(cell)];
        arms.controls += 1;
        arms.uncovered += 1;
        arms.shares[rate] += 1.0;
        self.cell_of[position] = cell;
    }

    /// Moves a candidate to the arm of the picked devices. Returns its cell.
    pub(super) fn pick(&mut self, position: usize) -> u8 {
        let cell = std::mem::replace(&mut self.cell_of[position], NO_CELL);
        if cell != NO_CELL {
            let arms = &mut self.cells[usize::from(cell)];
            arms.controls -= 1;
            arms.uncovered -= 1;
            arms.picked += 1;
        }
        cell
    }

    /// Adds a brick of the picked devices.
    pub(super) fn add_brick(&mut self, known: u64, cell: u8) {
        self.cells[usize::from(cell)].bricks += 1;
        self.bricks.push((known, cell));
    }

    /// Orders the bricks; call it once, after the last one.
    pub(super) fn sort(&mut self) {
        self.bricks.sort_unstable();
    }

    /// Takes controls out of the comparison that a later step covers.
    pub(super) fn cover(&mut self, positions: impl Iterator<Item = usize>) {
        let mut covered = [0u64; STEPS];
        for position in positions {
            let cell = std::mem::replace(&mut self.cell_of[position], NO_CELL);
            if cell != NO_CELL {
                covered[usize::from(cell)] += 1;
            }
        }
        for (arms, covered) in self.cells.iter_mut().zip(covered).filter(|(_, covered)| *covered > 0) {
            // Some of the covered devices have left by an event already: as many as of the others.
            let leaving = (2 * arms.controls * covered + arms.uncovered) / (2 * arms.uncovered);
            arms.controls -= leaving.min(arms.controls);
            arms.uncovered -= covered;
        }
    }

    /// Whether it is the comparison of this step.
    pub(super) fn is_of(&self, step: usize) -> bool {
        self.step == step as u64
    }

    /// Whether enough controls are left.
    pub(super) fn is_tested(&self) -> bool {
        self.cells.iter().map(|cell| cell.controls).sum::<u64>() >= MIN_CONTROLS
    }

    /// Adds the events that are known at `at` to the evidence.
    pub(super) fn advance(&mut self, at: u64, patience: u32, run_key: u64, evidence: &mut Silence) {
        // Events of an hour are known when its last second is `patience` ago.
        while self.started + (self.hours + 1) * HOUR + u64::from(patience) <= at {
            let known = self.started + (self.hours + 1) * HOUR + u64::from(patience);
            self.add_bricks(known, evidence);
            self.add_background(run_key, evidence);
            self.hours += 1;
        }
        self.add_bricks(at, evidence);
    }

    fn add_bricks(&mut self, at: u64, evidence: &mut Silence) {
        while let Some(&(_, cell)) = self.bricks.get(self.next).filter(|(known, _)| *known <= at) {
            let arms = &mut self.cells[usize::from(cell)];
            evidence.add(true, arms.picked, arms.picked + arms.controls);
            arms.picked -= 1;
            arms.bricks -= 1;
            self.next += 1;
        }
    }

    fn add_background(&mut self, run_key: u64, evidence: &mut Silence) {
        for (number, arms) in self.cells.iter_mut().enumerate() {
            let healthy = arms.picked - arms.bricks.min(arms.picked);
            let mut left = healthy + arms.controls;
            if left == 0 || arms.controls == 0 {
                continue;
            }
            let (mut all, mut leaving) = (0.0, 0.0);
            for (share, probability) in arms.shares.iter_mut().zip(&self.probability) {
                all += *share;
                leaving += *share * probability;
                *share *= 1.0 - probability;
            }
            let mut stream = Stream::new(run_key, [self.step, self.hours, number as u64]);
            let events = stream.poisson(left as f64 * leaving / all).min(left);
            for _ in 0..events {
                let healthy = arms.picked - arms.bricks.min(arms.picked);
                let is_picked = stream.uniform() * (left as f64) < healthy as f64;
                evidence.add(is_picked, arms.picked, arms.picked + arms.controls);
                if is_picked {
                    arms.picked -= 1
                } else {
                    arms.controls -= 1
                }
                left -= 1;
                if arms.controls == 0 {
                    break;
                }
            }
        }
    }
}
