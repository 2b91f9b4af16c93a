//! The first k of some picks, in order: one pass over buckets of keys.

use std::cmp::Ordering;

use crate::fleet::Fleet;
use crate::sample::Pick;

/// Below this many picks they are sorted as they are.
const FEW: usize = 128;

/// The order of picks: by key, then by UUID.
pub(crate) fn order(fleet: &Fleet, a: &Pick, b: &Pick) -> Ordering {
    let uuid = |pick: &Pick| fleet.uuids().get(pick.position);
    a.key.total_cmp(&b.key).then_with(|| uuid(a).cmp(&uuid(b)))
}

/// Keeps the first `k` of at least as many picks, in order.
///
/// As many buckets as picks hold about one each; what is in one bucket is sorted. Picks that are distributed in another
/// way than is thought of here are sorted as correctly, and as fast as sorting is.
pub(crate) fn first_in_order(fleet: &Fleet, picks: Vec<Pick>, k: usize) -> Vec<Pick> {
    let by_order = |a: &Pick, b: &Pick| order(fleet, a, b);
    if picks.len() < FEW {
        let mut picks = picks;
        picks.sort_unstable_by(by_order);
        picks.truncate(k);
        return picks;
    }
    let (greatest, sum) =
        picks.iter().fold((0.0, 0.0), |(greatest, sum), pick| (pick.key.max(greatest), sum + pick.key));
    let buckets = picks.len().next_power_of_two();
    let scale = Scale::of(greatest, sum / picks.len() as f64, buckets);
    let bucket = |pick: &Pick| scale.bucket(pick.key);
    let mut ends = vec![0u32; buckets + 1];
    for pick in &picks {
        ends[bucket(pick) + 1] += 1;
    }
    let mut before = 0;
    for end in &mut ends {
        before += *end;
        *end = before;
    }
    // Whole buckets, until they hold k picks: the rest is not even moved.
    let wanted = ends.partition_point(|&end| (end as usize) < k).min(buckets);
    let kept = ends[wanted] as usize;
    let mut sorted = vec![Pick { key: 0.0, position: 0 }; kept];
    for pick in &picks {
        let end = &mut ends[bucket(pick)];
        if let Some(place) = sorted.get_mut(*end as usize) {
            *place = *pick;
            *end += 1;
        }
    }
    // What was the start of each bucket has become its end.
    let mut start = 0;
    for &end in &ends[..wanted] {
        let end = end as usize;
        if end - start > 1 {
            sorted[start..end].sort_unstable_by(by_order);
        }
        start = end;
    }
    sorted.truncate(k);
    sorted
}

/// Which bucket a key goes into: the greater the key, the greater its bucket.
enum Scale {
    /// Of equal width. Keys below a horizon are nearly uniform.
    Equal { scale: f64 },
    /// Each a part of an octave. All clocks of many rates, waited for to the end, are spread over octaves.
    Octaves { least: u64, shift: u32 },
}

/// Keys below the greatest by more octaves than this are in one bucket.
const OCTAVES: u64 = 16;

impl Scale {
    fn of(greatest: f64, mean: f64, buckets: usize) -> Self {
        // The mean of uniform keys is half the greatest.
        if mean * 6.0 >= greatest {
            let scale = if greatest > 0.0 { (buckets - 1) as f64 / greatest } else { 0.0 };
            return Self::Equal { scale };
        }
        // The bits of a positive number, as a whole number, are in the order of the numbers: octaves are 2⁵² apart.
        let least = greatest.to_bits().saturating_sub((OCTAVES << 52) - 1);
        Self::Octaves { least, shift: 52 + OCTAVES.ilog2() - buckets.ilog2() }
    }

    #[inline]
    fn bucket(&self, key: f64) -> usize {
        match self {
            // Never more than `buckets - 1`. All in one if all keys are 0.
            Self::Equal { scale } => (key * scale) as usize,
            Self::Octaves { least, shift } => (key.to_bits().saturating_sub(*least) >> shift) as usize,
        }
    }
}
