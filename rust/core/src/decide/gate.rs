//! The tests that stop a run or let it go on (`strategies.md`, section 3). Everything is in logarithms.
//!
//! - *Stop*: E(n, x) ≥ 1/α shows that the failure rate is above a limit. It may be looked at after every device: by
//!   Ville's inequality it ever reaches 1/α with probability ≤ α while the rate is at the limit or below.
//! - *Prove*: E′(n, x) ≥ 1/α shows that the rate is below a limit.
//! - *Silence*: E of an anytime-valid log-rank test shows that picked devices go quiet more often than others.

/// The number of alternatives of the stop test.
const ALTERNATIVES: usize = 16;

/// The number of alternatives of the prove test.
const BETTER: usize = 15;

/// How many times as often the devices of the wave go quiet, for each alternative of the silence test.
const FACTORS: [f64; 5] = [1.5, 2.0, 4.0, 8.0, 16.0];

/// The greatest limit of the stop test.
pub const MAX_LIMIT: f64 = 0.5;

/// Steps of each search for a rate: as many as a double has bits.
const STEPS: usize = 60;

/// ln Σ exp.
fn log_sum(terms: &[f64]) -> f64 {
    let greatest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    greatest + libm::log(terms.iter().map(|term| libm::exp(term - greatest)).sum::<f64>())
}

/// ln of the likelihood ratio of rate `p` to rate `q`: x of n are bad.
fn log_ratio(n: u64, x: u64, p: f64, q: f64) -> f64 {
    x as f64 * libm::log(p / q) + (n - x) as f64 * (libm::log1p(-p) - libm::log1p(-q))
}

/// ln E(n, x) of the stop test: the evidence that the rate is above the limit.
///
/// E = Σ w_j (p_j/p₀)^x ((1−p_j)/(1−p₀))^(n−x), with w_j ∝ 1/p_j and 16 rates p_j from 1.5 p₀ to 0.95, log-spaced.
pub fn log_stop(n: u64, x: u64, limit: f64) -> f64 {
    let (mut terms, mut weight) = ([0.0; ALTERNATIVES], 0.0);
    let (low, high) = (libm::log(1.5), libm::log(0.95 / limit));
    for (j, term) in terms.iter_mut().enumerate() {
        let rate = limit * libm::exp(low + j as f64 / (ALTERNATIVES - 1) as f64 * (high - low));
        weight += 1.0 / rate;
        *term = log_ratio(n, x, rate, limit) - libm::log(rate);
    }
    log_sum(&terms) - libm::log(weight)
}

/// ln E′(n, x) of the prove test: the evidence that the rate is below the limit.
pub fn log_prove(n: u64, x: u64, limit: f64) -> f64 {
    let (low, high) = (libm::log(0.01), libm::log(1.0 / 1.5));
    let mut terms = [f64::NEG_INFINITY; BETTER + 1];
    for (i, term) in terms.iter_mut().take(BETTER).enumerate() {
        let rate = limit * libm::exp(low + i as f64 / (BETTER - 1) as f64 * (high - low));
        *term = log_ratio(n, x, rate, limit) - libm::log(2.0 * BETTER as f64);
    }
    if x == 0 {
        terms[BETTER] = -(n as f64) * libm::log1p(-limit) - libm::log(2.0);
    }
    log_sum(&terms)
}

/// The evidence of the silence test: E = mean over θ of Π θ^I / (1 − r + θr).
#[derive(Clone, Debug, Default)]
pub struct Silence {
    logs: [f64; FACTORS.len()],
}

impl Silence {
    /// Adds an event: whether the device was picked, and how many of the devices left in its cell were.
    pub fn add(&mut self, is_picked: bool, picked: u64, all: u64) {
        let share = picked as f64 / all as f64;
        for (log, factor) in self.logs.iter_mut().zip(FACTORS) {
            *log += if is_picked { libm::log(factor) } else { 0.0 } - libm::log1p(share * (factor - 1.0));
        }
    }

    /// ln E.
    #[must_use]
    pub fn log(&self) -> f64 {
        log_sum(&self.logs) - libm::log(FACTORS.len() as f64)
    }
}

/// For each number of bad devices, from 0: the greatest n ≤ `devices` at which the stop test stops; 0 for never.
///
/// The list ends where n reaches `devices`, or with x = `devices`.
#[must_use]
pub fn stop_boundary(limit: f64, alpha: f64, devices: u64) -> Vec<u64> {
    let needed = -libm::log(alpha);
    let stops = |n: u64, x: u64| log_stop(n, x, limit) >= needed;
    let mut greatest = vec![0u64];
    for x in 1..=devices {
        let last = greatest[greatest.len() - 1];
        if last >= devices {
            break;
        }
        // One more bad device never lowers E, so the search starts at the last entry.
        let mut low = last.max(x - 1);
        if !stops(low + 1, x) {
            greatest.push(last);
            continue;
        }
        let mut step = 1;
        while low + step <= devices && stops(low + step, x) {
            low += step;
            step *= 2;
        }
        let mut high = (low + step).min(devices + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if stops(middle, x) { low = middle } else { high = middle }
        }
        greatest.push(low);
    }
    greatest
}

/// The least n at which x bad devices prove a rate below the limit.
#[must_use]
pub fn least_to_prove(limit: f64, alpha: f64, x: u64) -> u64 {
    let needed = -libm::log(alpha);
    let proves = |n: u64| log_prove(n, x, limit) >= needed;
    let (mut low, mut high) = (x, x + 1);
    while !proves(high) {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if proves(middle) { high = middle } else { low = middle }
    }
    high
}

/// The rates between which the two tests cannot decide: the greatest that the stop test rejects, at most [`MAX_LIMIT`],
/// and the least that the prove test rejects.
#[must_use]
pub fn bounds(n: u64, x: u64, alpha: f64) -> (f64, f64) {
    let needed = -libm::log(alpha);
    let rejected_below = |rate: f64| log_stop(n, x, rate) >= needed;
    let lower = if x == 0 || !rejected_below(f64::MIN_POSITIVE) {
        0.0
    } else if rejected_below(MAX_LIMIT) {
        MAX_LIMIT
    } else {
        search(0.0, MAX_LIMIT, rejected_below)
    };
    let not_proven = |rate: f64| log_prove(n, x, rate) < needed;
    (lower, if x >= n { 1.0 } else { search(0.0, 1.0, not_proven) })
}

/// The rate at which a condition that holds at `low` and not at `high` ceases to hold.
fn search(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if holds(middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The probability that the stop test stops by the n-th device, where each device is bad with probability `rate`.
///
/// Exact: a walk over the counts of bad devices, device by device.
///
/// Cost: n times the number of bad devices that stop at n.
#[must_use]
pub fn probability_to_stop(boundary: &[u64], rate: f64, n: u64) -> f64 {
    let stops = |n: u64, x: usize| {
        let greatest = boundary.get(x).or(boundary.last()).copied().unwrap_or(0);
        x > 0 && n <= greatest
    };
    let (mut going, mut stopped) = (vec![1.0], 0.0);
    for device in 1..=n {
        going.push(0.0);
        for x in (0..going.len()).rev() {
            let before = if x == 0 { 0.0 } else { going[x - 1] };
            going[x] = going[x] * (1.0 - rate) + before * rate;
        }
        // For a given n, more bad devices stop all the more.
        while going.len() > 1 && stops(device, going.len() - 1) {
            stopped += going.pop().unwrap_or(0.0);
        }
    }
    stopped
}

/// The failure rate that the stop test notices with probability `power` within n devices; `None` if it never does.
#[must_use]
pub fn noticed_rate(limit: f64, alpha: f64, n: u64, power: f64) -> Option<f64> {
    let boundary = stop_boundary(limit, alpha, n);
    let misses = |rate: f64| probability_to_stop(&boundary, rate, n) < power;
    if misses(1.0) { None } else { Some(search(limit, 1.0, misses)) }
}

/// At most how many of N devices would fail, if x of n that were drawn without replacement do: the greatest K that a
/// test at α does not reject, P(X ≤ x | K) ≥ α.
#[must_use]
pub fn at_most_failing(devices: u64, n: u64, x: u64, alpha: f64) -> u64 {
    let accepted = |failing: u64| hypergeometric(devices, n, x, failing) >= alpha;
    let (mut low, mut high) = (x, devices - (n - x));
    if accepted(high) {
        return high;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if accepted(middle) { low = middle } else { high = middle }
    }
    low
}

/// P(X ≤ x): at most x of n devices drawn from `devices` are among the `failing` ones.
fn hypergeometric(devices: u64, n: u64, x: u64, failing: u64) -> f64 {
    let choose = |of: u64, some: u64| {
        let ln = |k: u64| libm::lgamma(k as f64 + 1.0);
        ln(of) - ln(some) - ln(of - some)
    };
    let least = n.saturating_sub(devices - failing);
    (least..=x.min(failing))
        .map(|k| libm::exp(choose(failing, k) + choose(devices - failing, n - k) - choose(devices, n)))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the design page, computed with scipy and mpmath.
    #[test]
    fn evidence_equals_the_golden_values() {
        let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-8, "{found} {expected}");
        near(libm::exp(log_stop(1, 1, 0.01)), 5.868_977_86);
        near(libm::exp(log_stop(2, 2, 0.01)), 142.5);
        near(libm::exp(log_stop(100, 8, 0.02)), 65.009_135_51);
        near(libm::exp(log_stop(500, 21, 0.02)), 39.012_974_21);
        near(libm::exp(log_stop(5000, 40, 0.01)), 3.350_737_122e-5);
        near(libm::exp(log_prove(299, 0, 0.01)), 16.993_788);
        near(libm::exp(log_prove(800, 1, 0.01)), 39.770_486_36);
        near(libm::exp(log_prove(1000, 3, 0.01)), 4.935_832_849);
        let mut silence = Silence::default();
        for (is_picked, picked, all) in [(true, 10, 100), (true, 9, 98), (false, 8, 97), (true, 8, 96), (true, 7, 95)] {
            silence.add(is_picked, picked, all);
        }
        near(libm::exp(silence.log()), 304.732_895);
    }

    #[test]
    fn boundaries_equal_the_golden_lists() {
        let list = |limit, alpha| stop_boundary(limit, alpha, 100_000)[2..9].to_vec();
        assert_eq!(list(0.01, 0.05), [7, 30, 63, 102, 147, 196, 247]);
        assert_eq!(list(0.02, 0.05), [4, 16, 32, 52, 75, 99, 125]);
        assert_eq!(list(0.05, 0.05), [2, 7, 14, 22, 31, 41, 52]);
        assert_eq!(list(0.02, 0.005), [0, 5, 14, 27, 43, 61, 81]);
    }

    #[test]
    fn boundaries_end_at_the_fleet() {
        for devices in [0, 1, 2, 7, 50] {
            let boundary = stop_boundary(0.3, 0.05, devices);
            assert!(boundary.is_sorted());
            assert!(boundary.iter().all(|&most| most <= devices), "{devices} {boundary:?}");
        }
    }
}
