//! Bit vectors: one bit per position of a fleet, in 64-bit words.

use std::ops::Range;

use crate::sets::layout::Position;

/// Columns are padded to this many devices, so that a scan always has whole words.
pub const WORD: usize = 64;

/// One bit for each position of a loaded fleet: position `p` is bit `p % 64` of word `p / 64`.
///
/// Bits past the fleet's last row are always zero. `Fleet::device_set` gives the same set over ordinals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordSet {
    rows: usize,
    words: Vec<u64>,
}

impl WordSet {
    /// The empty set, in a fleet of this many rows.
    pub(crate) fn none(rows: usize) -> Self {
        Self { rows, words: vec![0; rows.div_ceil(64)] }
    }

    /// The devices at these positions, in any order, with or without repeats.
    pub(crate) fn from_positions(rows: usize, positions: &[Position]) -> Self {
        let mut words = Self::none(rows);
        for &position in positions {
            words.insert(position);
        }
        words
    }

    /// The devices at which a column is true.
    pub(crate) fn from_column(column: impl ExactSizeIterator<Item = bool>) -> Self {
        let mut words = Self::none(column.len());
        for (at, member) in column.enumerate() {
            words.words[at / 64] |= u64::from(member) << (at % 64);
        }
        words
    }

    /// Inserts a device.
    ///
    /// # Panics
    /// For a position that the fleet does not have.
    #[inline]
    pub(crate) fn insert(&mut self, position: Position) {
        self.words[position as usize / 64] |= 1 << (position % 64);
    }

    /// Removes a device.
    ///
    /// # Panics
    /// For a position that the fleet does not have.
    #[inline]
    pub(crate) fn remove(&mut self, position: Position) {
        self.words[position as usize / 64] &= !(1 << (position % 64));
    }

    /// Whether the device at this position is in the set; false for one beyond the fleet.
    #[inline]
    pub(crate) fn contains(&self, position: Position) -> bool {
        self.words.get(position as usize / 64).is_some_and(|word| word >> (position % 64) & 1 == 1)
    }

    /// Whether no device is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The number of devices in the set.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The number of rows of the fleet that the set is over.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The words.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The words, mutable. The caller keeps bits past the last row zero.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Subtracts another set.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// The positions, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Position> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| Bits(word).map(move |bit| (i * 64) as Position + bit))
    }
}

/// The positions of a word's set bits, ascending.
#[derive(Clone, Copy, Debug)]
pub struct Bits(pub u64);

impl Iterator for Bits {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// Sets the bits of these positions in the words from `first` on.
#[inline(always)]
pub(crate) fn fill_run(first: usize, words: &mut [u64], run: Range<Position>) {
    change_run(first, words, run, |word, mask| *word |= mask);
}

/// Clears the bits of these positions.
#[inline(always)]
pub(crate) fn clear_run(first: usize, words: &mut [u64], run: Range<Position>) {
    change_run(first, words, run, |word, mask| *word &= !mask);
}

#[inline(always)]
fn change_run(first: usize, words: &mut [u64], run: Range<Position>, change: impl Fn(&mut u64, u64)) {
    if run.is_empty() {
        return;
    }
    let (start, end) = (run.start as usize - first * WORD, run.end as usize - 1 - first * WORD);
    let (low, high) = (u64::MAX << (start % WORD), u64::MAX >> (WORD - 1 - end % WORD));
    let touched = &mut words[start / WORD..=end / WORD];
    match touched {
        [only] => change(only, low & high),
        [first, middle @ .., last] => {
            change(first, low);
            middle.iter_mut().for_each(|word| change(word, u64::MAX));
            change(last, high);
        }
        [] => {}
    }
}

/// The bits that are set, as positions.
pub(crate) fn for_each_position(first: usize, words: &[u64], mut each: impl FnMut(Position)) {
    for (&word, at) in words.iter().zip(first..) {
        for bit in Bits(word) {
            each((at * WORD) as Position + bit);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(first: usize, words: &[u64]) -> Vec<Position> {
        let mut found = Vec::new();
        for_each_position(first, words, |position| found.push(position));
        found
    }

    proptest! {
        #[test]
        fn words_hold_what_a_plain_set_holds(
            rows in 1usize..3000,
            a in prop::collection::vec(0u32..3000, 0..400),
            b in prop::collection::vec(0u32..3000, 0..400),
        ) {
            let keep = |set: &[u32]| -> Vec<u32> { set.iter().copied().filter(|&p| (p as usize) < rows).collect() };
            let (a, b) = (keep(&a), keep(&b));
            let mut words = WordSet::from_positions(rows, &a);
            let others = WordSet::from_positions(rows, &b);
            let (a, b): (BTreeSet<u32>, BTreeSet<u32>) = (a.into_iter().collect(), b.into_iter().collect());
            prop_assert!(words.iter().eq(a.iter().copied()));
            prop_assert_eq!((words.count(), words.is_empty(), words.rows()), (a.len() as u64, a.is_empty(), rows));
            prop_assert!((0..4000).all(|position| words.contains(position) == a.contains(&position)));
            prop_assert_eq!(WordSet::from_column((0..rows as u32).map(|p| a.contains(&p))), words.clone());
            words.subtract(&others);
            prop_assert!(words.iter().eq(a.difference(&b).copied()));
            for &position in &a {
                words.insert(position);
            }
            for &position in &b {
                if a.contains(&position) {
                    words.remove(position);
                }
            }
            prop_assert!(words.iter().eq(a.difference(&b).copied()));
        }

        #[test]
        fn a_run_is_filled_and_cleared_exactly(start in 0u32..400, len in 0u32..400) {
            let run = 128 + start..(128 + start + len).min(128 + 448);
            let mut words = [0u64; 7];
            fill_run(2, &mut words, run.clone());
            prop_assert!(bits(2, &words).into_iter().eq(run.clone()));
            let mut words = [u64::MAX; 7];
            clear_run(2, &mut words, run.clone());
            prop_assert!(bits(2, &words).into_iter().eq((128..128 + 448).filter(|p| !run.contains(p))));
        }
    }
}
