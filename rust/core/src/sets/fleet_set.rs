//! Sets of positions within a loaded fleet, in the forms that a scan reads.

use crate::sets::layout::{CHUNK, Position};
use crate::sets::words::{WORD, WordSet};

/// A set with at least one device in this many is stored as words, because a list takes more memory.
const DENSE: usize = 32;

/// A set of positions: one bit per device of the fleet, or a sorted list.
#[derive(Clone, Debug)]
pub(crate) enum FleetSet {
    Words { words: WordSet, len: u64 },
    List(PositionList),
}

impl FleetSet {
    /// A set of ascending, distinct positions in a fleet of `rows` rows.
    pub(crate) fn from_ascending(rows: usize, positions: Vec<Position>) -> Self {
        if positions.len() * DENSE >= rows && !positions.is_empty() {
            let len = positions.len() as u64;
            return Self::Words { words: WordSet::from_positions(rows, &positions), len };
        }
        Self::List(PositionList::of(positions))
    }

    /// A set of positions in any order, with or without repeats, for one selection.
    ///
    /// Cost: linear in the positions; for many positions, one bit per device instead of sorting them.
    pub(crate) fn from_positions(rows: usize, mut positions: Vec<Position>) -> Self {
        const QUICKER_THAN_SORTING: usize = 2048;
        if positions.len() * QUICKER_THAN_SORTING >= rows && !positions.is_empty() {
            let words = WordSet::from_positions(rows, &positions);
            let len = words.count();
            return Self::Words { words, len };
        }
        positions.sort_unstable();
        positions.dedup();
        Self::List(PositionList::of(positions))
    }

    /// The set of the positions at which a column is true.
    pub(crate) fn from_column(column: impl ExactSizeIterator<Item = bool>) -> Self {
        let rows = column.len();
        let words = WordSet::from_column(column);
        let len = words.count();
        if len as usize * DENSE >= rows && len > 0 {
            return Self::Words { words, len };
        }
        Self::List(PositionList::of(words.iter().collect()))
    }

    /// The number of devices in the set.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Words { len, .. } => *len,
            Self::List(list) => list.positions.len() as u64,
        }
    }

    /// Whether the device at a position is in the set.
    #[inline]
    pub(crate) fn contains(&self, position: Position) -> bool {
        match self {
            Self::Words { words, .. } => words.contains(position),
            Self::List(list) => list.in_chunk(position as usize / CHUNK).binary_search(&position).is_ok(),
        }
    }

    /// The positions, ascending.
    pub(crate) fn for_each(&self, mut each: impl FnMut(Position)) {
        match self {
            Self::Words { words, .. } => words.iter().for_each(each),
            Self::List(list) => list.positions.iter().for_each(|&position| each(position)),
        }
    }

    /// Intersects words of the fleet, all in one chunk, with this set.
    #[inline(always)]
    pub(crate) fn restrict(&self, first: usize, scope: &mut [u64]) {
        match self {
            Self::Words { words, .. } => {
                for (word, own) in scope.iter_mut().zip(&words.words()[first..]) {
                    *word &= own;
                }
            }
            Self::List(list) => {
                let mut members = list.in_words(first, scope.len()).iter().copied().peekable();
                for (word, at) in scope.iter_mut().zip(first..) {
                    let mut own = 0;
                    while let Some(position) = members.next_if(|&position| position as usize / WORD == at) {
                        own |= 1 << (position as usize % WORD);
                    }
                    *word &= own;
                }
            }
        }
    }

    /// Subtracts this set from words of the fleet, all in one chunk.
    #[inline(always)]
    pub(crate) fn exclude_from(&self, first: usize, scope: &mut [u64]) {
        match self {
            Self::Words { words, .. } => {
                for (word, own) in scope.iter_mut().zip(&words.words()[first..]) {
                    *word &= !own;
                }
            }
            Self::List(list) => {
                for &position in list.in_words(first, scope.len()) {
                    scope[position as usize / WORD - first] &= !(1 << (position as usize % WORD));
                }
            }
        }
    }
}

/// Ascending, distinct positions.
#[derive(Clone, Debug, Default)]
pub(crate) struct PositionList {
    positions: Vec<Position>,
    /// For each chunk up to that of the last position, and one more: the number of positions before it.
    starts: Vec<u32>,
}

impl PositionList {
    fn of(positions: Vec<Position>) -> Self {
        let chunks = positions.last().map_or(0, |&last| last as usize / CHUNK + 1);
        let mut starts = vec![0; chunks + 1];
        for position in &positions {
            starts[*position as usize / CHUNK + 1] += 1;
        }
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        Self { positions, starts }
    }

    /// The positions in a chunk.
    #[inline]
    fn in_chunk(&self, chunk: usize) -> &[Position] {
        match self.starts.get(chunk..).and_then(|starts| starts.first_chunk()) {
            Some(&[start, end]) => &self.positions[start as usize..end as usize],
            None => &[],
        }
    }

    /// The positions within some words of one chunk.
    #[inline]
    fn in_words(&self, first: usize, words: usize) -> &[Position] {
        let own = self.in_chunk(first * WORD / CHUNK);
        let start = first * WORD;
        let before = below(own, own.len() * (start % CHUNK) / CHUNK, start);
        let more = below(&own[before..], own.len() * (words * WORD) / CHUNK, start + words * WORD);
        &own[before..before + more]
    }
}

/// The number of ascending positions below a bound; about `likely`.
///
/// Compares all positions near `likely` at once, because a binary search waits for one cache miss after another.
#[inline]
fn below(positions: &[Position], likely: usize, end: usize) -> usize {
    const NEAR: usize = 64;
    let is_below = |position: &Position| (*position as usize) < end;
    let before = likely.saturating_sub(NEAR / 2).min(positions.len().saturating_sub(NEAR));
    if let Some(near) = positions[before..].first_chunk::<NEAR>()
        && (before == 0 || is_below(&near[0]))
        && (before + NEAR == positions.len() || !is_below(&near[NEAR - 1]))
    {
        return before + near.iter().map(|position| usize::from(is_below(position))).sum::<usize>();
    }
    positions.partition_point(is_below)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::sets::words::{fill_run, for_each_position};

    fn bits(first: usize, words: &[u64]) -> Vec<Position> {
        let mut found = Vec::new();
        for_each_position(first, words, |position| found.push(position));
        found
    }

    proptest! {
        #[test]
        fn both_forms_hold_what_a_plain_set_holds(
            rows in 300usize..9000,
            members in prop::collection::vec(0u32..9000, 0..600),
            scope in prop::collection::btree_set(0u32..9000, 0..600),
            words in 0usize..5,
        ) {
            let members: Vec<u32> = members.into_iter().filter(|&p| (p as usize) < rows).collect();
            let plain: BTreeSet<u32> = members.iter().copied().collect();
            let first = rows / WORD / 2;
            let last = (first + words).min(rows.div_ceil(WORD));
            let inside: BTreeSet<u32> = scope
                .into_iter()
                .filter(|&p| (p as usize) < rows && (first..last).contains(&(p as usize / WORD)))
                .collect();
            let ascending: Vec<u32> = plain.iter().copied().collect();
            let column: Vec<bool> = (0..rows as u32).map(|p| plain.contains(&p)).collect();
            for set in [
                FleetSet::from_ascending(rows, ascending.clone()),
                FleetSet::from_positions(rows, members.clone()),
                FleetSet::from_column(column.iter().copied()),
                FleetSet::List(PositionList::of(ascending.clone())),
                FleetSet::Words { words: WordSet::from_positions(rows, &members), len: plain.len() as u64 },
            ] {
                prop_assert_eq!(set.len(), plain.len() as u64);
                prop_assert!((0..rows as u32).all(|p| set.contains(p) == plain.contains(&p)));
                let mut found = Vec::new();
                set.for_each(|p| found.push(p));
                prop_assert_eq!(&found, &ascending);
                let mut scope = vec![0u64; last - first];
                for &p in &inside {
                    fill_run(first, &mut scope, p..p + 1);
                }
                let mut kept = scope.clone();
                set.restrict(first, &mut kept);
                prop_assert!(bits(first, &kept).iter().eq(inside.intersection(&plain)));
                set.exclude_from(first, &mut scope);
                prop_assert!(bits(first, &scope).iter().eq(inside.difference(&plain)));
            }
        }

        #[test]
        fn a_list_is_told_chunk_by_chunk(
            members in prop::collection::btree_set(0u32..4 * CHUNK as u32, 0..200),
            windows in prop::collection::vec((0usize..6, 0usize..CHUNK / WORD, 0usize..CHUNK / WORD), 0..20),
        ) {
            let list = PositionList::of(members.iter().copied().collect());
            for (chunk, one, other) in windows {
                let (first, words) = (chunk * (CHUNK / WORD) + one.min(other), one.abs_diff(other));
                let within = (first * WORD) as u32..((first + words) * WORD) as u32;
                prop_assert!(list.in_words(first, words).iter().eq(members.range(within)));
            }
            let set = FleetSet::List(list);
            prop_assert!(members.iter().all(|&member| set.contains(member)));
            prop_assert!((0..200).all(|at| set.contains(at * 2003) == members.contains(&(at * 2003))));
        }
    }
}
