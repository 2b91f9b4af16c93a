//! Algorithm 1: weighted random sampling without replacement.
//!
//! Each candidate has the key E = −ln(1 − u) · 2^(step/8), with u from its identity and the seed. The picks are the k
//! smallest keys, in that order: successive sampling by weight (Efraimidis & Spirakis 2006; Cohen & Kaplan's bottom-k
//! sketches; Rosén's order sampling).
//!
//! For speed, the scan computes only keys below a threshold that a little more than k keys are expected to be below. If
//! too few keys are, the threshold is doubled and the scan repeated. The picks do not depend on the threshold.

use crate::fleet::fleet::Fleet;
use crate::ids::Ordinal;
use crate::machine::effort::Effort;
use crate::sampling::clocks::SeedKey;
use crate::sampling::recency::{Recency, STEPS};
use crate::sampling::threshold::{VariateThresholds, guess_key_threshold};
use crate::sampling::top_k::{TopK, top_k};
use crate::select::candidates::{CandidateCounts, Candidates, Window, sample_spans};
use crate::select::limit::Limit;
use crate::select::scan::{Found, KeyFilter, Pass, Search};

/// Sets are deferred only while picking.
const ALL_COUNTED: &str = "no set is deferred while counting";

/// The result of sampling.
pub(crate) struct Sample {
    /// The picked devices, by ascending key.
    pub(crate) ordinals: Vec<Ordinal>,
    /// `None` if some sets were deferred.
    pub(crate) counts: Option<CandidateCounts>,
    /// What the limit resolves to.
    pub(crate) wanted: u64,
}

/// Picks the min(k, |candidates|) candidates with the smallest keys, for the k that the limit resolves to.
///
/// Cost: one pass over the candidates' identity hashes, and sorting the picks; for a percentage, a pass over the sets
/// before.
pub(crate) fn sample(
    fleet: &Fleet,
    candidates: &mut Candidates<'_>,
    limit: Limit,
    seed: &SeedKey,
    recency: &Recency,
    effort: &Effort,
) -> Sample {
    let pass = |candidates: &Candidates<'_>, search: Search<'_>, expected| {
        Pass { fleet, candidates, recency, search }.run(effort, expected)
    };
    let mut online = 0;
    let wanted = match limit {
        Limit::All => None,
        Limit::Count(count) => Some(count),
        Limit::Percent(..) => {
            let search = Search::Counts { online: limit.counts_online() };
            let counts = pass(candidates, search, 0).counts.expect(ALL_COUNTED);
            let wanted = limit.resolve(&counts);
            online = counts.online;
            if wanted == 0 {
                return Sample { ordinals: Vec::new(), counts: Some(counts), wanted };
            }
            Some(wanted)
        }
    };
    let mut threshold = match wanted {
        // If most devices are wanted, a threshold saves nothing.
        Some(wanted) if wanted.saturating_add(wanted / 2) < candidates.extent() => {
            guess_threshold(fleet, candidates, recency, wanted as usize)
        }
        _ => f64::INFINITY,
    };
    loop {
        let expected = wanted.map_or(0, |wanted| wanted.min(candidates.extent()) as usize);
        let thresholds = &VariateThresholds::new(threshold);
        let search = Search::Picks(KeyFilter { seed, thresholds });
        let Found { counts, clocks } = pass(candidates, search, expected + expected / 4);
        let k = match counts {
            Some(counts) => wanted.map_or(counts.remaining, |wanted| wanted.min(counts.remaining)),
            None => wanted.expect("sets are deferred only for a count"),
        };
        if clocks.keys.len() as u64 >= k {
            let TopK { ordinals, last_key } = top_k(fleet, &clocks, k as usize, effort);
            // The variate thresholds come from a rounded exponential, so a key close to the threshold may be missing.
            if last_key.is_none_or(|last| last < threshold * (1.0 - 1e-9)) {
                let counts = counts.map(|counts| CandidateCounts { online, ..counts });
                return Sample { ordinals, counts, wanted: wanted.unwrap_or(k) };
            }
        } else if counts.is_none() {
            // Either the threshold is too low, or there are fewer than k candidates; only a pass over all sets can tell.
            candidates.include_deferred();
            continue;
        }
        threshold *= 2.0;
    }
}

/// Counts the devices of a selection; the online ones among the matching only if `online` is true.
pub(crate) fn count(
    fleet: &Fleet,
    candidates: &Candidates<'_>,
    online: bool,
    recency: &Recency,
    effort: &Effort,
) -> CandidateCounts {
    let found = Pass { fleet, candidates, recency, search: Search::Counts { online } }.run(effort, 0);
    found.counts.expect(ALL_COUNTED)
}

/// Guesses a key threshold that a little more than k keys are below, from a sample of the candidates.
fn guess_threshold(fleet: &Fleet, candidates: &Candidates<'_>, recency: &Recency, k: usize) -> f64 {
    // With n sampled devices the guess is about 6/√n · k keys too high, each of which costs as much as sampling seven
    // devices. The total is least at n = (20 k)^⅔.
    let (min, max) = (1_024.0, 16_384.0);
    let extent = candidates.extent();
    let enough = (20.0 * k as f64).cbrt().powi(2).clamp(min, max);
    let pieces = sample_spans(&candidates.spans, extent, enough as u64);
    // Deferred sets are not subtracted here. Twice their share of the fleet is more than they remove from the picks.
    let k = k + (2 * k as u64 * candidates.deferred_len()).div_ceil(fleet.rows() as u64) as usize;
    let (mut histogram, mut window) = ([0u32; STEPS], Window::new());
    for piece in &pieces {
        candidates.candidates_in(piece, &mut window);
        window.for_each(|position| histogram[usize::from(recency.step(fleet.last_seen[position as usize]))] += 1);
    }
    let sampled: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
    let counted: f64 = histogram.iter().copied().map(f64::from).sum();
    guess_key_threshold(&histogram, counted * extent as f64 / sampled as f64, k)
}
