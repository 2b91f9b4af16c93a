//! The k smallest of many keys, sorted: a bucket sort over eighths of octaves, in which keys are nearly uniform.
//!
//! Sorting moves one 64-bit entry per clock. Its upper half is the key's place within its bucket, its lower half the
//! clock's index. Two entries of a bucket compare like their keys; if the upper halves are equal, the clocks are compared.

use std::cmp::Ordering;

use crate::fleet::fleet::Fleet;
use crate::ids::Ordinal;
use crate::machine::bucket_sort::bucket_sort;
use crate::machine::effort::Effort;
use crate::machine::thread_pool::{WorkQueue, run_parallel};
use crate::sampling::clocks::{Clock, Clocks};

/// Fewer clocks are sorted without buckets.
const MIN_BUCKETED: usize = 64;

/// Clocks per unit of work of a thread.
const PART: usize = 4096;

/// Cost of sorting one key, in units of scanning one device.
const SORT_COST: u64 = 16;

/// Compares clocks by key, then by UUID.
pub(crate) fn compare(fleet: &Fleet, a: Clock, b: Clock) -> Ordering {
    a.key.total_cmp(&b.key).then_with(|| fleet.uuid(a.ordinal).cmp(&fleet.uuid(b.ordinal)))
}

/// The k smallest clocks.
pub(crate) struct TopK {
    /// The devices, by ascending key.
    pub(crate) ordinals: Vec<Ordinal>,
    /// The greatest of their keys.
    pub(crate) last_key: Option<f64>,
}

/// The `k` smallest clocks, sorted. There are at least `k` clocks; `k` may be 0 only if there is none.
///
/// Cost: linear for exponential keys, a comparison sort for other distributions.
pub(crate) fn top_k(fleet: &Fleet, clocks: &Clocks, k: usize, effort: &Effort) -> TopK {
    let compare = |a: u32, b: u32| compare(fleet, clocks.get(a), clocks.get(b));
    if clocks.keys.len() < MIN_BUCKETED {
        let mut sorted: Vec<u32> = (0..clocks.keys.len() as u32).collect();
        sorted.sort_unstable_by(|&a, &b| compare(a, b));
        sorted.truncate(k);
        let last_key = sorted.last().map(|&last| clocks.get(last).key);
        return TopK { last_key, ordinals: sorted.into_iter().map(|clock| clocks.get(clock).ordinal).collect() };
    }
    let buckets = Buckets::of(&clocks.keys);
    let grouped = buckets.group(&clocks.keys);
    // Sort whole buckets, until they hold k clocks.
    let kept = buckets.ends.partition_point(|&end| (end as usize) < k).min(BUCKETS - 1) + 1;
    let mut ordinals = vec![0; buckets.ends[kept - 1] as usize];
    let threads = effort.threads_for(ordinals.len() as u64 * SORT_COST);
    let parts = parts(&buckets.ends[..kept], &grouped, &mut ordinals);
    let threads = threads.min(parts.len()).max(1);
    let parts = WorkQueue::new(parts);
    let sort = |part: Part<'_>| part.sort(clocks, k, &compare);
    let last_key = run_parallel(threads - 1, || parts.items().filter_map(sort).last()).into_iter().flatten().next();
    ordinals.truncate(k);
    TopK { ordinals, last_key }
}

/// Adjacent buckets.
struct Part<'a> {
    /// The number of clocks in the parts before.
    start: usize,
    /// For each bucket, the number of clocks up to its end.
    ends: &'a [u32],
    /// The entries, bucket by bucket.
    grouped: &'a [Entry],
    /// The output.
    ordinals: &'a mut [Ordinal],
}

/// Splits the buckets into parts of less than twice [`PART`] clocks, except for larger buckets.
fn parts<'a>(mut ends: &'a [u32], mut grouped: &'a [Entry], mut ordinals: &'a mut [Ordinal]) -> Vec<Part<'a>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    while !ends.is_empty() {
        let count = ends.partition_point(|&end| (end as usize) < start + PART).min(ends.len() - 1) + 1;
        let (own, others) = ends.split_at(count);
        let clocks = own[count - 1] as usize - start;
        let (own_grouped, other_grouped) = grouped.split_at(clocks);
        let (own_ordinals, other_ordinals) = ordinals.split_at_mut(clocks);
        parts.push(Part { start, ends: own, grouped: own_grouped, ordinals: own_ordinals });
        (ends, grouped, ordinals) = (others, other_grouped, other_ordinals);
        start += clocks;
    }
    parts
}

impl Part<'_> {
    /// Sorts the devices by key. Returns the `k`th smallest key of all, if it is in this part.
    fn sort(self, clocks: &Clocks, k: usize, compare: &impl Fn(u32, u32) -> Ordering) -> Option<f64> {
        let Self { start, ends, grouped, ordinals } = self;
        let (mut starts, mut sorted) = (Vec::new(), Vec::new());
        let (mut done, mut kth_key) = (0, None);
        for &end in ends {
            let bucket = done..end as usize - start;
            done = bucket.end;
            sorted.clear();
            sorted.resize(bucket.len(), 0);
            let comes_before = |a: Entry, b: Entry| {
                if (a ^ b) >> 32 == 0 { compare(a as u32, b as u32).is_lt() } else { a < b }
            };
            let place = |entry: Entry| (entry >> 32) as u32;
            bucket_sort(&grouped[bucket.clone()], &mut sorted, &mut starts, place, comes_before);
            for (ordinal, &entry) in ordinals[bucket.clone()].iter_mut().zip(&sorted) {
                *ordinal = clocks.ordinals[entry as u32 as usize];
            }
            if bucket.contains(&(k - 1).wrapping_sub(start)) {
                kth_key = Some(clocks.keys[sorted[k - 1 - start - bucket.start] as u32 as usize]);
            }
        }
        kth_key
    }
}

/// The place of a key within its bucket, in units of 2⁻³² (upper half), and the index of its clock (lower half).
type Entry = u64;

/// Keys by eighths of octaves. Keys below a threshold are nearly uniform, keys of many rates without a threshold nearly
/// log-uniform: in a bucket both are nearly uniform.
struct Buckets {
    /// The number of the bucket of the least keys.
    first: u64,
    /// For each bucket, the number of keys up to its end.
    ends: [u32; BUCKETS],
}

/// Buckets per octave.
const BUCKETS_PER_OCTAVE: u64 = 8;

/// The number of buckets: 32 octaves below the greatest key. Smaller keys are in the first bucket.
const BUCKETS: usize = 32 * BUCKETS_PER_OCTAVE as usize;

/// The bits of positive doubles, as integers, are in the order of the doubles. An octave spans 2⁵² of them.
const BUCKET_BITS: u32 = 52 - BUCKETS_PER_OCTAVE.ilog2();

impl Buckets {
    #[inline]
    fn of(keys: &[f64]) -> Self {
        // Keys are positive.
        let greatest = keys.iter().fold(0, |greatest: u64, key| greatest.max(key.to_bits()));
        let first = (greatest >> BUCKET_BITS).saturating_sub(BUCKETS as u64 - 1);
        let mut buckets = Self { first, ends: [0; BUCKETS] };
        for key in keys {
            let bucket = buckets.bucket(key.to_bits());
            buckets.ends[bucket] += 1;
        }
        let mut sum = 0;
        for end in &mut buckets.ends {
            sum += *end;
            *end = sum;
        }
        buckets
    }

    /// The entries of the keys, bucket by bucket.
    #[inline]
    fn group(&self, keys: &[f64]) -> Vec<Entry> {
        let mut grouped = vec![0; keys.len()];
        let mut starts = [0; BUCKETS];
        starts[1..].copy_from_slice(&self.ends[..BUCKETS - 1]);
        for (clock, key) in (0u32..).zip(keys) {
            let key = key.to_bits();
            let next = &mut starts[self.bucket(key)];
            // Keys below all buckets have place 0 in the first.
            let place =
                if key >> BUCKET_BITS < self.first { 0 } else { key >> (BUCKET_BITS - 32) & u64::from(u32::MAX) };
            grouped[*next as usize] = place << 32 | u64::from(clock);
            *next += 1;
        }
        grouped
    }

    #[inline]
    fn bucket(&self, key: u64) -> usize {
        // `min` only tells the compiler that the index is in bounds.
        (key >> BUCKET_BITS).saturating_sub(self.first).min(BUCKETS as u64 - 1) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use proptest::prelude::*;

    use super::*;
    use crate::fleet::columns::FleetColumns;

    /// Devices whose UUIDs descend.
    fn fleet(devices: u32) -> Fleet {
        let n = devices as usize;
        Fleet::new(FleetColumns {
            uuids: (0..u128::from(devices)).map(|i| (u128::MAX - i).to_be_bytes()).collect(),
            last_seen: vec![0; n],
            groups: vec![-1; n],
            tags: vec![-1; n],
            production: vec![true; n],
            target_versions: vec![-1; n],
            ..FleetColumns::default()
        })
        .unwrap()
    }

    fn keys() -> impl Strategy<Value = Vec<f64>> {
        let one = prop_oneof![
            // Uniform; log-uniform; few distinct values; extreme values.
            4 => (0.0..1.0).prop_map(|u: f64| u),
            4 => (-40.0..3.0).prop_map(|e: f64| e.exp2()),
            2 => (0u8..4).prop_map(|n| 0.125 + f64::from(n)),
            1 => prop::sample::select(vec![f64::MIN_POSITIVE, 1.1e-16, 37.0 * 1024.0]),
        ];
        prop_oneof![
            prop::collection::vec(one, 1..600),
            prop::collection::vec(0.0..1e-3, 1..12000),
            prop::collection::vec((-20.0..0.0).prop_map(|e: f64| e.exp2()), 1..3000),
            prop::collection::vec(Just(0.5), 1..300),
        ]
    }

    proptest! {
        #[test]
        fn top_k_equals_sorting_everything(keys in keys(), part in 0.0..1.0) {
            let fleet = fleet(keys.len() as u32);
            // Ordinals in another order than the clocks.
            let n = keys.len() as u32;
            let clocks = Clocks { keys: keys.clone(), ordinals: (0..n).map(|clock| (clock + n / 3) % n).collect() };
            let k = (part * keys.len() as f64) as usize + 1;
            let mut expected: Vec<Clock> = (0..n).map(|clock| clocks.get(clock)).collect();
            // Equal keys: UUIDs descend, so the later device comes first.
            expected.sort_by(|a, b| a.key.partial_cmp(&b.key).unwrap().then(b.ordinal.cmp(&a.ordinal)));
            expected.truncate(k);
            for threads in [1, 3] {
                let effort = Effort { threads: NonZero::new(threads), ..Effort::default() };
                let TopK { ordinals, last_key } = top_k(&fleet, &clocks, k, &effort);
                prop_assert!(ordinals.into_iter().eq(expected.iter().map(|clock| clock.ordinal)), "{:?}", effort);
                prop_assert_eq!(last_key, expected.last().map(|clock| clock.key));
            }
        }
    }
}
