//! The first k of some clocks, in order: each is put where it probably belongs, and what is near is set right.
//!
//! What is moved is one number for each clock, its entry: in the upper bits how far on in the order it probably comes, as
//! a fixed-point number, in the lower ones which clock it is. Entries are in the order of their clocks, but for those that
//! agree in the upper bits: of these the clocks themselves are compared.

use std::cmp::Ordering;

use crate::fleet::Fleet;
use crate::ids::Ordinal;
use crate::kernel::Kernel;
use crate::sample::{Clock, Rung};

/// Below this many clocks they are sorted as they are.
const FEW: usize = 64;

/// More entries than this in one place are sorted first: comparing neighbours would take the square of them.
const CROWD: u32 = 16;

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

/// The first `k` of at least as many clocks, in order.
///
/// Clocks whose keys are distributed in another way than is thought of here are sorted as correctly, and as fast as
/// sorting is.
pub(crate) fn first_in_order(fleet: &Fleet, rung: &Rung, k: usize, kernel: Kernel) -> InOrder {
    let by_order = |a: u32, b: u32| order(fleet, rung.get(a), rung.get(b));
    let mut sorted = if rung.keys.len() < FEW {
        let mut all: Vec<u32> = (0..rung.keys.len() as u32).collect();
        all.sort_unstable_by(|&a, &b| by_order(a, b));
        all
    } else {
        by_places(&rung.keys, k, kernel, &by_order)
    };
    sorted.truncate(k);
    InOrder {
        last_key: sorted.last().map(|&last| rung.get(last).key),
        ordinals: sorted.into_iter().map(|clock| rung.ordinals[clock as usize]).collect(),
    }
}

/// The numbers of the first `k` clocks or a few more, in order.
fn by_places(keys: &[f64], k: usize, kernel: Kernel, by_order: &impl Fn(u32, u32) -> Ordering) -> Vec<u32> {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "benches/kernels.rs: AVX-512 orders 10,000 clocks in NN of the time")]
    if kernel.has_avx512() {
        // SAFETY: a kernel says so only where the CPU was found to have what the function is compiled for.
        return unsafe { by_places_avx512(keys, k, by_order) };
    }
    let _ = kernel;
    by_places_with(keys, k, by_order)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn by_places_avx512(keys: &[f64], k: usize, by_order: &impl Fn(u32, u32) -> Ordering) -> Vec<u32> {
    by_places_with(keys, k, by_order)
}

/// Inlined, as all that it calls for each clock, so that it is compiled for the instructions of its caller.
#[inline(always)]
fn by_places_with(keys: &[f64], k: usize, by_order: &impl Fn(u32, u32) -> Ordering) -> Vec<u32> {
    let places = Places::of(keys);
    let form = Form::of(keys.len().max(places.count));
    let entries: Vec<u64> = (0..).zip(keys).map(|(clock, &key)| form.entry(places.of_key(key), clock)).collect();
    // How many go into each place; then, where the entries of each place begin.
    let mut starts = vec![0u32; places.count];
    for &entry in &entries {
        starts[form.place(entry)] += 1;
    }
    let (mut before, mut kept) = (0, 0);
    let mut crowds = Vec::new();
    for start in &mut starts {
        let here = std::mem::replace(start, before);
        // Whole places, until they hold k entries.
        if (before as usize) < k {
            kept = (before + here) as usize;
            if here > CROWD {
                crowds.push(before as usize..kept);
            }
        }
        before += here;
    }
    let mut sorted = vec![0; entries.len()];
    for entry in entries {
        let next = &mut starts[form.place(entry)];
        sorted[*next as usize] = entry;
        *next += 1;
    }
    sorted.truncate(kept);
    let comes_before =
        |a: u64, b: u64| if form.agree(a, b) { by_order(form.clock(a), form.clock(b)).is_lt() } else { a < b };
    for crowd in crowds {
        sorted[crowd].sort_unstable_by(|&a, &b| {
            if comes_before(a, b) {
                Ordering::Less
            } else if a == b {
                Ordering::Equal
            } else {
                Ordering::Greater
            }
        });
    }
    // One place holds one entry on average, and seldom more than four.
    for _ in 0..2 {
        exchange_neighbours(&mut sorted);
        exchange_neighbours(&mut sorted[1..]);
    }
    insertion_sort(&mut sorted, comes_before);
    sorted.into_iter().map(|entry| form.clock(entry)).collect()
}

/// Puts every second entry and the one that follows it in order, whoever they are of: without a decision that a CPU would
/// guess wrong every other time.
#[inline(always)]
fn exchange_neighbours(entries: &mut [u64]) {
    let (pairs, _) = entries.as_chunks_mut::<2>();
    for [one, next] in pairs {
        (*one, *next) = ((*one).min(*next), (*one).max(*next));
    }
}

/// Sorts what is nearly sorted.
#[inline(always)]
fn insertion_sort(entries: &mut [u64], comes_before: impl Fn(u64, u64) -> bool) {
    for at in 1..entries.len() {
        let entry = entries[at];
        let mut to = at;
        while to > 0 && comes_before(entry, entries[to - 1]) {
            entries[to] = entries[to - 1];
            to -= 1;
        }
        entries[to] = entry;
    }
}

/// How an entry is made up for some number of clocks.
#[derive(Clone, Copy)]
struct Form {
    /// The lowest bits, which tell the clock.
    clock_bits: u32,
    /// As many of the lowest bits of a place as there is no room for.
    dropped: u32,
}

impl Form {
    fn of(clocks: usize) -> Self {
        let clock_bits = usize::BITS - clocks.leading_zeros();
        // A place has no more whole bits than clocks have, and 32 bits of fraction.
        Self { clock_bits, dropped: (2 * clock_bits + 32).saturating_sub(64) }
    }

    /// The entry of a clock: `place` is in parts of 2⁻³².
    #[inline(always)]
    fn entry(self, place: u64, clock: u32) -> u64 {
        (place >> self.dropped << self.clock_bits) | u64::from(clock)
    }

    #[inline(always)]
    fn place(self, entry: u64) -> usize {
        (entry >> (self.clock_bits + 32 - self.dropped)) as usize
    }

    #[inline(always)]
    fn clock(self, entry: u64) -> u32 {
        (entry & ((1 << self.clock_bits) - 1)) as u32
    }

    /// Whether two entries do not tell the order of their clocks.
    #[inline(always)]
    fn agree(self, a: u64, b: u64) -> bool {
        (a ^ b) >> self.clock_bits == 0
    }
}

/// Where keys probably belong in their order: there are about as many places as keys.
///
/// Keys are counted in cells, each a part of an octave; a key's place is the number of those in the cells before, and of
/// those in its own cell the part that it has covered of the cell. Keys of many rates, waited for to the end, are spread
/// over octaves as those below a horizon are over a line: in a cell both are nearly even.
struct Places {
    /// The cell of the least keys.
    first: u64,
    /// Of each cell, the number of keys in the cells before it and, in the lower half, in it.
    cells: [u64; CELLS],
    /// How many places there are.
    count: usize,
}

/// Cells of an octave.
const CELLS_OF_OCTAVE: u64 = 32;

/// Cells. Keys below the greatest by more octaves than there are cells for are in the first one.
const CELLS: usize = 32 * CELLS_OF_OCTAVE as usize;

/// The bits of a positive number, as a whole number, are in the order of the numbers: octaves are 2⁵² apart.
const CELL_BITS: u32 = 52 - CELLS_OF_OCTAVE.ilog2();

/// Of more keys than this only every fourth is counted, and for four.
const MANY: usize = 4096;

impl Places {
    #[inline(always)]
    fn of(keys: &[f64]) -> Self {
        // Keys are positive.
        let greatest = keys.iter().fold(0, |greatest: u64, key| greatest.max(key.to_bits()));
        let first = (greatest >> CELL_BITS).saturating_sub(CELLS as u64 - 1);
        let mut places = Self { first, cells: [0; CELLS], count: 0 };
        let one_in = if keys.len() > MANY { 4 } else { 1 };
        for key in keys.iter().step_by(one_in) {
            let cell = places.cell(key.to_bits());
            places.cells[cell] += one_in as u64;
        }
        let mut sum = 0;
        for cell in &mut places.cells {
            let here = *cell;
            *cell |= sum << 32;
            sum += here;
        }
        // A key of a cell in which nobody was counted is in the first place of the next.
        places.count = sum as usize + 1;
        places
    }

    #[inline(always)]
    fn cell(&self, key: u64) -> usize {
        // Never beyond the last: no key is greater than the greatest.
        (key >> CELL_BITS).saturating_sub(self.first).min(CELLS as u64 - 1) as usize
    }

    /// In parts of 2⁻³².
    #[inline(always)]
    fn of_key(&self, key: f64) -> u64 {
        let key = key.to_bits();
        let cell = self.cells[self.cell(key)];
        let covered = if key >> CELL_BITS < self.first { 0 } else { key >> (CELL_BITS - 32) & u64::from(u32::MAX) };
        (cell >> 32 << 32) + covered * (cell & u64::from(u32::MAX))
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
            // Whose clocks they are is not in the order of the clocks.
            let n = keys.len() as u32;
            let rung = Rung { keys: keys.clone(), ordinals: (0..n).map(|clock| (clock + n / 3) % n).collect() };
            let k = (part * keys.len() as f64) as usize + 1;
            let mut expected: Vec<Clock> = (0..n).map(|clock| rung.get(clock)).collect();
            // Equal keys: UUIDs descend, so the later device comes first.
            expected.sort_by(|a, b| a.key.partial_cmp(&b.key).unwrap().then(b.ordinal.cmp(&a.ordinal)));
            expected.truncate(k);
            for kernel in Kernel::all() {
                let InOrder { ordinals, last_key } = first_in_order(&fleet, &rung, k, kernel);
                prop_assert!(ordinals.into_iter().eq(expected.iter().map(|clock| clock.ordinal)), "{:?}", kernel);
                prop_assert_eq!(last_key, expected.last().map(|clock| clock.key));
            }
        }

        #[test]
        fn places_are_in_the_order_of_keys(keys in keys()) {
            let mut keys = keys;
            let places = Places::of(&keys);
            keys.sort_by(f64::total_cmp);
            let of_each: Vec<u64> = keys.iter().map(|&key| places.of_key(key)).collect();
            prop_assert!(of_each.is_sorted() && of_each.iter().all(|place| (place >> 32) < places.count as u64));
        }
    }
}
