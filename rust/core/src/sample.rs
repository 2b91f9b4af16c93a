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

use std::cmp::Ordering;

use crate::device_set::{Bits, WordSet};
use crate::fleet::{BLOCK, Fleet, WORD};
use crate::ids::{Ordinal, fmix64};
use crate::recency::{Recency, SLOWDOWN, STEPS, Step};

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
    upper: [u32; 3],
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

#[inline]
fn mix(p: u32, q: u32, k: &[u32; 3]) -> u32 {
    let mut t = (p ^ k[0]).wrapping_mul(0x9E37_79B1);
    t ^= t >> 15;
    t = t.wrapping_add(q ^ k[1]);
    t ^= t >> 16;
    t = t.wrapping_mul(0x7FEB_352D);
    t ^= t >> 15;
    t = t.wrapping_add(k[2]).wrapping_mul(0x846C_A68B);
    t ^ (t >> 16)
}

/// The exponential clock of a variate at a step (algorithm 1, point 4).
#[inline]
pub fn key(variate: u64, step: Step) -> f64 {
    // 2·⌊h / 2¹²⌋ + 1 has 53 bits, so u is exact and inside (0, 1).
    let u = (2 * (variate >> 12) + 1) as f64 * (1.0 / (1u64 << 53) as f64);
    -libm::log1p(-u) * SLOWDOWN[usize::from(step)]
}

/// The order of picks: by key, then by UUID.
pub fn order(fleet: &Fleet, a: &Pick, b: &Pick) -> Ordering {
    let uuid = |pick: &Pick| &fleet.uuids()[pick.ordinal as usize];
    a.key.total_cmp(&b.key).then_with(|| uuid(a).cmp(uuid(b)))
}

/// A device's pick, were it picked.
pub fn pick(fleet: &Fleet, ordinal: Ordinal, seed: &SeedKey, recency: &Recency) -> Pick {
    let at = ordinal as usize;
    let step = recency.step(fleet.last_seen[at]);
    Pick { key: key(seed.variate(identity(fleet, at)), step), ordinal }
}

#[inline]
fn identity(fleet: &Fleet, at: usize) -> u64 {
    (u64::from(fleet.identity_high[at]) << 32) | u64::from(fleet.identity_low[at])
}

/// The min(k, |candidates|) candidates whose clocks ring first, in that order.
///
/// `remaining` is the number of candidates. Costs one pass over the candidates' identity hashes, and sorting the picks.
pub fn sample(
    fleet: &Fleet,
    candidates: &WordSet,
    remaining: u64,
    k: u64,
    seed: &SeedKey,
    recency: &Recency,
) -> Vec<Pick> {
    let k = k.min(remaining) as usize;
    if k == 0 {
        return Vec::new();
    }
    let mut horizon = guess_horizon(fleet, candidates, remaining, k, recency);
    loop {
        let mut rung = scan(fleet, candidates, seed, recency, &Thresholds::new(horizon));
        if rung.len() >= k {
            if rung.len() > k {
                rung.select_nth_unstable_by(k - 1, |a, b| order(fleet, a, b));
                rung.truncate(k);
            }
            rung.sort_unstable_by(|a, b| order(fleet, a, b));
            // Thresholds come from a rounded exponential: near the horizon a clock may have been missed.
            if rung[k - 1].key < horizon * (1.0 - 1e-9) {
                return rung;
            }
        }
        horizon *= 2.0;
    }
}

/// For each step, the largest variate whose clock may ring before the horizon.
struct Thresholds([u64; STEPS]);

impl Thresholds {
    fn new(horizon: f64) -> Self {
        Self(std::array::from_fn(|step| {
            let probability = -(-horizon / SLOWDOWN[step]).exp_m1();
            // `as` saturates: a probability that rounds to 1 lets every variate through.
            (probability * (1u128 << 64) as f64) as u64
        }))
    }

    /// The threshold of a step: the greater the step, the smaller.
    #[inline]
    fn of(&self, step: Step) -> u64 {
        self.0[usize::from(step)]
    }
}

/// The clocks that ring before the horizon that the thresholds stand for, and perhaps a few later ones.
fn scan(fleet: &Fleet, candidates: &WordSet, seed: &SeedKey, recency: &Recency, thresholds: &Thresholds) -> Vec<Pick> {
    let mut rung = Vec::new();
    for (block, words) in candidates.words().chunks(BLOCK / WORD).enumerate() {
        // No device of the block has a smaller step than the one that was seen last.
        let loosest = (thresholds.of(recency.step(fleet.latest[block])) >> 32) as u32;
        for (i, &word) in words.iter().enumerate() {
            let base = block * BLOCK + i * WORD;
            for bit in Bits(survivors(fleet, base, word, seed, loosest)) {
                let at = base + bit as usize;
                let step = recency.step(fleet.last_seen[at]);
                let variate = seed.variate(identity(fleet, at));
                if variate <= thresholds.of(step) {
                    rung.push(Pick { key: key(variate, step), ordinal: at as Ordinal });
                }
            }
        }
    }
    rung
}

/// Below this many candidates in a word, they are tested one by one instead of all 64 lanes together.
const FEW: u32 = 8;

/// The candidates of a word the upper half of whose variate is at or below the threshold.
#[inline]
fn survivors(fleet: &Fleet, base: usize, word: u64, seed: &SeedKey, loosest: u32) -> u64 {
    if word.count_ones() < FEW {
        return Bits(word)
            .filter(|&bit| {
                let at = base + bit as usize;
                mix(fleet.identity_low[at], fleet.identity_high[at], &seed.upper) <= loosest
            })
            .fold(0, |kept, bit| kept | 1 << bit);
    }
    let low: &[u32; WORD] = fleet.identity_low[base..base + WORD].try_into().expect("columns are padded");
    let high: &[u32; WORD] = fleet.identity_high[base..base + WORD].try_into().expect("columns are padded");
    let mut kept = 0;
    for lane in 0..WORD {
        kept |= u64::from(mix(low[lane], high[lane], &seed.upper) <= loosest) << lane;
    }
    kept & word
}

/// About how many candidates, spread evenly, the histogram of steps is estimated from.
const SAMPLED: u64 = 16_384;

/// A time by which a little more than k clocks will probably have rung; infinite where nearly all are wanted.
fn guess_horizon(fleet: &Fleet, candidates: &WordSet, remaining: u64, k: usize, recency: &Recency) -> f64 {
    let histogram = histogram_of_steps(fleet, candidates, remaining, recency);
    let sampled: f64 = histogram.iter().copied().map(f64::from).sum();
    // Six standard deviations more than k, and as many for the error of a histogram from a part of the candidates.
    let wanted = k as f64;
    let target = wanted + 6.0 * wanted.sqrt() + 8.0 + 6.0 * wanted / sampled.sqrt();
    if target >= 0.9 * remaining as f64 {
        return f64::INFINITY;
    }
    let scale = remaining as f64 / sampled;
    let expected = |horizon: f64| -> f64 {
        (0..STEPS).map(|step| f64::from(histogram[step]) * scale * -(-horizon / SLOWDOWN[step]).exp_m1()).sum()
    };
    // `expected` grows from 0 to more than the target: bracket, then halve.
    let mut above = 1e-9;
    while expected(above) < target {
        above *= 4.0;
    }
    let mut below = 0.0;
    while above - below > 1e-3 * above {
        let middle = f64::midpoint(below, above);
        if expected(middle) < target {
            below = middle;
        } else {
            above = middle;
        }
    }
    above
}

/// How many candidates stand at each step, of every n-th word, or of all where those hold none.
fn histogram_of_steps(fleet: &Fleet, candidates: &WordSet, remaining: u64, recency: &Recency) -> [u32; STEPS] {
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
