//! The first k of some picks, in order: each is put where it probably belongs, and what is near is set right.

use std::cmp::Ordering;

use crate::fleet::Fleet;
use crate::sample::Pick;

/// Below this many picks they are sorted as they are.
const FEW: usize = 64;

/// More picks than this in one place are sorted first: comparing neighbours would take the square of them.
const CROWD: u32 = 16;

/// The order of picks: by key, then by UUID.
pub(crate) fn order(fleet: &Fleet, a: &Pick, b: &Pick) -> Ordering {
    let uuid = |pick: &Pick| fleet.uuids().get(pick.position);
    a.key.total_cmp(&b.key).then_with(|| uuid(a).cmp(&uuid(b)))
}

/// Keeps the first `k` of at least as many picks, in order.
///
/// Picks whose keys are distributed in another way than is thought of here are sorted as correctly, and as fast as
/// sorting is.
pub(crate) fn first_in_order(fleet: &Fleet, mut picks: Vec<Pick>, k: usize) -> Vec<Pick> {
    let by_order = |a: &Pick, b: &Pick| order(fleet, a, b);
    if picks.len() < FEW {
        picks.sort_unstable_by(by_order);
        picks.truncate(k);
        return picks;
    }
    let places = Places::of(&picks);
    let place_of_each: Vec<u32> = picks.iter().map(|pick| places.of_key(pick.key)).collect();
    // How many go into each place; then, where the picks of each place begin.
    let mut starts = vec![0u32; picks.len() + 1];
    for &place in &place_of_each {
        starts[place as usize] += 1;
    }
    let mut before = 0;
    let mut crowds = Vec::new();
    for start in &mut starts {
        let here = std::mem::replace(start, before);
        if here > CROWD {
            crowds.push(before as usize..(before + here) as usize);
        }
        before += here;
    }
    // Whole places, until they hold k picks: the rest is not even moved.
    let kept = starts[starts.partition_point(|&start| (start as usize) < k).min(picks.len())] as usize;
    let mut sorted = vec![Pick::default(); kept];
    for (pick, &place) in picks.iter().zip(&place_of_each) {
        let next = &mut starts[place as usize];
        if let Some(slot) = sorted.get_mut(*next as usize) {
            *slot = *pick;
            *next += 1;
        }
    }
    for crowd in crowds.into_iter().filter(|crowd| crowd.end <= kept) {
        sorted[crowd].sort_unstable_by(by_order);
    }
    insertion_sort(&mut sorted, by_order);
    sorted.truncate(k);
    sorted
}

/// Sorts what is nearly sorted.
fn insertion_sort(picks: &mut [Pick], by_order: impl Fn(&Pick, &Pick) -> Ordering) {
    for at in 1..picks.len() {
        let pick = picks[at];
        // Keys are positive: their bits are in their order, and quicker to compare.
        let key = pick.key.to_bits();
        let comes_before = |other: &Pick| match key.cmp(&other.key.to_bits()) {
            Ordering::Equal => by_order(&pick, other).is_lt(),
            order => order.is_lt(),
        };
        let mut to = at;
        while to > 0 && comes_before(&picks[to - 1]) {
            picks[to] = picks[to - 1];
            to -= 1;
        }
        picks[to] = pick;
    }
}

/// Where keys probably belong in their order: there are as many places as keys.
///
/// Keys are counted in cells, each a part of an octave; a key's place is the number of those in the cells before, and of
/// those in its own cell the part that it has covered of the cell. Keys of many rates, waited for to the end, are spread
/// over octaves as those below a horizon are over a line: in a cell both are nearly even.
struct Places {
    /// The cell of the least keys.
    first: u64,
    /// Of each cell, the number of keys before it and in it.
    cells: [(u32, u32); CELLS],
}

/// Cells of an octave.
const CELLS_OF_OCTAVE: u64 = 32;

/// Cells. Keys below the greatest by more octaves than there are cells for are in the first one.
const CELLS: usize = 32 * CELLS_OF_OCTAVE as usize;

/// The bits of a positive number, as a whole number, are in the order of the numbers: octaves are 2⁵² apart.
const CELL_BITS: u32 = 52 - CELLS_OF_OCTAVE.ilog2();

impl Places {
    fn of(picks: &[Pick]) -> Self {
        let greatest = picks.iter().fold(0.0, |greatest: f64, pick| greatest.max(pick.key));
        let first = (greatest.to_bits() >> CELL_BITS).saturating_sub(CELLS as u64 - 1);
        let mut places = Self { first, cells: [(0, 0); CELLS] };
        for pick in picks {
            let cell = places.cell(pick.key);
            places.cells[cell].1 += 1;
        }
        let mut sum = 0;
        for (before, count) in &mut places.cells {
            *before = sum;
            sum += *count;
        }
        places
    }

    #[inline]
    fn cell(&self, key: f64) -> usize {
        // Never beyond the last: no key is greater than the greatest.
        (key.to_bits() >> CELL_BITS).saturating_sub(self.first).min(CELLS as u64 - 1) as usize
    }

    #[inline]
    fn of_key(&self, key: f64) -> u32 {
        if key.to_bits() >> CELL_BITS < self.first {
            return 0;
        }
        let (before, count) = self.cells[self.cell(key)];
        let covered = (key.to_bits() & ((1 << CELL_BITS) - 1)) >> (CELL_BITS - 32);
        before + ((covered * u64::from(count)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::FleetColumns;

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
            prop::collection::vec(0.0..1e-3, 1..3000),
            prop::collection::vec((-20.0..0.0).prop_map(|e: f64| e.exp2()), 1..3000),
            prop::collection::vec(Just(0.5), 1..300),
        ]
    }

    proptest! {
        #[test]
        fn the_first_are_those_that_sorting_puts_first(keys in keys(), part in 0.0..1.0) {
            let fleet = fleet(keys.len() as u32);
            let picks: Vec<Pick> =
                keys.iter().zip(0..).map(|(&key, position)| Pick { key, position, ..Pick::default() }).collect();
            let k = (part * keys.len() as f64) as usize + 1;
            let mut expected = picks.clone();
            // Equal keys: UUIDs descend, so the later device comes first.
            expected.sort_by(|a, b| a.key.partial_cmp(&b.key).unwrap().then(b.position.cmp(&a.position)));
            expected.truncate(k);
            prop_assert_eq!(first_in_order(&fleet, picks, k), expected);
        }

        #[test]
        fn places_are_in_the_order_of_keys(keys in keys()) {
            let mut picks: Vec<Pick> = keys.into_iter().map(|key| Pick { key, ..Pick::default() }).collect();
            let places = Places::of(&picks);
            picks.sort_by(|a, b| a.key.total_cmp(&b.key));
            let of_each: Vec<u32> = picks.iter().map(|pick| places.of_key(pick.key)).collect();
            prop_assert!(of_each.is_sorted() && of_each.into_iter().all(|place| (place as usize) < picks.len()));
        }
    }
}
