//! What each device would do: its check-ins, its installation, its outcome.
//!
//! Everything is a hash of (seed, run, UUID), so all strategies meet the same worlds, and results do not depend on
//! threads or on the order of rows.

use crate::decide::fit::{MEANS, RATES};
use crate::ids::fmix64;

/// The increment of SplitMix64.
pub(super) const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Separates these hashes from the ones of the sampling algorithm.
const WORLD: u64 = 0x6A09_E667_F3BC_C908;

/// Cells of a clock follow the single draws of a device.
const FIRST_CELL: u64 = 16;

/// P(Poisson(1) ≤ k) · 2³², rounded down.
const POISSON_ONE: [u32; 13] = [
    1_580_030_168,
    3_160_060_337,
    3_950_075_421,
    4_213_413_783,
    4_279_248_373,
    4_292_415_291,
    4_294_609_777,
    4_294_923_276,
    4_294_962_463,
    4_294_966_817,
    4_294_967_252,
    4_294_967_292,
    4_294_967_295,
];

/// The single draws of a device, by number.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Rate = 1,
    Defect = 2,
    Base = 3,
    Install = 4,
}

/// The key of all hashes of one run.
pub(super) fn run_key(seed: u64, run: u64) -> u64 {
    fmix64(fmix64(seed ^ WORLD).wrapping_add(run.wrapping_mul(GOLDEN)))
}

/// The seed of a step's sample: derived from the seed of the run and the number of the step, from 0.
///
/// With one seed for all steps, a device that was passed over while it was inactive would have a smaller key when it
/// returns, so returning devices would be picked too often.
pub(super) fn step_seed(run_seed: u64, step: u32) -> u64 {
    fmix64(run_seed.wrapping_add(u64::from(step + 1).wrapping_mul(GOLDEN)))
}

/// The key of one device in one run.
#[inline(always)]
pub(super) fn device_key(run_key: u64, identity: u64) -> u64 {
    fmix64(identity ^ run_key)
}

/// 64 random bits.
#[inline(always)]
pub(super) fn draw(key: u64, draw: Draw) -> u64 {
    hash(key, draw as u64)
}

#[inline(always)]
fn hash(key: u64, number: u64) -> u64 {
    fmix64(key.wrapping_add(number.wrapping_mul(GOLDEN)))
}

/// The probability that a draw is below, as a number to compare draws with: ⌊p · 2⁶⁴⌋, at most 2⁶⁴ − 1.
pub(super) fn threshold(probability: f64) -> u64 {
    (probability * 18_446_744_073_709_551_616.0) as u64
}

/// The index of a device's rate, drawn from a cumulative posterior.
#[inline(always)]
pub(super) fn rate(key: u64, cumulative: &[u32; RATES]) -> usize {
    let u = (draw(key, Draw::Rate) >> 32) as u32;
    let passed: usize = cumulative.iter().map(|&up_to| usize::from(up_to <= u)).sum();
    passed.min(RATES - 1)
}

/// A device's check-ins after the start of the run: a Poisson process that can be asked at any instant.
///
/// Time is divided into cells as long as the mean time between check-ins. A cell has Poisson(1) check-ins at uniform
/// whole seconds, so it can be computed alone.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    key: u64,
    mean: u64,
}

impl Clock {
    #[inline(always)]
    pub(super) fn new(key: u64, rate: usize) -> Self {
        Self { key, mean: u64::from(MEANS[rate]) }
    }

    /// Calls `each` with the check-ins of a cell, in no order.
    #[inline(always)]
    fn in_cell(self, cell: u64, mut each: impl FnMut(u64)) {
        let bits = hash(self.key, FIRST_CELL + cell);
        let u = (bits >> 32) as u32;
        if u < POISSON_ONE[0] {
            return;
        }
        let count = 1 + POISSON_ONE[1..].iter().take_while(|&&up_to| up_to <= u).count() as u64;
        let start = cell * self.mean;
        let at = |bits: u64| start + (((bits & 0xFFFF_FFFF) * self.mean) >> 32);
        each(at(bits));
        for number in 1..count {
            each(at(hash(bits, number)));
        }
    }

    /// The first check-in after `instant`; `None` if it is not before `end`. Seconds since the start.
    #[inline(always)]
    pub(super) fn first_after(self, instant: u64, end: u64) -> Option<u64> {
        let mut cell = instant / self.mean;
        loop {
            let mut first = u64::MAX;
            self.in_cell(cell, |at| {
                if at > instant && at < first {
                    first = at;
                }
            });
            if first != u64::MAX {
                return (first < end).then_some(first);
            }
            cell += 1;
            if cell * self.mean >= end {
                return None;
            }
        }
    }

    /// The last check-in up to `instant`; `None` if there is none since the start.
    #[inline(always)]
    pub(super) fn last_until(self, instant: u64) -> Option<u64> {
        let mut cell = instant / self.mean;
        loop {
            let mut last = None;
            self.in_cell(cell, |at| {
                if at <= instant && Some(at) > last {
                    last = Some(at);
                }
            });
            if last.is_some() || cell == 0 {
                return last;
            }
            cell -= 1;
        }
    }
}

/// A sequence of random numbers for what is drawn as counts.
pub(super) struct Stream(u64);

impl Stream {
    pub(super) fn new(run_key: u64, parts: [u64; 3]) -> Self {
        Self(parts.iter().fold(run_key ^ WORLD, |state, &part| fmix64(state.wrapping_add(part.wrapping_mul(GOLDEN)))))
    }

    /// Uniform in [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        (fmix64(self.0) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A Poisson variate: sums of variates with a mean of at most 32, each by inversion.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        let parts = (mean / 32.0).ceil().max(1.0);
        let part = mean / parts;
        let mut total = 0;
        for _ in 0..parts as u64 {
            let (mut k, mut probability) = (0u64, libm::exp(-part));
            let mut rest = self.uniform();
            while rest >= probability && k < 1000 {
                rest -= probability;
                k += 1;
                probability *= part / k as f64;
            }
            total += k;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_exponential_with_the_mean_of_the_rate() {
        let n = 40_000u64;
        for rate in [0, 5, 9] {
            let mean = f64::from(MEANS[rate]);
            let waits: Vec<f64> = (0..n)
                .map(|i| Clock::new(fmix64(i), rate).first_after(1_000_000, u64::MAX / 2).unwrap() as f64 - 1e6)
                .collect();
            let average = waits.iter().sum::<f64>() / n as f64;
            assert!((average / mean - 1.0).abs() < 0.03, "{average} instead of {mean}");
            let longer = waits.iter().filter(|&&wait| wait > mean).count() as f64 / n as f64;
            assert!((longer - (-1f64).exp()).abs() < 0.01, "{longer}");
        }
    }

    #[test]
    fn both_directions_see_the_same_check_ins() {
        for key in 0..200u64 {
            let clock = Clock::new(fmix64(key), (key % 8) as usize);
            let (mut at, mut seen) = (0, 0);
            while let Some(next) = clock.first_after(at, 400_000) {
                assert!(next > at);
                assert_eq!(clock.last_until(next), Some(next));
                if at > 0 {
                    assert_eq!(clock.last_until(next - 1), Some(at));
                }
                (at, seen) = (next, seen + 1);
            }
            assert!(seen > 0 || key % 8 > 5);
        }
    }

    #[test]
    fn poisson_counts_have_their_mean_and_variance() {
        for mean in [0.0, 0.3, 5.0, 200.0] {
            let draws: Vec<f64> = (0..4000).map(|i| Stream::new(i, [1, 2, 3]).poisson(mean) as f64).collect();
            let average = draws.iter().sum::<f64>() / 4000.0;
            let variance = draws.iter().map(|draw| (draw - average).powi(2)).sum::<f64>() / 4000.0;
            assert!((average - mean).abs() <= 0.02 * mean + 0.02 * mean.sqrt() * 3.0, "{average} {mean}");
            assert!((variance - mean).abs() <= 0.1 * mean, "{variance} {mean}");
        }
    }
}
