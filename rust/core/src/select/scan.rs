//! The scan: finds the candidates whose key is below a threshold.
//!
//! It evaluates the candidates span by span in a window that stays in the cache, and never stores a set of the whole
//! fleet. Several threads take spans from a queue.
//!
//! Per word of 64 devices: the prefilter compares the upper 16 bits of all variates with the loosest threshold of the
//! block; survivors get their step, and the threshold of that step; only variates at or below it get a logarithm.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::fleet::fleet::{BLOCK, Fleet};
use crate::fleet::identity::LANES;
use crate::machine::effort::Effort;
use crate::machine::kernel::Kernel;
use crate::machine::thread_pool::run_parallel;
use crate::sampling::clocks::{Clocks, SeedKey, mix_but_last};
use crate::sampling::exponential::compute_keys;
use crate::sampling::prefilter::{CAPACITY, Lines, SLACK, Survivors, list_passing, prefilter};
#[cfg(target_arch = "x86_64")]
use crate::sampling::prefilter::{avx2, avx512};
use crate::sampling::recency::Recency;
use crate::sampling::threshold::VariateThresholds;
use crate::select::candidates::{CandidateCounts, Candidates, Span, Window, count_where};
use crate::sets::layout::Position;
use crate::sets::words::{Bits, WORD};

/// Words of a block.
const BLOCK_WORDS: usize = BLOCK / WORD;

/// Spans that a thread takes from the queue at once.
const SPANS_PER_TURN: usize = 4;

/// How many devices ahead of the scan their identity hashes are prefetched, also across the computation of the next
/// window. The hardware prefetcher stops at the end of a page.
const AHEAD: Position = 8192;

/// Smaller fleets are not prefetched, because their identity hashes are probably in the cache.
const MIN_PREFETCHED: usize = 2 << 20;

/// With fewer candidates in a word, they are tested one by one instead of all 64 lanes together.
const MIN_VECTORISED: u32 = 6;

/// What a pass looks for, besides counting.
pub(crate) enum Search<'a> {
    /// Nothing; with `online`, the number of online devices among the matching.
    Counts { online: bool },
    /// The candidates whose key is below a threshold.
    Picks(KeyFilter<'a>),
}

/// The keys of a seed that are below a threshold.
#[derive(Clone, Copy)]
pub(crate) struct KeyFilter<'a> {
    pub(crate) seed: &'a SeedKey,
    pub(crate) thresholds: &'a VariateThresholds,
}

/// A pass over the spans of a selection.
pub(crate) struct Pass<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) candidates: &'a Candidates<'a>,
    pub(crate) recency: &'a Recency,
    pub(crate) search: Search<'a>,
}

/// The inner loops of a pass, each for one kernel.
struct Loops<Prefilter, Push, List> {
    /// See [`prefilter`].
    prefilter: Prefilter,
    /// See [`Survivors::push_word`].
    push: Push,
    /// See [`list_passing`].
    list: List,
}

/// The result of a pass.
#[derive(Default)]
pub(crate) struct Found {
    /// `None` if sets are deferred.
    pub(crate) counts: Option<CandidateCounts>,
    /// The candidates whose key is below the threshold, and perhaps a few above.
    pub(crate) clocks: Clocks,
}

impl Pass<'_> {
    /// Scans all spans. `expected` is about the number of clocks to be found.
    pub(crate) fn run(&self, effort: &Effort, expected: usize) -> Found {
        let turns: Vec<&[Span]> = self.candidates.spans.chunks(SPANS_PER_TURN).collect();
        let threads = effort.threads_for(self.candidates.extent()).min(turns.len()).max(1);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut found = Found { clocks: Clocks::with_capacity(expected / threads + WORD), ..Found::default() };
            let turns = std::iter::from_fn(|| turns.get(next.fetch_add(1, Relaxed)).copied());
            self.scan_spans(effort.kernel, turns.flatten(), &mut found);
            found
        };
        let mut results = run_parallel(threads - 1, work).into_iter();
        let mut found = results.next().expect("at least the result of this thread");
        for other in results {
            if let (Some(counts), Some(others)) = (&mut found.counts, other.counts) {
                counts.add(others);
            }
            found.clocks.extend(&other.clocks.keys, &other.clocks.ordinals);
        }
        found
    }

    fn scan_spans<'s>(&self, kernel: Kernel, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "benches/kernels.rs: the AVX2 scan takes a quarter of the portable one's time")]
        if kernel.has_avx512() {
            // SAFETY: a kernel has these instructions only if the CPU has them.
            return unsafe { self.scan_avx512(spans, found) };
        } else if kernel.has_avx2() {
            // SAFETY: likewise.
            return unsafe { self.scan_avx2(spans, found) };
        }
        let _ = kernel;
        self.scan_with(spans, found, &Loops { prefilter, push: Survivors::push_word, list: list_passing });
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn scan_avx2<'s>(&self, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        let prefilter = |lines: &Lines, key: &[u32; 3], loosest| avx2::prefilter(lines, key, loosest);
        self.scan_with(spans, found, &Loops { prefilter, push: Survivors::push_word, list: list_passing });
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn scan_avx512<'s>(&self, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        let prefilter = |lines: &Lines, key: &[u32; 3], loosest| avx512::prefilter(lines, key, loosest);
        let push = |survivors: &mut Survivors, position, passed, lines: &Lines, last_seen: &[u32]| {
            avx512::push_word(survivors, position, passed, lines, last_seen);
        };
        let list =
            |variates: &[u64; CAPACITY], limits: &[u64; CAPACITY], count, passing: &mut [u32; CAPACITY + SLACK]| {
                avx512::list_passing(variates, limits, count, passing)
            };
        self.scan_with(spans, found, &Loops { prefilter, push, list });
    }

    /// Always inlined, like everything that it calls per word, so that it is compiled for its caller's instructions.
    #[inline(always)]
    fn scan_with<'s>(
        &self,
        spans: impl Iterator<Item = &'s Span>,
        found: &mut Found,
        loops: &Loops<
            impl Fn(&Lines, &[u32; 3], u32) -> u64,
            impl Fn(&mut Survivors, Position, u64, &Lines, &[u32]),
            impl Fn(&[u64; CAPACITY], &[u64; CAPACITY], usize, &mut [u32; CAPACITY + SLACK]) -> usize,
        >,
    ) {
        let mut window = Window::new();
        let mut counts = CandidateCounts::default();
        let mut survivors = Survivors::new(std::mem::take(&mut found.clocks));
        let mut spans = spans.peekable();
        let counting = self.candidates.deferred.is_empty();
        let mut prefetched = 0;
        let prefetching = self.fleet.rows() >= MIN_PREFETCHED;
        while let Some(span) = spans.next() {
            if let Some(next) = spans.peek() {
                self.candidates.prefetch(next);
            }
            // The spans of a wide selection are adjacent. After a group's run come devices that are not wanted.
            let is_adjacent = spans.peek().is_some_and(|next| next.start == span.end);
            let end = match self.search {
                Search::Picks(_) if prefetching && is_adjacent => span.end.saturating_add(AHEAD),
                Search::Picks(_) if prefetching => span.end,
                _ => 0,
            };
            self.prefetch(prefetched.max(span.start)..end.min(span.start.saturating_add(AHEAD)));
            prefetched = end;
            self.candidates.match_span(span, &mut window);
            if window.is_empty() {
                continue;
            }
            if counting {
                counts.matching += window.count();
            }
            if matches!(self.search, Search::Counts { online: true }) {
                let is_online = |position| self.recency.is_online(self.fleet.last_seen[position as usize]);
                counts.online += count_where(&window, is_online);
            }
            self.candidates.remove_updated(&mut window);
            if counting {
                counts.not_updated += window.count();
            }
            self.candidates.remove_excluded(&mut window);
            if counting {
                counts.remaining += window.count();
            }
            if let Search::Picks(filter) = self.search {
                let mut first = window.first;
                let mut words = window.words();
                while !words.is_empty() {
                    let (block, rest) = words.split_at((BLOCK_WORDS - first % BLOCK_WORDS).min(words.len()));
                    self.scan_block(filter, first, block, end, &mut survivors, loops);
                    first += block.len();
                    words = rest;
                }
            }
        }
        if let Search::Picks(filter) = self.search {
            self.settle(filter, &mut survivors, &loops.list);
        }
        *found = Found { counts: counting.then_some(counts), clocks: survivors.clocks };
    }

    /// Prefetches the identity hashes of some positions.
    #[inline(always)]
    fn prefetch(&self, positions: Span) {
        let identity = self.fleet.uuids().identity();
        positions.step_by(LANES).for_each(|position| identity.prefetch(position as usize));
    }

    /// Scans words of one block. Prefetches positions up to `end`.
    #[inline(always)]
    fn scan_block(
        &self,
        filter: KeyFilter<'_>,
        first: usize,
        words: &[u64],
        end: Position,
        survivors: &mut Survivors,
        loops: &Loops<
            impl Fn(&Lines, &[u32; 3], u32) -> u64,
            impl Fn(&mut Survivors, Position, u64, &Lines, &[u32]),
            impl Fn(&[u64; CAPACITY], &[u64; CAPACITY], usize, &mut [u32; CAPACITY + SLACK]) -> usize,
        >,
    ) {
        // The device that was seen last has the smallest step of the block.
        let least_step = self.recency.step(self.fleet.latest[first / BLOCK_WORDS]);
        let loosest = filter.thresholds.loosest(least_step);
        let identity = self.fleet.uuids().identity();
        let (lines, _) = identity.lines()[first * (WORD / LANES)..].as_chunks::<{ WORD / LANES }>();
        let upper = &filter.seed.upper;
        for (i, (&word, lines)) in words.iter().zip(lines).enumerate() {
            let position = ((first + i) * WORD) as Position;
            if end.saturating_sub(position) > AHEAD {
                self.prefetch(position + AHEAD..(position + AHEAD).saturating_add(WORD as Position));
            }
            if word == 0 {
                continue;
            }
            let passed = if word.count_ones() < MIN_VECTORISED {
                let passes = |&bit: &u32| {
                    let (line, lane) = (&lines[bit as usize / LANES], bit as usize % LANES);
                    mix_but_last(line.low[lane], line.high[lane], upper) <= loosest
                };
                Bits(word).filter(passes).fold(0, |passed, bit| passed | 1u64 << bit)
            } else {
                (loops.prefilter)(lines, upper, loosest) & word
            };
            if passed != 0 {
                (loops.push)(survivors, position, passed, lines, &self.fleet.last_seen);
            }
            if survivors.is_full() {
                self.settle(filter, survivors, &loops.list);
            }
        }
    }

    /// Computes the keys of the buffered survivors that are below the threshold, and empties the buffer.
    #[inline(always)]
    fn settle(
        &self,
        KeyFilter { seed, thresholds }: KeyFilter<'_>,
        survivors: &mut Survivors,
        list: &impl Fn(&[u64; CAPACITY], &[u64; CAPACITY], usize, &mut [u32; CAPACITY + SLACK]) -> usize,
    ) {
        let Survivors { clocks, count, positions, low, high, last_seen, steps } = survivors;
        // A loop of its own without branches, so that its cache misses overlap.
        for (seen, &position) in last_seen.iter_mut().zip(&positions[..*count]) {
            *seen = self.fleet.last_seen[position as usize];
        }
        self.recency.compute_steps(&last_seen[..*count], &mut steps[..]);
        let mut variates = [0; CAPACITY];
        for (variate, (&low, &high)) in variates[..*count].iter_mut().zip(low.iter().zip(high.iter())) {
            *variate = seed.variate_of_halves(low, high);
        }
        let mut passed = *count;
        if !thresholds.let_all_pass() {
            let mut limits = [0; CAPACITY];
            for (limit, &step) in limits[..*count].iter_mut().zip(steps.iter()) {
                *limit = thresholds.of(step);
            }
            let mut passing = [0; CAPACITY + SLACK];
            passed = list(&variates, &limits, *count, &mut passing);
            for (to, &from) in passing[..passed].iter().enumerate() {
                let from = from as usize % CAPACITY;
                (positions[to], variates[to], steps[to]) = (positions[from], variates[from], steps[from]);
            }
        }
        // Translate now, in memory order, and not after sorting.
        let ordinals = positions;
        self.fleet.layout().translate(&mut ordinals[..passed]);
        if !self.candidates.deferred.is_empty() {
            let mut left = 0;
            for at in 0..passed {
                let ordinal = ordinals[at];
                (ordinals[left], variates[left], steps[left]) = (ordinal, variates[at], steps[at]);
                left += usize::from(!self.candidates.deferred.iter().any(|set| set.contains(ordinal)));
            }
            passed = left;
        }
        let mut keys = [0.0; CAPACITY];
        compute_keys(&variates[..passed], &steps[..passed], &mut keys);
        clocks.extend(&keys[..passed], &ordinals[..passed]);
        *count = 0;
    }
}
