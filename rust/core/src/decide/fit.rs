//! Check-in habits: how often the devices of a fleet check in, fitted to the ages in one snapshot.
//!
//! The model is a mixture of Poisson clocks with [`RATES`] fixed rates. A device whose clock has rate λ has an
//! exponential age, so the ages of a snapshot determine the weights of the mixture (expectation maximisation over
//! [`BINS`] logarithmic bins). A device's own rate is then drawn from the posterior given its age.

use crate::fleet::columns::NEVER;

/// The number of rates.
pub const RATES: usize = 14;

/// The mean time between check-ins of each rate, in seconds: once in 5 minutes to once a year, log-spaced.
pub const MEANS: [u32; RATES] = [
    300, 730, 1_777, 4_325, 10_526, 25_618, 62_348, 151_742, 369_308, 898_820, 2_187_541, 5_324_019, 12_957_557,
    31_536_000,
];

/// The number of logarithmic bins of ages.
pub const BINS: usize = 64;

/// The bin of devices that never check in again: never seen, or not seen for longer than `gone_after`.
pub const GONE: u8 = u8::MAX;

/// The upper end of the first bin, in seconds.
const FIRST_EDGE: f64 = 60.0;

/// Enough iterations for a change below 10⁻⁶ of every weight that matters; a fixed number keeps the result repeatable.
const ITERATIONS: usize = 400;

/// The fitted mixture, and the posterior distribution of the rate for each bin of ages.
#[derive(Clone, Debug, PartialEq)]
pub struct Habits {
    /// The share of each rate among the devices that are not gone. They sum to 1.
    pub weights: [f64; RATES],
    /// Devices in each bin.
    pub devices: [u64; BINS],
    /// Devices that never check in again.
    pub gone: u64,
    /// P(rate ≤ j | bin) · 2³², rounded down; the last one is the maximum.
    pub(crate) cumulative: Vec<[u32; RATES]>,
    edges: Vec<f64>,
}

impl Habits {
    /// Fits the mixture to the ages of a snapshot taken at `now`.
    ///
    /// Devices that were never seen, or not for longer than `gone_after` seconds, are gone and don't count. `None` if
    /// all are gone.
    ///
    /// Cost: a pass over the devices, then independent of their number.
    ///
    /// # Examples
    /// ```
    /// use groundswell_core::decide::fit::{Habits, MEANS};
    ///
    /// // The ages of devices that check in every hour, on average.
    /// let seen = (0..1000).map(|i| 1_800_000_000 - (-3600.0 * (1.0 - (f64::from(i) + 0.5) / 1000.0).ln()) as u32);
    /// let habits = Habits::fit(seen, 1_800_000_000, 90 * 86_400).unwrap();
    /// let near: f64 = (0..14).filter(|&j| (1_000..11_000).contains(&MEANS[j])).map(|j| habits.weights[j]).sum();
    /// assert!(near > 0.95);
    /// ```
    pub fn fit(last_seen: impl IntoIterator<Item = u32>, now: i64, gone_after: u32) -> Option<Self> {
        let edges = edges(gone_after);
        let (mut devices, mut gone) = ([0u64; BINS], 0);
        for seen in last_seen {
            match bin(seen, now, &edges) {
                GONE => gone += 1,
                bin => devices[usize::from(bin)] += 1,
            }
        }
        let counted: u64 = devices.iter().sum();
        if counted == 0 {
            return None;
        }
        let likelihood: Vec<[f64; RATES]> = edges
            .windows(2)
            .map(|edge| {
                MEANS.map(|mean| {
                    let survives = |age: f64| libm::exp(-age / f64::from(mean));
                    // Conditional on an age up to the last edge: older devices are not in the sample.
                    (survives(edge[0]) - survives(edge[1])) / (1.0 - survives(edges[BINS]))
                })
            })
            .collect();
        let mut weights = [1.0 / RATES as f64; RATES];
        for _ in 0..ITERATIONS {
            let mut next = [0.0; RATES];
            for (row, &count) in likelihood.iter().zip(&devices) {
                let posterior = posterior(&weights, row);
                for (next, part) in next.iter_mut().zip(posterior) {
                    *next += part * count as f64;
                }
            }
            weights = next.map(|sum| sum / counted as f64);
        }
        let cumulative = likelihood.iter().map(|row| cumulative(&posterior(&weights, row))).collect();
        Some(Self { weights, devices, gone, cumulative, edges })
    }

    /// The bin of a device; [`GONE`] if it never checks in again.
    pub(crate) fn bin(&self, last_seen: u32, now: i64) -> u8 {
        bin(last_seen, now, &self.edges)
    }

    /// P(a device of this age is seen within `seconds`), by bin.
    pub fn seen_within(&self, bin: usize, seconds: u32) -> f64 {
        let mut before = 0;
        let mut sum = 0.0;
        for (mean, &up_to) in MEANS.iter().zip(&self.cumulative[bin]) {
            let share = f64::from(up_to - before) / f64::from(u32::MAX);
            sum += share * -libm::expm1(-f64::from(seconds) / f64::from(*mean));
            before = up_to;
        }
        sum
    }

    /// How many devices are expected to be seen within `seconds`.
    pub fn expected_within(&self, seconds: u32) -> f64 {
        (0..BINS).map(|bin| self.devices[bin] as f64 * self.seen_within(bin, seconds)).sum()
    }
}

/// 0, then log-spaced from [`FIRST_EDGE`] to `gone_after`.
fn edges(gone_after: u32) -> Vec<f64> {
    let last = f64::from(gone_after.max(120));
    let ratio = libm::log(last / FIRST_EDGE);
    let mut edges = vec![0.0];
    edges.extend((0..BINS).map(|i| FIRST_EDGE * libm::exp(ratio * i as f64 / (BINS - 1) as f64)));
    edges[BINS] = last;
    edges
}

fn bin(last_seen: u32, now: i64, edges: &[f64]) -> u8 {
    if last_seen == NEVER {
        return GONE;
    }
    let age = (now - i64::from(last_seen)).max(0) as f64;
    if age > edges[BINS] {
        return GONE;
    }
    (edges[1..BINS].partition_point(|&edge| edge <= age)) as u8
}

/// The posterior of the rates; uniform if no rate explains the bin.
fn posterior(weights: &[f64; RATES], likelihood: &[f64; RATES]) -> [f64; RATES] {
    let mut parts = [0.0; RATES];
    for (part, (weight, likelihood)) in parts.iter_mut().zip(weights.iter().zip(likelihood)) {
        *part = weight * likelihood;
    }
    let sum: f64 = parts.iter().sum();
    if sum > 0.0 { parts.map(|part| part / sum) } else { [1.0 / RATES as f64; RATES] }
}

fn cumulative(posterior: &[f64; RATES]) -> [u32; RATES] {
    let (mut sum, mut table) = (0.0, [u32::MAX; RATES]);
    for (entry, part) in table.iter_mut().zip(posterior).take(RATES - 1) {
        sum += part;
        *entry = (sum * 4_294_967_296.0) as u32;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::fmix64;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn the_fit_predicts_how_many_devices_are_seen() {
        // Two kinds of devices: 10 minutes and 3 days. The truth is computed from their exact distributions.
        let uniform = |i: u64| (fmix64(i) >> 11) as f64 / (1u64 << 53) as f64;
        let means = [600.0, 259_200.0];
        let ages = (0..40_000u64).map(|i| -libm::log1p(-uniform(i)) * means[(i % 2) as usize]);
        let habits = Habits::fit(ages.map(|age| (NOW - age as i64) as u32), NOW, 90 * 86_400).unwrap();
        for hours in [1, 4, 24, 72] {
            let seconds = hours * 3600;
            let truth: f64 = means.iter().map(|mean| 20_000.0 * (1.0 - libm::exp(-f64::from(seconds) / mean))).sum();
            let found = habits.expected_within(seconds);
            assert!((found - truth).abs() < 0.02 * 40_000.0, "{hours} h: {found} instead of {truth}");
        }
    }

    #[test]
    fn old_and_never_seen_devices_are_gone() {
        let day = 86_400;
        let seen = [0, (NOW - 91 * day) as u32, (NOW - 89 * day) as u32, NOW as u32, NOW as u32 + 5];
        let habits = Habits::fit(seen, NOW, 90 * 86_400).unwrap();
        assert_eq!((habits.gone, habits.devices.iter().sum::<u64>()), (2, 3));
        assert_eq!(habits.bin(NOW as u32 + 5, NOW), 0);
        assert_eq!(Habits::fit([0, 0], NOW, 90 * 86_400), None);
    }

    #[test]
    fn weights_sum_to_one_and_tables_end_at_the_maximum() {
        let habits = Habits::fit((0..500).map(|i| NOW as u32 - i * i), NOW, 90 * 86_400).unwrap();
        assert!((habits.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(habits.cumulative.iter().all(|row| row.is_sorted() && row[RATES - 1] == u32::MAX));
    }
}
