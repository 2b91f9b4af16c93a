//! A threshold for keys, so that a scan computes few logarithms. No pick depends on it: a threshold that is too low is
//! doubled.

use crate::sampling::recency::{LAST_STEP, SLOWDOWN, STEPS, Step};

/// The number of devices at each step: of all candidates, or of a sample of them.
pub(crate) type Histogram = [u32; STEPS];

/// Newton's method stops when this fraction of the target is missing; the target has a larger margin.
const TOLERANCE: f64 = 1e-3;

/// The most iterations of Newton's method, in case some distribution converges slowly.
const MAX_ITERATIONS: usize = 64;

/// Guesses a key threshold below which a little more than `k` of `devices` have their key; infinite if nearly all
/// devices are wanted, or the histogram is empty.
pub(crate) fn guess_key_threshold(histogram: &Histogram, devices: f64, k: usize) -> f64 {
    let counted: f64 = histogram.iter().copied().map(f64::from).sum();
    // Six standard deviations above k, and as many for the sampling error of the histogram.
    let wanted = k as f64;
    let target = wanted + 6.0 * wanted.sqrt() + 8.0 + 6.0 * wanted / counted.sqrt();
    if counted == 0.0 || target >= 0.9 * devices {
        return f64::INFINITY;
    }
    let scale = devices / counted;
    // (devices, weight) of each step that occurs.
    let classes: Vec<(f64, f64)> = (0..STEPS)
        .filter(|&step| histogram[step] > 0)
        .map(|step| (f64::from(histogram[step]) * scale, 1.0 / SLOWDOWN[step]))
        .collect();
    // The expected number of keys below a threshold is concave in it. So Newton's method from below never overshoots,
    // and the tangent at 0 is a valid start.
    let mut threshold = target / classes.iter().map(|(devices, weight)| devices * weight).sum::<f64>();
    for _ in 0..MAX_ITERATIONS {
        let (mut below, mut slope) = (0.0, 0.0);
        for (devices, weight) in &classes {
            let above = (-threshold * weight).exp();
            below += devices * (1.0 - above);
            slope += devices * weight * above;
        }
        if target - below <= TOLERANCE * target {
            break;
        }
        threshold += (target - below) / slope;
    }
    threshold
}

/// A key threshold in terms of variates: for each step, the largest variate whose key may be below it.
pub(crate) struct VariateThresholds([u64; STEPS]);

impl VariateThresholds {
    pub(crate) fn new(key_threshold: f64) -> Self {
        Self(std::array::from_fn(|step| {
            let probability = -(-key_threshold / SLOWDOWN[step]).exp_m1();
            // `as` saturates: a probability that rounds to 1 lets every variate pass.
            (probability * (1u128 << 64) as f64) as u64
        }))
    }

    /// The threshold of a step. It decreases with the step.
    #[inline]
    pub(crate) fn of(&self, step: Step) -> u64 {
        self.0[usize::from(step.min(LAST_STEP))]
    }

    /// Whether every variate passes.
    pub(crate) fn let_all_pass(&self) -> bool {
        self.0.iter().all(|&threshold| threshold == u64::MAX)
    }

    /// The prefilter's threshold for a block without steps below `least_step`. Its lower half is all ones, because
    /// [`mix_but_last`](crate::sampling::clocks::mix_but_last) is exact only in the upper half.
    #[inline]
    pub(crate) fn loosest(&self, least_step: Step) -> u32 {
        (self.of(least_step) >> 32) as u32 | 0xFFFF
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected number of keys below a threshold.
    fn expected(histogram: &Histogram, devices: f64, threshold: f64) -> f64 {
        let counted: f64 = histogram.iter().copied().map(f64::from).sum();
        let below = |(&n, slowdown): (&u32, f64)| f64::from(n) * -(-threshold / slowdown).exp_m1();
        histogram.iter().zip(SLOWDOWN).map(below).sum::<f64>() * devices / counted
    }

    #[test]
    fn a_little_more_than_k_keys_are_expected_below_the_threshold() {
        let mixed: Histogram = std::array::from_fn(|step| 1 + (step as u32 * 7919) % 1000);
        let (mut online, mut floor, mut both) = ([0; STEPS], [0; STEPS], [0; STEPS]);
        (online[0], floor[80]) = (20_000, 20_000);
        (both[0], both[80]) = (3, 20_000);
        for histogram in [mixed, online, floor, both] {
            for devices in [1e4, 1e6, 1e8] {
                for k in [1, 10, 1_000, 8_000] {
                    let threshold = guess_key_threshold(&histogram, devices, k);
                    let below = expected(&histogram, devices, threshold);
                    let k = k as f64;
                    if threshold.is_finite() {
                        assert!(below > k + 5.0 * k.sqrt() && below < 1.2 * k + 9.0 * k.sqrt() + 10.0, "{k} {below}");
                    } else {
                        assert!(k > 0.7 * devices);
                    }
                }
            }
        }
    }

    #[test]
    fn an_empty_histogram_gives_no_threshold() {
        assert!(guess_key_threshold(&[0; STEPS], 1e6, 10).is_infinite());
    }
}
