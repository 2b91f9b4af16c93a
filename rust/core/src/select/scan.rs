//! The scan: which of the candidates have clocks that may ring before a horizon.
//!
//! It goes over spans of positions, each within a chunk of 65 536, and never holds a set of the whole fleet: the sets of
//! a chunk are worked out in 8 KiB that stay in the cache, counted unless some were put off, and scanned. Threads take
//! turns of spans.
//!
//! Each word of a set stands for 64 devices. All of its lanes are tested at once against the loosest threshold of their
//! block, on the uppermost 16 bits of the variate; only the survivors have their step worked out, and only those whose variate is at
//! or below the threshold of their step have a logarithm taken.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::fleet::fleet::{BLOCK, Fleet};
use crate::fleet::identity::LANES;
use crate::machine::effort::Effort;
use crate::machine::kernel::Kernel;
use crate::machine::thread_pool::run_parallel;
use crate::sampling::exponential::work_out_keys;
use crate::sampling::prefilter::{Lines, ROOM, SLACK, Surviving, list_passing, survivors};
#[cfg(target_arch = "x86_64")]
use crate::sampling::prefilter::{avx2, avx512};
use crate::sampling::recency::{LAST_STEP, Recency, SLOWDOWN, STEPS, Step};
use crate::select::candidates::{Counts, Span, Terms, Window, count_where};
use crate::select::sample::{Rung, SeedKey, mix_but_last};
use crate::sets::layout::Position;
use crate::sets::words::Bits;
use crate::sets::words::WORD;

/// Words of a block.
const BLOCK_WORDS: usize = BLOCK / WORD;

/// For each step, the largest variate whose clock may ring before the horizon.
pub(crate) struct Thresholds([u64; STEPS]);

impl Thresholds {
    pub(crate) fn new(horizon: f64) -> Self {
        Self(std::array::from_fn(|step| {
            let probability = -(-horizon / SLOWDOWN[step]).exp_m1();
            // `as` saturates: a probability that rounds to 1 lets every variate through.
            (probability * (1u128 << 64) as f64) as u64
        }))
    }

    /// The threshold of a step: the greater the step, the smaller.
    #[inline]
    fn of(&self, step: Step) -> u64 {
        self.0[usize::from(step.min(LAST_STEP))]
    }

    /// Whether every variate may ring.
    fn let_all_pass(&self) -> bool {
        self.0.iter().all(|&threshold| threshold == u64::MAX)
    }

    /// What the lanes of a block are tested against, no device of which has a smaller step than this: see
    /// [`mix_but_last`], beside whose upper half the lower one cannot tell.
    #[inline]
    fn loosest(&self, least_step: Step) -> u32 {
        (self.of(least_step) >> 32) as u32 | 0xFFFF
    }
}

/// What a pass over the spans is for, besides counting.
pub(crate) enum Search<'a> {
    /// Nothing; or the number of matching devices that are online.
    Counts { online: bool },
    /// The candidates whose clocks ring before a horizon.
    Picks(Clocks<'a>),
}

/// The clocks of a seed, and a horizon.
#[derive(Clone, Copy)]
pub(crate) struct Clocks<'a> {
    pub(crate) seed: &'a SeedKey,
    pub(crate) thresholds: &'a Thresholds,
}

/// A pass over the spans of a selection.
pub(crate) struct Pass<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) terms: &'a Terms<'a>,
    pub(crate) recency: &'a Recency,
    pub(crate) search: Search<'a>,
}

/// The loops of a pass that are written for several instructions.
struct Means<Survivors, Push, List> {
    /// See [`survivors`].
    survivors: Survivors,
    /// See [`Surviving::push_word`].
    push: Push,
    /// See [`list_passing`].
    list: List,
}

/// What a pass finds.
#[derive(Default)]
pub(crate) struct Found {
    /// None where sets were put off: counts that leave them out tell nothing.
    pub(crate) counts: Option<Counts>,
    /// The candidates whose clocks ring before the horizon, and perhaps a few that ring later.
    pub(crate) rung: Rung,
}

/// Spans that a thread takes at once: enough to be worth the taking, few enough for threads to end together.
const TURN: usize = 4;

impl Pass<'_> {
    /// Goes over all spans. `expected` is about how many picks are to be found.
    pub(crate) fn run(&self, effort: &Effort, expected: usize) -> Found {
        let turns: Vec<&[Span]> = self.terms.spans.chunks(TURN).collect();
        let threads = effort.threads_for(self.terms.extent()).min(turns.len()).max(1);
        let next = AtomicUsize::new(0);
        let take_turns = || {
            let mut found = Found { rung: Rung::with_capacity(expected / threads + WORD), ..Found::default() };
            let turns = std::iter::from_fn(|| turns.get(next.fetch_add(1, Relaxed)).copied());
            self.take(effort.kernel, turns.flatten(), &mut found);
            found
        };
        let mut shares = run_parallel(threads - 1, take_turns).into_iter();
        let mut found = shares.next().expect("that of this thread, if no other");
        for other in shares {
            if let (Some(counts), Some(others)) = (&mut found.counts, other.counts) {
                counts.add(others);
            }
            found.rung.extend(&other.rung.keys, &other.rung.ordinals);
        }
        found
    }

    fn take<'s>(&self, kernel: Kernel, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "benches/kernels.rs: the AVX2 scan takes a quarter of the portable one's time")]
        if kernel.has_avx512() {
            // SAFETY: a kernel says so only where the CPU was found to have what the function is compiled for.
            return unsafe { self.take_avx512(spans, found) };
        } else if kernel.has_avx2() {
            // SAFETY: likewise.
            return unsafe { self.take_avx2(spans, found) };
        }
        let _ = kernel;
        self.take_with(spans, found, &Means { survivors, push: Surviving::push_word, list: list_passing });
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn take_avx2<'s>(&self, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        let survivors = |lines: &Lines, key: &[u32; 3], loosest| avx2::survivors(lines, key, loosest);
        self.take_with(spans, found, &Means { survivors, push: Surviving::push_word, list: list_passing });
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn take_avx512<'s>(&self, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        let survivors = |lines: &Lines, key: &[u32; 3], loosest| avx512::survivors(lines, key, loosest);
        let push = |surviving: &mut Surviving, position, kept, lines: &Lines, last_seen: &[u32]| {
            avx512::push_word(surviving, position, kept, lines, last_seen);
        };
        let list = |variates: &[u64; ROOM], limits: &[u64; ROOM], count, passing: &mut [u32; ROOM + SLACK]| {
            avx512::list_passing(variates, limits, count, passing)
        };
        self.take_with(spans, found, &Means { survivors, push, list });
    }

    /// Inlined, as all that it calls for each word, so that it is compiled for the instructions of its caller.
    #[inline(always)]
    fn take_with<'s>(
        &self,
        spans: impl Iterator<Item = &'s Span>,
        found: &mut Found,
        means: &Means<
            impl Fn(&Lines, &[u32; 3], u32) -> u64,
            impl Fn(&mut Surviving, Position, u64, &Lines, &[u32]),
            impl Fn(&[u64; ROOM], &[u64; ROOM], usize, &mut [u32; ROOM + SLACK]) -> usize,
        >,
    ) {
        let mut window = Window::new();
        let mut counts = Counts::default();
        let mut surviving = Surviving::none(std::mem::take(&mut found.rung));
        let mut spans = spans.peekable();
        let counting = self.terms.put_off.is_empty();
        let mut asked = 0;
        let from_memory = self.fleet.rows() >= IN_CACHE;
        while let Some(span) = spans.next() {
            if let Some(next) = spans.peek() {
                self.terms.ask_for(next);
            }
            // After a chunk of a wide selection comes the next chunk; after a group's run, what nobody wants.
            let goes_on = spans.peek().is_some_and(|next| next.start == span.end);
            let end = match self.search {
                Search::Picks(_) if from_memory && goes_on => span.end.saturating_add(AHEAD),
                Search::Picks(_) if from_memory => span.end,
                _ => 0,
            };
            self.ask_for(asked.max(span.start)..end.min(span.start.saturating_add(AHEAD)));
            asked = end;
            self.terms.match_span(span, &mut window);
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
            self.terms.take_updated_from(&mut window);
            if counting {
                counts.not_updated += window.count();
            }
            self.terms.take_excluded_from(&mut window);
            if counting {
                counts.remaining += window.count();
            }
            if let Search::Picks(clocks) = self.search {
                let mut first = window.first;
                let mut words = window.words();
                while !words.is_empty() {
                    let (block, rest) = words.split_at((BLOCK_WORDS - first % BLOCK_WORDS).min(words.len()));
                    self.scan(clocks, first, block, end, &mut surviving, means);
                    first += block.len();
                    words = rest;
                }
            }
        }
        if let Search::Picks(clocks) = self.search {
            self.settle(clocks, &mut surviving, &means.list);
        }
        *found = Found { counts: counting.then_some(counts), rung: surviving.rung };
    }

    /// Asks for the identity hashes of some positions.
    #[inline(always)]
    fn ask_for(&self, positions: Span) {
        let identity = self.fleet.uuids().identity();
        positions.step_by(LANES).for_each(|position| identity.prefetch(position as usize));
    }

    /// Scans words of one block. Nothing needs to be asked for from `end` on.
    #[inline(always)]
    fn scan(
        &self,
        clocks: Clocks<'_>,
        first: usize,
        words: &[u64],
        end: Position,
        surviving: &mut Surviving,
        means: &Means<
            impl Fn(&Lines, &[u32; 3], u32) -> u64,
            impl Fn(&mut Surviving, Position, u64, &Lines, &[u32]),
            impl Fn(&[u64; ROOM], &[u64; ROOM], usize, &mut [u32; ROOM + SLACK]) -> usize,
        >,
    ) {
        // No device of the block has a smaller step than the one that was seen last.
        let least_step = self.recency.step(self.fleet.latest[first / BLOCK_WORDS]);
        let loosest = clocks.thresholds.loosest(least_step);
        let identity = self.fleet.uuids().identity();
        let (lines, _) = identity.lines()[first * (WORD / LANES)..].as_chunks::<{ WORD / LANES }>();
        let upper = &clocks.seed.upper;
        for (i, (&word, lines)) in words.iter().zip(lines).enumerate() {
            let position = ((first + i) * WORD) as Position;
            if end.saturating_sub(position) > AHEAD {
                self.ask_for(position + AHEAD..(position + AHEAD).saturating_add(WORD as Position));
            }
            if word == 0 {
                continue;
            }
            let kept = if word.count_ones() < FEW {
                let passes = |&bit: &u32| {
                    let (line, lane) = (&lines[bit as usize / LANES], bit as usize % LANES);
                    mix_but_last(line.low[lane], line.high[lane], upper) <= loosest
                };
                Bits(word).filter(passes).fold(0, |kept, bit| kept | 1u64 << bit)
            } else {
                (means.survivors)(lines, upper, loosest) & word
            };
            if kept != 0 {
                (means.push)(surviving, position, kept, lines, &self.fleet.last_seen);
            }
            if surviving.is_full() {
                self.settle(clocks, surviving, &means.list);
            }
        }
    }

    /// Finds out which of those that survived have clocks that ring before the horizon.
    #[inline(always)]
    fn settle(
        &self,
        Clocks { seed, thresholds }: Clocks<'_>,
        surviving: &mut Surviving,
        list: &impl Fn(&[u64; ROOM], &[u64; ROOM], usize, &mut [u32; ROOM + SLACK]) -> usize,
    ) {
        let Surviving { rung, count, positions, low, high, last_seen, steps } = surviving;
        // Each reads a cache line of its own: with nothing to decide in between, the CPU waits for many at a time.
        for (seen, &position) in last_seen.iter_mut().zip(&positions[..*count]) {
            *seen = self.fleet.last_seen[position as usize];
        }
        self.recency.work_out_steps(&last_seen[..*count], &mut steps[..]);
        let mut variates = [0; ROOM];
        for (variate, (&low, &high)) in variates[..*count].iter_mut().zip(low.iter().zip(high.iter())) {
            *variate = seed.variate_of_halves(low, high);
        }
        let mut passed = *count;
        if !thresholds.let_all_pass() {
            let mut limits = [0; ROOM];
            for (limit, &step) in limits[..*count].iter_mut().zip(steps.iter()) {
                *limit = thresholds.of(step);
            }
            let mut passing = [0; ROOM + SLACK];
            passed = list(&variates, &limits, *count, &mut passing);
            for (to, &from) in passing[..passed].iter().enumerate() {
                let from = from as usize % ROOM;
                (positions[to], variates[to], steps[to]) = (positions[from], variates[from], steps[from]);
            }
        }
        // Now, while they lie in the order of memory, and not when they are in order.
        let ordinals = positions;
        self.fleet.layout().translate(&mut ordinals[..passed]);
        if !self.terms.put_off.is_empty() {
            let mut left = 0;
            for at in 0..passed {
                let ordinal = ordinals[at];
                (ordinals[left], variates[left], steps[left]) = (ordinal, variates[at], steps[at]);
                left += usize::from(!self.terms.put_off.iter().any(|set| set.contains(ordinal)));
            }
            passed = left;
        }
        let mut keys = [0.0; ROOM];
        work_out_keys(&variates[..passed], &steps[..passed], &mut keys);
        rung.extend(&keys[..passed], &ordinals[..passed]);
        *count = 0;
    }
}

/// So many devices ahead of the scan their identity hashes are asked for: memory is read without a pause while the sets
/// of the next chunk are worked out. Left to itself a CPU reads ahead to the end of a page.
const AHEAD: Position = 8192;

/// The identity hashes of fewer devices may well lie in a cache already, and are not asked for.
const IN_CACHE: usize = 2 << 20;

/// Below this many candidates in a word, they are tested one by one instead of all 64 lanes together.
const FEW: u32 = 6;
