//! The key of a device: the arrival time of its exponential clock (algorithm 1, points 3 and 4).

use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, fmix64};
use crate::sampling::recency::{Recency, SLOWDOWN, Step};
use crate::sets::layout::Position;

/// The version of the sampling algorithm, stored with every selection. A change of any pick is a new version.
pub const ALGORITHM: u32 = 1;

/// A device with its key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clock {
    /// The arrival time E = −ln(1 − u) · 2^(step/8).
    pub(crate) key: f64,
    pub(crate) ordinal: Ordinal,
}

/// Clocks, as a structure of arrays.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    pub(crate) keys: Vec<f64>,
    pub(crate) ordinals: Vec<Ordinal>,
}

impl Clocks {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { keys: Vec::with_capacity(capacity), ordinals: Vec::with_capacity(capacity) }
    }

    #[inline(always)]
    pub(crate) fn get(&self, at: u32) -> Clock {
        Clock { key: self.keys[at as usize], ordinal: self.ordinals[at as usize] }
    }

    #[inline(always)]
    pub(crate) fn extend(&mut self, keys: &[f64], ordinals: &[Ordinal]) {
        self.keys.extend_from_slice(keys);
        self.ordinals.extend_from_slice(ordinals);
    }
}

/// The words that a seed contributes to the variates (algorithm 1, point 3).
#[derive(Clone, Copy, Debug)]
pub struct SeedKey {
    pub(crate) upper: [u32; 3],
    lower: [u32; 3],
}

impl SeedKey {
    /// Derives six words from three outputs of SplitMix64.
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

    /// The 64-bit variate of an identity hash: uniform, and fixed by the device and the seed.
    pub fn variate(&self, identity: u64) -> u64 {
        self.variate_of_halves(identity as u32, (identity >> 32) as u32)
    }

    #[inline(always)]
    pub(crate) fn variate_of_halves(&self, low: u32, high: u32) -> u64 {
        (u64::from(mix(low, high, &self.upper)) << 32) | u64::from(mix(high, low, &self.lower))
    }
}

/// The multipliers of [`mix`], in order.
pub(crate) const MULTIPLIERS: [u32; 3] = [0x9E37_79B1, 0x7FEB_352D, 0x846C_A68B];

/// 32 bits of a variate, from the halves of an identity hash.
#[inline(always)]
pub(crate) fn mix(p: u32, q: u32, k: &[u32; 3]) -> u32 {
    let t = mix_but_last(p, q, k);
    t ^ (t >> 16)
}

/// [`mix`] without its last step, which does not change the upper 16 bits.
#[inline(always)]
pub(crate) fn mix_but_last(p: u32, q: u32, k: &[u32; 3]) -> u32 {
    let mut t = (p ^ k[0]).wrapping_mul(MULTIPLIERS[0]);
    t ^= t >> 15;
    t = t.wrapping_add(q ^ k[1]);
    t ^= t >> 16;
    t = t.wrapping_mul(MULTIPLIERS[1]);
    t ^= t >> 15;
    t.wrapping_add(k[2]).wrapping_mul(MULTIPLIERS[2])
}

/// The key of a variate at a step (algorithm 1, point 4): an exponential variate with rate 2^(−step/8).
///
/// # Examples
/// ```
/// use groundswell_core::sampling::clocks::{SeedKey, key};
///
/// let variate = SeedKey::new(7).variate(42);
/// assert_eq!(key(variate, 8), 2.0 * key(variate, 0), "half the weight, twice the expected time");
/// ```
#[inline]
pub fn key(variate: u64, step: Step) -> f64 {
    // 2·⌊h / 2¹²⌋ + 1 has 53 bits, so u is exact and in (0, 1).
    let u = (2 * (variate >> 12) + 1) as f64 * (1.0 / (1u64 << 53) as f64);
    -libm::log1p(-u) * SLOWDOWN[usize::from(step)]
}

/// The clock of the device at a position.
pub(crate) fn clock(fleet: &Fleet, position: Position, seed: &SeedKey, recency: &Recency) -> Clock {
    let at = position as usize;
    let step = recency.step(fleet.last_seen[at]);
    let key = key(seed.variate(fleet.uuids().identity().get(at)), step);
    Clock { key, ordinal: fleet.layout().ordinal(position) }
}
