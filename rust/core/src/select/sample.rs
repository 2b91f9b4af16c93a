//! Algorithm 1: weighted random sampling without replacement, by the smallest exponential clocks.
//!
//! Each candidate has a clock that rings after E = −ln(1 − u) · 2^(step/8), with u from its identity and the seed. The
//! k clocks that ring first are the picks, in that order: successive sampling by weight (Efraimidis & Spirakis 2006;
//! Cohen & Kaplan's bottom-k sketches; Rosén's order sampling).
//!
//! What makes it quick and leaves the result alone: a time T is guessed by which a little more than k clocks will have
//! rung, and turned into one integer threshold on the variate for each step. A device whose variate is above the
//! loosest threshold that its block allows is dropped on 16 bits of its variate; logarithms are taken for the rest
//! only. A guess that was too short is doubled and the scan runs again.

use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, fmix64};
use crate::machine::effort::Effort;
use crate::sampling::recency::{Recency, SLOWDOWN, STEPS, Step};
use crate::sampling::threshold::guess_horizon;
use crate::sampling::top_k::{InOrder, first_in_order};
use crate::select::candidates::{Counts, Terms, Window, spread};
use crate::select::scan::{Clocks, Found, Pass, Search, Thresholds};
use crate::select::selector::{Denominator, HUNDRED_PERCENT, Limit};
use crate::sets::layout::Position;

/// The number of the sampling algorithm, kept with every selection. A change of any pick is a new number.
pub const ALGORITHM: u32 = 1;

/// A device's exponential clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clock {
    /// E, the instant at which it rings.
    pub(crate) key: f64,
    /// The device.
    pub(crate) ordinal: Ordinal,
}

/// Clocks that have rung, column by column.
#[derive(Debug, Default)]
pub(crate) struct Rung {
    pub(crate) keys: Vec<f64>,
    pub(crate) ordinals: Vec<Ordinal>,
}

impl Rung {
    pub(crate) fn with_capacity(clocks: usize) -> Self {
        Self { keys: Vec::with_capacity(clocks), ordinals: Vec::with_capacity(clocks) }
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
        self.variate_of_halves(identity as u32, (identity >> 32) as u32)
    }

    #[inline(always)]
    pub(crate) fn variate_of_halves(&self, low: u32, high: u32) -> u64 {
        (u64::from(mix(low, high, &self.upper)) << 32) | u64::from(mix(high, low, &self.lower))
    }
}

/// What [`mix`] multiplies by, in that order.
pub(crate) const MULTIPLIERS: [u32; 3] = [0x9E37_79B1, 0x7FEB_352D, 0x846C_A68B];

/// 32 bits of a variate from the halves of an identity hash.
#[inline(always)]
pub(crate) fn mix(p: u32, q: u32, k: &[u32; 3]) -> u32 {
    let t = mix_but_last(p, q, k);
    t ^ (t >> 16)
}

/// [`mix`] without its last step, which leaves the upper 16 bits as they are.
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

/// The exponential clock of a variate at a step (algorithm 1, point 4).
#[inline]
pub fn key(variate: u64, step: Step) -> f64 {
    // 2·⌊h / 2¹²⌋ + 1 has 53 bits, so u is exact and inside (0, 1).
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

/// Sets are put off for picks only.
const ALL_COUNTED: &str = "all sets are there where they are counted";

/// What a sample comes to.
pub(crate) struct Drawn {
    /// The picked devices, in order.
    pub(crate) ordinals: Vec<Ordinal>,
    /// How many devices the sets hold; not counted where some of them were put off.
    pub(crate) counts: Option<Counts>,
    /// What the limit comes to.
    pub(crate) wanted: u64,
}

/// The min(k, |candidates|) candidates whose clocks ring first, in that order, for the k that the limit comes to.
///
/// Costs one pass over the candidates' identity hashes, and ordering the picks; for a percentage, a pass over the sets
/// before.
pub(crate) fn sample(
    fleet: &Fleet,
    terms: &mut Terms<'_>,
    limit: Limit,
    seed: &SeedKey,
    recency: &Recency,
    effort: &Effort,
) -> Drawn {
    let pass =
        |terms: &Terms<'_>, search: Search<'_>, expected| Pass { fleet, terms, recency, search }.run(effort, expected);
    let mut online = 0;
    let wanted = match limit {
        Limit::All => None,
        Limit::Count(count) => Some(count),
        Limit::Percent(thousandths, of) => {
            let counts =
                pass(terms, Search::Counts { online: of == Denominator::Online }, 0).counts.expect(ALL_COUNTED);
            let wanted = share(thousandths, of, &counts);
            online = counts.online;
            if wanted == 0 {
                return Drawn { ordinals: Vec::new(), counts: Some(counts), wanted };
            }
            Some(wanted)
        }
    };
    let mut horizon = match wanted {
        // Where most are wanted, whoever they are, nothing is saved.
        Some(wanted) if wanted.saturating_add(wanted / 2) < terms.extent() => {
            guess(fleet, terms, recency, wanted as usize)
        }
        _ => f64::INFINITY,
    };
    loop {
        let expected = wanted.map_or(0, |wanted| wanted.min(terms.extent()) as usize);
        let thresholds = &Thresholds::new(horizon);
        let Found { counts, rung } = pass(terms, Search::Picks(Clocks { seed, thresholds }), expected + expected / 4);
        let k = match counts {
            Some(counts) => wanted.map_or(counts.remaining, |wanted| wanted.min(counts.remaining)),
            None => wanted.expect("sets are put off for a number of picks"),
        };
        if rung.keys.len() as u64 >= k {
            let InOrder { ordinals, last_key } = first_in_order(fleet, &rung, k as usize, effort);
            // Thresholds come from a rounded exponential: near the horizon a clock may have been missed.
            if last_key.is_none_or(|last| last < horizon * (1.0 - 1e-9)) {
                let counts = counts.map(|counts| Counts { online, ..counts });
                return Drawn { ordinals, counts, wanted: wanted.unwrap_or(k) };
            }
        } else if counts.is_none() {
            // Either there are not so many candidates, which takes all sets to know, or the guess was too short.
            terms.take_back();
            continue;
        }
        horizon *= 2.0;
    }
}

/// How many devices the sets hold; how many of the matching ones are online only if that is asked for.
pub(crate) fn count(fleet: &Fleet, terms: &Terms<'_>, online: bool, recency: &Recency, effort: &Effort) -> Counts {
    let found = Pass { fleet, terms, recency, search: Search::Counts { online } }.run(effort, 0);
    found.counts.expect(ALL_COUNTED)
}

/// p% = ⌈p · denominator / 100⌉, in whole numbers.
pub(crate) fn share(thousandths: u32, of: Denominator, counts: &Counts) -> u64 {
    let denominator = match of {
        Denominator::Matching => counts.matching,
        Denominator::Remaining => counts.remaining,
        Denominator::Online => counts.online,
    };
    (denominator * u64::from(thousandths)).div_ceil(u64::from(HUNDRED_PERCENT))
}

/// A time by which a little more than k clocks will probably have rung, from a part of the candidates.
fn guess(fleet: &Fleet, terms: &Terms<'_>, recency: &Recency, k: usize) -> f64 {
    // The more picks, the more is saved by a guess that is near: of n devices looked at, 6/√n of the picks are too many,
    // and each of those takes the time in which seven are looked at. The sum of both is least at (20 k)^⅔.
    let (least, most) = (1_024.0, 16_384.0);
    let extent = terms.extent();
    let enough = (20.0 * k as f64).cbrt().powi(2).clamp(least, most);
    let pieces = spread(&terms.spans, extent, enough as u64);
    // Those that were put off are among the candidates here: twice their part of the fleet is more than they take away.
    let k = k + (2 * k as u64 * terms.count_put_off()).div_ceil(fleet.rows() as u64) as usize;
    let (mut histogram, mut window) = ([0u32; STEPS], Window::new());
    for piece in &pieces {
        terms.candidates_of(piece, &mut window);
        window.for_each(|position| histogram[usize::from(recency.step(fleet.last_seen[position as usize]))] += 1);
    }
    let looked_at: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
    let counted: f64 = histogram.iter().copied().map(f64::from).sum();
    guess_horizon(&histogram, counted * extent as f64 / looked_at as f64, k)
}
