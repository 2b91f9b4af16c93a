//! The candidates of a selection as an expression over sets of a fleet, evaluated chunk by chunk in an 8 KiB window.
//!
//! - matching   = spans ∩ within ∩ listed
//! - candidates = matching − updated − excluded

use std::borrow::Cow;
use std::ops::Range;

use crate::select::coverage::Coverage;
use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::{CHUNK, Layout, Position};
use crate::sets::portable_set::PortableSet;
use crate::sets::words::WORD;
use crate::sets::words::{Bits, WordSet};
use crate::sets::words::{fill_run, for_each_position};

/// A run of positions within one chunk.
pub(crate) type Span = Range<Position>;

/// All positions of a fleet, as spans.
fn all_spans(rows: usize) -> Vec<Span> {
    (0..rows).step_by(CHUNK).map(|start| start as Position..(start + CHUNK).min(rows) as Position).collect()
}

/// A set of devices that are excluded from the candidates.
#[derive(Debug)]
pub(crate) enum Excluded<'a> {
    /// A set of positions.
    Positions(FleetSet),
    /// The devices that were not seen within the online threshold.
    Offline(FleetSet),
    /// A set of ordinals.
    Ordinals(PortableSet),
    /// The devices that a wave covers.
    Covered(Coverage<'a>),
}

/// The sets that define the matching devices and the candidates.
#[derive(Debug)]
pub(crate) struct Candidates<'a> {
    pub(crate) layout: &'a Layout,
    /// Ascending, non-empty runs of positions. Devices outside do not match.
    pub(crate) spans: Cow<'a, [Span]>,
    /// A matching device is in each of these sets.
    pub(crate) within: Vec<&'a FleetSet>,
    /// A matching device is in this set, if there is one.
    pub(crate) listed: Option<FleetSet>,
    pub(crate) updated: Vec<Cow<'a, FleetSet>>,
    pub(crate) excluded: Vec<Excluded<'a>>,
    /// Excluded sets whose check is deferred to the picked devices; see [`Self::defer_sparse`].
    pub(crate) deferred: Vec<PortableSet>,
}

/// Numbers of devices of a selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CandidateCounts {
    pub(crate) matching: u64,
    /// Matching and not updated.
    pub(crate) not_updated: u64,
    /// The candidates.
    pub(crate) remaining: u64,
    /// Matching and seen within the online threshold; 0 if that was not counted.
    pub(crate) online: u64,
}

impl CandidateCounts {
    pub(crate) fn add(&mut self, other: Self) {
        self.matching += other.matching;
        self.not_updated += other.not_updated;
        self.remaining += other.remaining;
        self.online += other.online;
    }
}

/// A bit vector over adjacent words of one chunk.
pub(crate) struct Window {
    /// The index of the first word within the fleet.
    pub(crate) first: usize,
    length: usize,
    words: [u64; CHUNK / WORD],
}

impl Window {
    pub(crate) fn new() -> Self {
        Self { first: 0, length: 0, words: [0; CHUNK / WORD] }
    }

    /// Sets the window to the positions of a span.
    #[inline(always)]
    pub(crate) fn cover(&mut self, span: &Span) {
        self.first = span.start as usize / WORD;
        self.length = (span.end as usize).div_ceil(WORD) - self.first;
        self.words[..self.length].fill(0);
        fill_run(self.first, &mut self.words[..self.length], span.clone());
    }

    #[inline(always)]
    pub(crate) fn words(&self) -> &[u64] {
        &self.words[..self.length]
    }

    #[inline(always)]
    fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words[..self.length]
    }

    #[inline(always)]
    pub(crate) fn count(&self) -> u64 {
        self.words().iter().map(|word| u64::from(word.count_ones())).sum()
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        // A fold instead of `any`, because a loop without an early exit vectorises.
        self.words().iter().fold(0, |all, word| all | word) == 0
    }

    /// Calls `each` with the positions, ascending.
    pub(crate) fn for_each(&self, each: impl FnMut(Position)) {
        for_each_position(self.first, self.words(), each);
    }
}

impl<'a> Candidates<'a> {
    /// The devices of a fleet that are in each of these sets.
    pub(crate) fn new(layout: &'a Layout, within: Vec<&'a FleetSet>) -> Self {
        let spans = Cow::Owned(all_spans(layout.rows()));
        Self { layout, spans, within, listed: None, updated: Vec::new(), excluded: Vec::new(), deferred: Vec::new() }
    }

    /// Defers excluded sets of ordinals whose check is cheaper for `picks` picked devices than for the whole fleet, where
    /// each ordinal costs a cache miss to find its position.
    ///
    /// If a set is deferred, a pass cannot count the candidates.
    pub(crate) fn defer_sparse(&mut self, picks: u64) {
        let rows = self.layout.rows() as u64;
        let pays =
            |set: &PortableSet| picks.saturating_mul(CONTAINS_COST) <= set.len() && set.len() * MIN_SPARSITY <= rows;
        let sets = std::mem::take(&mut self.excluded);
        for excluded in sets {
            match excluded {
                Excluded::Ordinals(set) if pays(&set) => self.deferred.push(set),
                other => self.excluded.push(other),
            }
        }
    }

    /// Undoes [`Self::defer_sparse`].
    pub(crate) fn include_deferred(&mut self) {
        self.excluded.extend(self.deferred.drain(..).map(Excluded::Ordinals));
    }

    /// An upper bound for the number of devices in the deferred sets.
    pub(crate) fn deferred_len(&self) -> u64 {
        self.deferred.iter().map(PortableSet::len).sum()
    }

    /// The number of positions in the spans, an upper bound for the matching devices.
    pub(crate) fn extent(&self) -> u64 {
        self.spans.iter().map(|span| span.len() as u64).sum()
    }

    /// Sets the window to the matching devices of a span.
    #[inline(always)]
    pub(crate) fn match_span(&self, span: &Span, window: &mut Window) {
        window.cover(span);
        let first = window.first;
        for set in self.within.iter().copied().chain(&self.listed) {
            set.restrict(first, window.words_mut());
        }
    }

    /// Removes updated devices from a window.
    #[inline(always)]
    pub(crate) fn remove_updated(&self, window: &mut Window) {
        let first = window.first;
        for set in &self.updated {
            set.exclude_from(first, window.words_mut());
        }
    }

    /// Prefetches what excluding sets of ordinals from the next span needs.
    #[inline(always)]
    pub(crate) fn prefetch(&self, span: &Span) {
        for excluded in &self.excluded {
            if let Excluded::Ordinals(set) = excluded {
                set.prefetch(self.layout, span);
            }
        }
    }

    /// Removes excluded devices from a window.
    #[inline(always)]
    pub(crate) fn remove_excluded(&self, window: &mut Window) {
        let first = window.first;
        for excluded in &self.excluded {
            match excluded {
                Excluded::Positions(set) | Excluded::Offline(set) => set.exclude_from(first, window.words_mut()),
                Excluded::Ordinals(set) => set.exclude_from(self.layout, first, window.words_mut()),
                Excluded::Covered(coverage) => coverage.exclude_from(self.layout, first, window.words_mut()),
            }
        }
    }

    /// Sets the window to the candidates of a span.
    #[inline(always)]
    pub(crate) fn candidates_in(&self, span: &Span, window: &mut Window) {
        self.match_span(span, window);
        self.remove_updated(window);
        self.remove_excluded(window);
    }

    /// The set of the matching devices.
    pub(crate) fn matching(&self) -> WordSet {
        self.gather(|span, window| self.match_span(span, window))
    }

    /// The set of the candidates.
    pub(crate) fn candidates(&self) -> WordSet {
        self.gather(|span, window| self.candidates_in(span, window))
    }

    /// Calls `each` with the candidates, ascending.
    pub(crate) fn for_each_candidate(&self, mut each: impl FnMut(Position)) {
        let mut window = Window::new();
        for span in self.spans.iter() {
            self.candidates_in(span, &mut window);
            window.for_each(&mut each);
        }
    }

    /// Calls `each` with the matching devices that a wave does not cover, ascending.
    pub(crate) fn for_each_uncovered(&self, coverage: &Coverage<'_>, mut each: impl FnMut(Position)) {
        let mut window = Window::new();
        for span in self.spans.iter() {
            self.match_span(span, &mut window);
            let first = window.first;
            coverage.exclude_from(self.layout, first, window.words_mut());
            window.for_each(&mut each);
        }
    }

    fn gather(&self, evaluate: impl Fn(&Span, &mut Window)) -> WordSet {
        let mut gathered = WordSet::none(self.layout.rows());
        let mut window = Window::new();
        for span in self.spans.iter() {
            evaluate(span, &mut window);
            // Two spans may share a word.
            for (word, found) in gathered.words_mut()[window.first..].iter_mut().zip(window.words()) {
                *word |= found;
            }
        }
        gathered
    }
}

/// Cost of checking one picked device, in units of finding the position of one member.
const CONTAINS_COST: u64 = 4;

/// A set with more than one device in this many is not deferred: too many picked devices would be rejected.
const MIN_SPARSITY: u64 = 16;

/// A systematic sample of about `at_most` positions of the spans, in pieces of a few words.
pub(crate) fn sample_spans(spans: &[Span], extent: u64, at_most: u64) -> Vec<Span> {
    const PIECE: u64 = 4 * WORD as u64;
    if extent <= at_most {
        return spans.to_vec();
    }
    let stride = (extent / (at_most / PIECE).max(1)).max(PIECE);
    let (mut pieces, mut passed, mut next) = (Vec::new(), 0, stride / 2);
    for span in spans {
        let length = span.len() as u64;
        while next < passed + length {
            let start = span.start + (next - passed) as Position;
            pieces.push(start..span.end.min(start + PIECE as Position));
            next += stride;
        }
        passed += length;
    }
    pieces
}

/// The number of devices in a window that fulfil a predicate.
#[inline(always)]
pub(crate) fn count_where(window: &Window, holds: impl Fn(Position) -> bool) -> u64 {
    let mut count = 0;
    for (&word, at) in window.words().iter().zip(window.first..) {
        for bit in Bits(word) {
            count += u64::from(holds((at * WORD) as Position + bit));
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sampled_pieces_lie_within_the_spans_in_order(
            lengths in prop::collection::vec((0u32..5_000, 1u32..60_000), 1..20),
            at_most in 256u64..20_000,
        ) {
            let mut start = 0;
            let spans: Vec<Span> = lengths.iter().map(|(gap, length)| {
                let span = start + gap..start + gap + length;
                start = span.end;
                span
            }).collect();
            let extent: u64 = spans.iter().map(|span| span.len() as u64).sum();
            let pieces = sample_spans(&spans, extent, at_most);
            prop_assert!(!pieces.is_empty() && pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert!(pieces.iter().all(|p| spans.iter().any(|s| s.start <= p.start && p.end <= s.end)));
            prop_assert!(pieces.is_sorted_by(|a, b| a.end <= b.start));
            prop_assert!(pieces.iter().map(|piece| piece.len() as u64).sum::<u64>() <= at_most + 256);
        }
    }
}
