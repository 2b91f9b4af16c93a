//! A selector as sets of a fleet, worked out chunk by chunk in memory that stays in the cache.
//!
//! - matching   = the spans ∩ each set that a device must be in
//! - candidates = matching − updated − excluded

use std::borrow::Cow;
use std::ops::Range;

use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::{CHUNK, Layout, Position};
use crate::sets::portable_set::PortableSet;
use crate::sets::words::WORD;
use crate::sets::words::{Bits, WordSet};
use crate::sets::words::{fill_run, for_each_position};
use crate::waves::wave::Coverage;

/// A run of positions within one chunk.
pub(crate) type Span = Range<Position>;

/// All positions of a fleet, as spans.
pub(crate) fn all_spans(rows: usize) -> Vec<Span> {
    (0..rows).step_by(CHUNK).map(|start| start as Position..(start + CHUNK).min(rows) as Position).collect()
}

/// Devices that are no candidates although they match and are not updated.
#[derive(Debug)]
pub(crate) enum Excluded<'a> {
    /// Those at these positions.
    Positions(FleetSet),
    /// Those that were not seen within the online threshold.
    Offline(FleetSet),
    /// Those of a set of ordinals.
    Ordinals(PortableSet),
    /// Those that a wave covers.
    Covered(Coverage<'a>),
}

/// The sets that make up the matching devices and the candidates.
#[derive(Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) layout: &'a Layout,
    /// Where to look at all: ascending, and none of them empty.
    pub(crate) spans: Cow<'a, [Span]>,
    /// What a device must be in.
    pub(crate) within: Vec<&'a FleetSet>,
    /// What a device must be in, too.
    pub(crate) listed: Option<FleetSet>,
    pub(crate) updated: Vec<Cow<'a, FleetSet>>,
    pub(crate) excluded: Vec<Excluded<'a>>,
    /// What is excluded, too, but only looked at for the devices that would be picked without it: see [`Self::put_off`].
    pub(crate) put_off: Vec<PortableSet>,
}

/// How many devices the sets hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) matching: u64,
    /// Matching and not updated.
    pub(crate) not_updated: u64,
    /// The candidates.
    pub(crate) remaining: u64,
    /// Matching and seen within the online threshold, where that was asked for.
    pub(crate) online: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.matching += other.matching;
        self.not_updated += other.not_updated;
        self.remaining += other.remaining;
        self.online += other.online;
    }
}

/// Some words of a fleet, all of one chunk.
pub(crate) struct Window {
    /// The number of the first word in the fleet.
    pub(crate) first: usize,
    length: usize,
    words: [u64; CHUNK / WORD],
}

impl Window {
    pub(crate) fn new() -> Self {
        Self { first: 0, length: 0, words: [0; CHUNK / WORD] }
    }

    /// Makes it all positions of a span and no others.
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
        // Not `any`: many words are looked at at once where there is no way out in between.
        self.words().iter().fold(0, |all, word| all | word) == 0
    }

    /// Calls `each` with the positions, ascending.
    pub(crate) fn for_each(&self, each: impl FnMut(Position)) {
        for_each_position(self.first, self.words(), each);
    }
}

impl<'a> Terms<'a> {
    /// All devices of a fleet that are in these sets, wherever they are.
    pub(crate) fn everywhere(layout: &'a Layout, within: Vec<&'a FleetSet>) -> Self {
        let spans = Cow::Owned(all_spans(layout.rows()));
        Self { layout, spans, within, listed: None, updated: Vec::new(), excluded: Vec::new(), put_off: Vec::new() }
    }

    /// Leaves sets of ordinals out of the sets that are worked out chunk by chunk, where it is quicker to ask of each of
    /// some picks whether it is in them: to find the position of an ordinal costs a cache miss.
    ///
    /// A pass then counts nothing.
    pub(crate) fn put_off(&mut self, picks: u64) {
        let rows = self.layout.rows() as u64;
        let pays =
            |set: &PortableSet| picks.saturating_mul(PICKS_FOR_MEMBERS) <= set.len() && set.len() * SPARSE <= rows;
        let sets = std::mem::take(&mut self.excluded);
        for excluded in sets {
            match excluded {
                Excluded::Ordinals(set) if pays(&set) => self.put_off.push(set),
                other => self.excluded.push(other),
            }
        }
    }

    /// Undoes [`Self::put_off`].
    pub(crate) fn take_back(&mut self) {
        self.excluded.extend(self.put_off.drain(..).map(Excluded::Ordinals));
    }

    /// The number of devices in the sets that were put off, at most.
    pub(crate) fn count_put_off(&self) -> u64 {
        self.put_off.iter().map(PortableSet::len).sum()
    }

    /// The number of positions in the spans: no set has more devices.
    pub(crate) fn extent(&self) -> u64 {
        self.spans.iter().map(|span| span.len() as u64).sum()
    }

    /// Makes the window the matching devices of a span.
    #[inline(always)]
    pub(crate) fn match_span(&self, span: &Span, window: &mut Window) {
        window.cover(span);
        let first = window.first;
        for set in self.within.iter().copied().chain(&self.listed) {
            set.restrict(first, window.words_mut());
        }
    }

    /// Takes what is updated out of a window.
    #[inline(always)]
    pub(crate) fn take_updated_from(&self, window: &mut Window) {
        let first = window.first;
        for set in &self.updated {
            set.exclude_from(first, window.words_mut());
        }
    }

    /// Asks for what the next span's sets take from memory beside their words.
    #[inline(always)]
    pub(crate) fn ask_for(&self, span: &Span) {
        for excluded in &self.excluded {
            if let Excluded::Ordinals(set) = excluded {
                set.ask_for(self.layout, span);
            }
        }
    }

    /// Takes what is excluded out of a window.
    #[inline(always)]
    pub(crate) fn take_excluded_from(&self, window: &mut Window) {
        let first = window.first;
        for excluded in &self.excluded {
            match excluded {
                Excluded::Positions(set) | Excluded::Offline(set) => set.exclude_from(first, window.words_mut()),
                Excluded::Ordinals(set) => set.exclude_from(self.layout, first, window.words_mut()),
                Excluded::Covered(coverage) => coverage.exclude_from(self.layout, first, window.words_mut()),
            }
        }
    }

    /// Makes the window the candidates of a span.
    #[inline(always)]
    pub(crate) fn candidates_of(&self, span: &Span, window: &mut Window) {
        self.match_span(span, window);
        self.take_updated_from(window);
        self.take_excluded_from(window);
    }

    /// The matching devices.
    pub(crate) fn matching(&self) -> WordSet {
        self.gather(|span, window| self.match_span(span, window))
    }

    /// The candidates.
    pub(crate) fn candidates(&self) -> WordSet {
        self.gather(|span, window| self.candidates_of(span, window))
    }

    /// Calls `each` with the candidates, span by span.
    pub(crate) fn for_each_candidate(&self, mut each: impl FnMut(Position)) {
        let mut window = Window::new();
        for span in self.spans.iter() {
            self.candidates_of(span, &mut window);
            window.for_each(&mut each);
        }
    }

    /// Calls `each` with the matching devices that a wave does not cover, span by span.
    pub(crate) fn for_each_matching_but(&self, coverage: &Coverage<'_>, mut each: impl FnMut(Position)) {
        let mut window = Window::new();
        for span in self.spans.iter() {
            self.match_span(span, &mut window);
            let first = window.first;
            coverage.exclude_from(self.layout, first, window.words_mut());
            window.for_each(&mut each);
        }
    }

    fn gather(&self, work_out: impl Fn(&Span, &mut Window)) -> WordSet {
        let mut gathered = WordSet::none(self.layout.rows());
        let mut window = Window::new();
        for span in self.spans.iter() {
            work_out(span, &mut window);
            // Spans of different groups may share a word.
            for (word, found) in gathered.words_mut()[window.first..].iter_mut().zip(window.words()) {
                *word |= found;
            }
        }
        gathered
    }
}

/// Members of a set whose positions are found in the time in which one pick is looked for in it.
const PICKS_FOR_MEMBERS: u64 = 4;

/// A set that has more than one device in this many is not put off: too many picks would be for nothing.
const SPARSE: u64 = 16;

/// Some positions of the spans, spread evenly, and no more than about so many: windows of a few words each.
pub(crate) fn spread(spans: &[Span], extent: u64, at_most: u64) -> Vec<Span> {
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

/// The number of devices of a window of which something holds.
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
        fn what_is_spread_lies_within_the_spans_evenly_and_in_order(
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
            let pieces = spread(&spans, extent, at_most);
            prop_assert!(!pieces.is_empty() && pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert!(pieces.iter().all(|p| spans.iter().any(|s| s.start <= p.start && p.end <= s.end)));
            prop_assert!(pieces.is_sorted_by(|a, b| a.end <= b.start));
            prop_assert!(pieces.iter().map(|piece| piece.len() as u64).sum::<u64>() <= at_most + 256);
        }
    }
}
