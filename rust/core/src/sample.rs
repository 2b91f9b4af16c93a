//! Algorithm 1: weighted random sampling without replacement, by the smallest exponential clocks.
//!
//! Each candidate has a clock that rings after E = −ln(1 − u) · 2^(step/8), with u from its identity and the seed. The
//! k clocks that ring first are the picks, in that order: successive sampling by weight (Efraimidis & Spirakis 2006;
//! Cohen & Kaplan's bottom-k sketches; Rosén's order sampling).
//!
//! What makes it quick and leaves the result alone: a time T is guessed by which a little more than k clocks will have
//! rung, and turned into one integer threshold on the variate for each step. A device whose variate is above the
//! loosest threshold that its block allows is dropped on 32 bits of its variate; logarithms are taken for the rest
//! only. A guess that was too short is doubled and the scan runs again.

use crate::device_set::{Bits, WordSet};
use crate::effort::Effort;
use crate::fleet::{Fleet, WORD};
use crate::horizon::{Histogram, guess_horizon};
use crate::ids::{Ordinal, fmix64};
use crate::order::first_in_order;
use crate::recency::{Recency, SLOWDOWN, STEPS, Step};
use crate::scan::{Scan, Thresholds};

/// The number of the sampling algorithm, kept with every selection. A change of any pick is a new number.
pub const ALGORITHM: u32 = 1;

/// A picked device with the instant at which its clock rings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// E, the exponential clock.
    pub key: f64,
    /// The device.
    pub ordinal: Ordinal,
}

/// The words by which a seed enters the variates (algorithm 1, point 3).
#[derive(Clone, Copy, Debug)]
pub struct SeedKey {
    pub(crate) upper: [u32; 3],
    lower: [u32; 3],
}

impl SeedKey {
    /// Six words from three outputs of SplitMix64.
    pub fn new(seed: u64) -> Self {
        let mut state = fmix64(seed ^ 0x5851_F42D_4C95_7F2D);
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        let (x, y, z) = (next(), next(), next());
        Self { upper: [x as u32, (x >> 32) as u32, y as u32], lower: [(y >> 32) as u32, z as u32, (z >> 32) as u32] }
    }

    /// The 64-bit variate of an identity hash.
    pub fn variate(&self, identity: u64) -> u64 {
        let (low, high) = (identity as u32, (identity >> 32) as u32);
        (u64::from(mix(low, high, &self.upper)) << 32) | u64::from(mix(high, low, &self.lower))
    }
}

/// What [`mix`] multiplies by, in that order.
pub(crate) const MULTIPLIERS: [u32; 3] = [0x9E37_79B1, 0x7FEB_352D, 0x846C_A68B];

/// 32 bits of a variate from the halves of an identity hash.
#[inline(always)]
pub(crate) fn mix(p: u32, q: u32, k: &[u32; 3]) -> u32 {
    let mut t = (p ^ k[0]).wrapping_mul(MULTIPLIERS[0]);
    t ^= t >> 15;
    t = t.wrapping_add(q ^ k[1]);
    t ^= t >> 16;
    t = t.wrapping_mul(MULTIPLIERS[1]);
    t ^= t >> 15;
    t = t.wrapping_add(k[2]).wrapping_mul(MULTIPLIERS[2]);
    t ^ (t >> 16)
}

/// The exponential clock of a variate at a step (algorithm 1, point 4).
#[inline]
pub fn key(variate: u64, step: Step) -> f64 {
    // 2·⌊h / 2¹²⌋ + 1 has 53 bits, so u is exact and inside (0, 1).
    let u = (2 * (variate >> 12) + 1) as f64 * (1.0 / (1u64 << 53) as f64);
    -libm::log1p(-u) * SLOWDOWN[usize::from(step)]
}

/// A device's pick, were it picked.
pub fn pick(fleet: &Fleet, ordinal: Ordinal, seed: &SeedKey, recency: &Recency) -> Pick {
    let at = ordinal as usize;
    let step = recency.step(fleet.last_seen[at]);
    Pick { key: key(seed.variate(fleet.identity.get(at)), step), ordinal }
}

/// The min(k, |candidates|) candidates whose clocks ring first, in that order.
///
/// `remaining` is the number of candidates. Costs one pass over the candidates' identity hashes, and ordering the picks.
pub fn sample(
    fleet: &Fleet,
    candidates: &WordSet,
    remaining: u64,
    k: u64,
    seed: &SeedKey,
    recency: &Recency,
    effort: Effort,
) -> Vec<Pick> {
    let k = k.min(remaining) as usize;
    if k == 0 {
        return Vec::new();
    }
    let mut horizon = guess_horizon(&histogram_of_steps(fleet, candidates, remaining, recency), remaining as f64, k);
    loop {
        let mut rung = Vec::with_capacity(k + k / 4);
        let scan = Scan { fleet, seed, recency, thresholds: Thresholds::new(horizon) };
        scan.run(effort.kernel, 0, candidates.words(), &mut rung);
        if rung.len() >= k {
            let picks = first_in_order(fleet, rung, k);
            // Thresholds come from a rounded exponential: near the horizon a clock may have been missed.
            if picks[k - 1].key < horizon * (1.0 - 1e-9) {
                return picks;
            }
        }
        horizon *= 2.0;
    }
}

/// About how many candidates, spread evenly, the histogram of steps is estimated from.
const SAMPLED: u64 = 16_384;

/// How many candidates stand at each step, of every n-th word, or of all where those hold none.
fn histogram_of_steps(fleet: &Fleet, candidates: &WordSet, remaining: u64, recency: &Recency) -> Histogram {
    let words = candidates.words();
    let count = |stride: usize| {
        let mut histogram = [0u32; STEPS];
        for at in (0..words.len()).step_by(stride) {
            for bit in Bits(words[at]) {
                histogram[usize::from(recency.step(fleet.last_seen[at * WORD + bit as usize]))] += 1;
            }
        }
        histogram
    };
    let histogram = count((remaining / SAMPLED).max(1) as usize);
    if histogram.iter().any(|&devices| devices > 0) { histogram } else { count(1) }
}
