//! A guess at the time by which a little more than k clocks will have rung. No pick depends on it.

use crate::sampling::recency::{SLOWDOWN, STEPS};

/// How many devices stand at each step: all of them, or a part that is like the whole.
pub(crate) type Histogram = [u32; STEPS];

/// A time by which a little more than `k` clocks of `devices` will probably have rung; infinite where nearly all are
/// wanted, or where nobody was counted.
pub(crate) fn guess_horizon(histogram: &Histogram, devices: f64, k: usize) -> f64 {
    let counted: f64 = histogram.iter().copied().map(f64::from).sum();
    // Six standard deviations more than k, and as many for the error of a histogram from a part of the candidates.
    let wanted = k as f64;
    let target = wanted + 6.0 * wanted.sqrt() + 8.0 + 6.0 * wanted / counted.sqrt();
    if counted == 0.0 || target >= 0.9 * devices {
        return f64::INFINITY;
    }
    let scale = devices / counted;
    // Devices of each step that occurs, and their weight.
    let classes: Vec<(f64, f64)> = (0..STEPS)
        .filter(|&step| histogram[step] > 0)
        .map(|step| (f64::from(histogram[step]) * scale, 1.0 / SLOWDOWN[step]))
        .collect();
    // The number of clocks that are expected to ring grows ever more slowly, so that each of Newton's steps from below
    // falls a little short, and the first takes all clocks to ring at their first rates.
    let mut horizon = target / classes.iter().map(|(devices, weight)| devices * weight).sum::<f64>();
    for _ in 0..MOST_STEPS {
        let (mut rung, mut rate) = (0.0, 0.0);
        for (devices, weight) in &classes {
            let silent = (-horizon * weight).exp();
            rung += devices * (1.0 - silent);
            rate += devices * weight * silent;
        }
        if target - rung <= CLOSE * target {
            break;
        }
        horizon += (target - rung) / rate;
    }
    horizon
}

/// A horizon that lets this part of the target pass is near enough: the target has more to spare.
const CLOSE: f64 = 1e-3;

/// Newton's steps are few; but nobody should have to wait for a distribution that was not thought of.
const MOST_STEPS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of clocks that are expected to have rung.
    fn expected(histogram: &Histogram, devices: f64, horizon: f64) -> f64 {
        let counted: f64 = histogram.iter().copied().map(f64::from).sum();
        let rung = |(&n, slowdown): (&u32, f64)| f64::from(n) * -(-horizon / slowdown).exp_m1();
        histogram.iter().zip(SLOWDOWN).map(rung).sum::<f64>() * devices / counted
    }

    #[test]
    fn a_little_more_than_k_clocks_are_expected_before_the_horizon() {
        let mixed: Histogram = std::array::from_fn(|step| 1 + (step as u32 * 7919) % 1000);
        let (mut online, mut floor, mut both) = ([0; STEPS], [0; STEPS], [0; STEPS]);
        (online[0], floor[80]) = (20_000, 20_000);
        (both[0], both[80]) = (3, 20_000);
        for histogram in [mixed, online, floor, both] {
            for devices in [1e4, 1e6, 1e8] {
                for k in [1, 10, 1_000, 8_000] {
                    let horizon = guess_horizon(&histogram, devices, k);
                    let rung = expected(&histogram, devices, horizon);
                    let k = k as f64;
                    if horizon.is_finite() {
                        assert!(rung > k + 5.0 * k.sqrt() && rung < 1.2 * k + 9.0 * k.sqrt() + 10.0, "{k} {rung}");
                    } else {
                        assert!(k > 0.7 * devices);
                    }
                }
            }
        }
    }

    #[test]
    fn where_nobody_was_counted_all_clocks_are_waited_for() {
        assert!(guess_horizon(&[0; STEPS], 1e6, 10).is_infinite());
    }
}
