//! The first k of some clocks, in order: keys are grouped by cells in which they are nearly even, and sorted cell by cell.
//!
//! What is moved is one number for each clock, its entry: in the upper half how much of its cell the key has covered, in
//! the lower one which clock it is. Entries of a cell are in the order of their clocks, but for those that agree in the
//! upper half: of these the clocks themselves are compared.

use std::cmp::Ordering;

use crate::fleet::fleet::Fleet;
use crate::ids::Ordinal;
use crate::machine::bucket_sort::bucket_sort;
use crate::machine::effort::Effort;
use crate::machine::thread_pool::{WorkQueue, run_parallel};
use crate::select::sample::{Clock, Rung};

/// Below this many clocks they are sorted as they are.
const FEW: usize = 64;

/// Clocks that are put in order at once.
const PART: usize = 4096;

/// To put a clock in order takes as long as to look at so many devices.
const AS_LONG_AS: u64 = 16;

/// The order of clocks: by key, then by UUID.
pub(crate) fn order(fleet: &Fleet, a: Clock, b: Clock) -> Ordering {
    a.key.total_cmp(&b.key).then_with(|| fleet.uuid(a.ordinal).cmp(&fleet.uuid(b.ordinal)))
}

/// Clocks in order.
pub(crate) struct InOrder {
    /// Whose they are.
    pub(crate) ordinals: Vec<Ordinal>,
    /// When the last of them rang.
    pub(crate) last_key: Option<f64>,
}

/// The first `k` of at least as many clocks, in order; `k` is at least 1 where there are any.
///
/// Clocks whose keys are distributed in another way than is thought of here are sorted as correctly, and as fast as
/// sorting is.
pub(crate) fn first_in_order(fleet: &Fleet, rung: &Rung, k: usize, effort: &Effort) -> InOrder {
    let by_order = |a: u32, b: u32| order(fleet, rung.get(a), rung.get(b));
    if rung.keys.len() < FEW {
        let mut sorted: Vec<u32> = (0..rung.keys.len() as u32).collect();
        sorted.sort_unstable_by(|&a, &b| by_order(a, b));
        sorted.truncate(k);
        let last_key = sorted.last().map(|&last| rung.get(last).key);
        return InOrder { last_key, ordinals: sorted.into_iter().map(|clock| rung.get(clock).ordinal).collect() };
    }
    let cells = Cells::of(&rung.keys);
    let grouped = cells.group(&rung.keys);
    // Whole cells, until they hold k clocks: the rest is not put in order.
    let kept = cells.ends.partition_point(|&end| (end as usize) < k).min(CELLS - 1) + 1;
    let mut ordinals = vec![0; cells.ends[kept - 1] as usize];
    let threads = effort.threads_for(ordinals.len() as u64 * AS_LONG_AS);
    let parts = parts(&cells.ends[..kept], &grouped, &mut ordinals);
    let threads = threads.min(parts.len()).max(1);
    let parts = WorkQueue::new(parts);
    let put = |part: Part<'_>| part.put_in_order(rung, k, &by_order);
    let last_key = run_parallel(threads - 1, || parts.items().filter_map(put).last()).into_iter().flatten().next();
    ordinals.truncate(k);
    InOrder { ordinals, last_key }
}

/// Some cells that follow each other.
struct Part<'a> {
    /// How many clocks there are in the parts before.
    start: usize,
    /// Of each cell, how many clocks there are in it and in all before it.
    ends: &'a [u32],
    /// The entries, cell by cell.
    grouped: &'a [Entry],
    /// Where the devices go.
    ordinals: &'a mut [Ordinal],
}

/// Parts of less than twice [`PART`] clocks, unless a single cell has more.
fn parts<'a>(mut ends: &'a [u32], mut grouped: &'a [Entry], mut ordinals: &'a mut [Ordinal]) -> Vec<Part<'a>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    while !ends.is_empty() {
        let cells = ends.partition_point(|&end| (end as usize) < start + PART).min(ends.len() - 1) + 1;
        let (own, others) = ends.split_at(cells);
        let clocks = own[cells - 1] as usize - start;
        let (own_grouped, other_grouped) = grouped.split_at(clocks);
        let (own_ordinals, other_ordinals) = ordinals.split_at_mut(clocks);
        parts.push(Part { start, ends: own, grouped: own_grouped, ordinals: own_ordinals });
        (ends, grouped, ordinals) = (others, other_grouped, other_ordinals);
        start += clocks;
    }
    parts
}

impl Part<'_> {
    /// Puts the devices in order. Gives the key of the `k`th clock of all, if it is one of these.
    fn put_in_order(self, rung: &Rung, k: usize, by_order: &impl Fn(u32, u32) -> Ordering) -> Option<f64> {
        let Self { start, ends, grouped, ordinals } = self;
        let (mut starts, mut sorted) = (Vec::new(), Vec::new());
        let (mut done, mut kth_key) = (0, None);
        for &end in ends {
            let cell = done..end as usize - start;
            done = cell.end;
            sorted.clear();
            sorted.resize(cell.len(), 0);
            let comes_before = |a: Entry, b: Entry| {
                if (a ^ b) >> 32 == 0 { by_order(a as u32, b as u32).is_lt() } else { a < b }
            };
            let covered = |entry: Entry| (entry >> 32) as u32;
            bucket_sort(&grouped[cell.clone()], &mut sorted, &mut starts, covered, comes_before);
            for (ordinal, &entry) in ordinals[cell.clone()].iter_mut().zip(&sorted) {
                *ordinal = rung.ordinals[entry as u32 as usize];
            }
            if cell.contains(&(k - 1).wrapping_sub(start)) {
                kth_key = Some(rung.keys[sorted[k - 1 - start - cell.start] as u32 as usize]);
            }
        }
        kth_key
    }
}

/// How far a key has covered its cell, in parts of 2⁻³², above the number of its clock.
type Entry = u64;

/// Keys by cells, each a part of an octave, in which they are nearly even: keys of many rates, waited for to the end, are
/// spread over octaves as those below a horizon are over a line.
struct Cells {
    /// The cell of the least keys.
    first: u64,
    /// Of each cell, how many keys there are in it and in those before.
    ends: [u32; CELLS],
}

/// Cells of an octave.
const CELLS_OF_OCTAVE: u64 = 8;

/// Cells. Keys below the greatest by more octaves than there are cells for are in the first one.
const CELLS: usize = 32 * CELLS_OF_OCTAVE as usize;

/// The bits of a positive number, as a whole number, are in the order of the numbers: octaves are 2⁵² apart.
const CELL_BITS: u32 = 52 - CELLS_OF_OCTAVE.ilog2();

impl Cells {
    #[inline]
    fn of(keys: &[f64]) -> Self {
        // Keys are positive.
        let greatest = keys.iter().fold(0, |greatest: u64, key| greatest.max(key.to_bits()));
        let first = (greatest >> CELL_BITS).saturating_sub(CELLS as u64 - 1);
        let mut cells = Self { first, ends: [0; CELLS] };
        for key in keys {
            let cell = cells.cell(key.to_bits());
            cells.ends[cell] += 1;
        }
        let mut sum = 0;
        for end in &mut cells.ends {
            sum += *end;
            *end = sum;
        }
        cells
    }

    /// The entries of some keys, cell by cell.
    #[inline]
    fn group(&self, keys: &[f64]) -> Vec<Entry> {
        let mut grouped = vec![0; keys.len()];
        let mut starts = [0; CELLS];
        starts[1..].copy_from_slice(&self.ends[..CELLS - 1]);
        for (clock, key) in (0u32..).zip(keys) {
            let key = key.to_bits();
            let next = &mut starts[self.cell(key)];
            // Those below all cells are all at the beginning of the first.
            let covered = if key >> CELL_BITS < self.first { 0 } else { key >> (CELL_BITS - 32) & u64::from(u32::MAX) };
            grouped[*next as usize] = covered << 32 | u64::from(clock);
            *next += 1;
        }
        grouped
    }

    #[inline]
    fn cell(&self, key: u64) -> usize {
        // Never beyond the last: no key is greater than the greatest.
        (key >> CELL_BITS).saturating_sub(self.first).min(CELLS as u64 - 1) as usize
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
            // A line; octaves; few values, crowded; the least that there are.
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
        fn the_first_are_those_that_sorting_puts_first(keys in keys(), part in 0.0..1.0) {
            let fleet = fleet(keys.len() as u32);
            // Whose clocks they are is not in the order of the clocks.
            let n = keys.len() as u32;
            let rung = Rung { keys: keys.clone(), ordinals: (0..n).map(|clock| (clock + n / 3) % n).collect() };
            let k = (part * keys.len() as f64) as usize + 1;
            let mut expected: Vec<Clock> = (0..n).map(|clock| rung.get(clock)).collect();
            // Equal keys: UUIDs descend, so the later device comes first.
            expected.sort_by(|a, b| a.key.partial_cmp(&b.key).unwrap().then(b.ordinal.cmp(&a.ordinal)));
            expected.truncate(k);
            for threads in [1, 3] {
                let effort = Effort { threads: NonZero::new(threads), ..Effort::default() };
                let InOrder { ordinals, last_key } = first_in_order(&fleet, &rung, k, &effort);
                prop_assert!(ordinals.into_iter().eq(expected.iter().map(|clock| clock.ordinal)), "{:?}", effort);
                prop_assert_eq!(last_key, expected.last().map(|clock| clock.key));
            }
        }
    }
}
