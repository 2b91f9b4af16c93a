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
/// Keys below a horizon are nearly uniform, so that as many buckets of equal width hold about one pick each; what is in
/// one bucket is sorted. Picks of any other distribution are sorted as correctly, and as fast as sorting is.
pub(crate) fn first_in_order(fleet: &Fleet, picks: Vec<Pick>, k: usize) -> Vec<Pick> {
    let by_order = |a: &Pick, b: &Pick| order(fleet, a, b);
    if picks.len() < FEW {
        let mut picks = picks;
        picks.sort_unstable_by(by_order);
        picks.truncate(k);
        return picks;
    }
    let greatest = picks.iter().map(|pick| pick.key).fold(0.0, f64::max);
    let buckets = picks.len().next_power_of_two();
    // Never more than `buckets - 1`, and the greater the key the greater the bucket. All in one if all keys are 0.
    let scale = if greatest > 0.0 { (buckets - 1) as f64 / greatest } else { 0.0 };
    let bucket = |pick: &Pick| (pick.key * scale) as usize;
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
