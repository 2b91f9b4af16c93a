//! The layout of a loaded fleet: the position of each device in the columns.
//!
//! A chunk has 65 536 ordinals, like a chunk of a roaring bitmap. A device stays in the chunk of its ordinal. Within a
//! chunk, devices are sorted by group, then by ordinal, so each group is one run of positions per chunk. Sets of
//! ordinals are translated to positions chunk by chunk, by tables of two bytes per device that fit in the L2 cache.
//! docs/decisions/0012 compares this with other layouts.

use std::ops::Range;

use crate::ids::Ordinal;
use crate::machine::huge_pages;
use crate::machine::prefetch::prefetch;

/// The index of a device in the columns of a loaded fleet. Never stored, never shown to users.
pub(crate) type Position = u32;

/// Devices per chunk.
pub(crate) const CHUNK: usize = 1 << 16;

/// Positions that are translated in one batch.
const BATCH: usize = 64;

/// The translation between ordinals and positions.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    rows: usize,
    /// `None` if every position equals its ordinal.
    tables: Option<Tables>,
}

/// Translation tables. An ordinal and its position have the same upper half, so the tables contain the exclusive or of
/// the lower halves, which converts each into the other.
///
/// (Tables of the lower halves themselves hit a bug of compilers up to Rust 1.97: on x86-64 the upper half is lost when
/// the lower 16 bits of a number are replaced by 16 bits from memory.)
#[derive(Clone, Debug)]
struct Tables {
    /// By position.
    ordinals: Vec<u16>,
    /// By ordinal.
    positions: Vec<u16>,
}

/// A run of devices of one group within a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The group's code; −1 for none.
    pub(crate) code: i32,
    /// The positions of its devices.
    pub(crate) positions: Range<Position>,
}

impl Layout {
    /// Lays out devices by the codes of their groups. Also returns the runs in the order of their positions.
    pub(crate) fn by_group(codes: &[i32], groups: usize) -> (Self, Vec<Run>) {
        let rows = codes.len();
        let mut ordinals = huge_pages::filled(0u16, rows);
        let mut runs = Vec::new();
        let mut places = Places::new(groups);
        for (chunk, (codes, ordinals)) in codes.chunks(CHUNK).zip(ordinals.chunks_mut(CHUNK)).enumerate() {
            places.sort(codes, ordinals);
            let code = |&low: &u16| codes[usize::from(low)].max(-1);
            let mut start = (chunk * CHUNK) as Position;
            for members in ordinals.chunk_by(|a, b| code(a) == code(b)) {
                let end = start + members.len() as Position;
                runs.push(Run { code: code(&members[0]), positions: start..end });
                start = end;
            }
        }
        if ordinals.chunks(CHUNK).all(|chunk| chunk.is_sorted()) {
            return (Self { rows, tables: None }, runs);
        }
        let mut positions = huge_pages::filled(0u16, rows);
        for (ordinals, positions) in ordinals.chunks_mut(CHUNK).zip(positions.chunks_mut(CHUNK)) {
            for (position, ordinal) in (0..=u16::MAX).zip(ordinals) {
                positions[usize::from(*ordinal)] = position ^ *ordinal;
                *ordinal ^= position;
            }
        }
        (Self { rows, tables: Some(Tables { ordinals, positions }) }, runs)
    }

    /// The number of rows.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The position of an ordinal.
    ///
    /// # Panics
    /// For an ordinal beyond the last row, unless positions are ordinals.
    #[inline]
    pub(crate) fn position(&self, ordinal: Ordinal) -> Position {
        match &self.tables {
            None => ordinal,
            Some(tables) => ordinal ^ Position::from(tables.positions[ordinal as usize]),
        }
    }

    /// The ordinal at a position.
    ///
    /// # Panics
    /// For a position beyond the last row, unless positions are ordinals.
    #[inline]
    pub(crate) fn ordinal(&self, position: Position) -> Ordinal {
        match &self.tables {
            None => position,
            Some(tables) => position ^ Ordinal::from(tables.ordinals[position as usize]),
        }
    }

    /// Replaces positions by ordinals. Values beyond the last row stay as they are.
    pub(crate) fn translate(&self, positions: &mut [u32]) {
        let Some(tables) = &self.tables else { return };
        // Random accesses: batches let their cache misses overlap.
        for batch in positions.chunks_mut(BATCH) {
            batch.iter().for_each(|&position| prefetch(&tables.ordinals, position as usize));
            for place in batch {
                *place ^= tables.ordinals.get(*place as usize).map_or(0, |&change| Ordinal::from(change));
            }
        }
    }

    /// The translation tables; `None` if every position equals its ordinal.
    #[inline]
    pub(crate) fn tables(&self) -> Option<(&[u16], &[u16])> {
        self.tables.as_ref().map(|tables| (&tables.ordinals[..], &tables.positions[..]))
    }

    /// Reorders a column from ordinal order to position order.
    pub(crate) fn by_position<T: Copy>(&self, by_ordinal: Vec<T>) -> Vec<T> {
        if self.tables.is_none() {
            return by_ordinal;
        }
        huge_pages::collected((0..self.rows).map(|position| by_ordinal[self.ordinal(position as Position) as usize]))
    }

    /// Reorders a column from position order to ordinal order.
    pub(crate) fn by_ordinal<T: Copy>(&self, by_position: &[T]) -> Vec<T> {
        (0..self.rows as Ordinal).map(|ordinal| by_position[self.position(ordinal) as usize]).collect()
    }
}

/// Sorts the devices of a chunk by their codes, stably.
struct Places {
    // The next position of each code; no group comes first. With too many codes for counting, sort.
    next: Option<Vec<u32>>,
}

impl Places {
    fn new(groups: usize) -> Self {
        Self { next: (groups < CHUNK).then(|| vec![0; groups + 1]) }
    }

    fn sort(&mut self, codes: &[i32], sorted: &mut [u16]) {
        let rank = |code: i32| (code.max(-1) + 1) as usize;
        let Some(next) = &mut self.next else {
            for (low, place) in sorted.iter_mut().enumerate() {
                *place = low as u16;
            }
            sorted.sort_by_key(|&low| rank(codes[usize::from(low)]));
            return;
        };
        next.fill(0);
        for &code in codes {
            next[rank(code)] += 1;
        }
        let mut before = 0;
        for next in &mut *next {
            (*next, before) = (before, before + *next);
        }
        for (low, &code) in codes.iter().enumerate() {
            let next = &mut next[rank(code)];
            sorted[*next as usize] = low as u16;
            *next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::fmix64;

    fn check(codes: &[i32], groups: usize) {
        let (layout, runs) = Layout::by_group(codes, groups);
        let mut next = 0;
        for run in &runs {
            assert_eq!(run.positions.start, next);
            assert_eq!(run.positions.start as usize / CHUNK, (run.positions.end - 1) as usize / CHUNK);
            let ordinals: Vec<Ordinal> = run.positions.clone().map(|position| layout.ordinal(position)).collect();
            assert!(ordinals.is_sorted_by(|a, b| a < b), "devices of a run lie by ordinal");
            assert!(ordinals.iter().all(|&ordinal| codes[ordinal as usize].max(-1) == run.code));
            assert!(ordinals.iter().map(|&ordinal| layout.position(ordinal)).eq(run.positions.clone()));
            let chunk = run.positions.start as usize / CHUNK;
            assert!(ordinals.iter().all(|&ordinal| ordinal as usize / CHUNK == chunk));
            next = run.positions.end;
        }
        assert_eq!(next as usize, codes.len());
        let in_a_chunk = |a: &Run, b: &Run| a.positions.start as usize / CHUNK == b.positions.start as usize / CHUNK;
        assert!(runs.is_sorted_by(|a, b| !in_a_chunk(a, b) || a.code < b.code), "one run a group and chunk");
        let column: Vec<u64> = (0..codes.len() as u64).map(fmix64).collect();
        assert_eq!(layout.by_ordinal(&layout.by_position(column.clone())), column);
    }

    proptest! {
        #[test]
        fn a_layout_is_a_permutation_by_group(codes in prop::collection::vec(-2i32..5, 0..300)) {
            check(&codes, 5);
        }
    }

    #[test]
    fn chunks_are_laid_out_apart_and_any_number_of_groups_is_sorted() {
        let codes: Vec<i32> = (0..150_000u64).map(|i| (fmix64(i) % 8) as i32 - 1).collect();
        check(&codes, 7);
        let codes: Vec<i32> = (0..150_000u64).map(|i| (fmix64(i) % 90_000) as i32).collect();
        check(&codes, 90_000);
    }

    #[test]
    fn devices_that_lie_by_group_already_need_no_tables() {
        let codes: Vec<i32> = (0..100_000).map(|i| i / 40_000).collect();
        assert!(Layout::by_group(&codes, 3).0.tables().is_none());
        assert!(Layout::by_group(&[-1; 100], 0).0.tables().is_none());
        assert!(Layout::by_group(&[1, 0], 2).0.tables().is_some());
    }
}
