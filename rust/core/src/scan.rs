//! The scan: which of the candidates have clocks that may ring before a horizon.
//!
//! It goes over spans of positions, each within a chunk of 65 536, and never holds a set of the whole fleet: the sets of
//! a chunk are worked out in 8 KiB that stay in the cache, counted, and scanned. Threads take turns of spans.
//!
//! Each word of a set stands for 64 devices. All of its lanes are tested at once against the loosest threshold of their
//! block, on the uppermost 16 bits of the variate; only the survivors have their step worked out, and only those whose variate is at
//! or below the threshold of their step have a logarithm taken.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::clock::work_out_keys;
use crate::device_set::Bits;
use crate::effort::Effort;
use crate::fleet::{BLOCK, Fleet, WORD};
use crate::identity::{LANES, Line};
use crate::kernel::Kernel;
use crate::layout::Position;
use crate::prefetch::prefetch;
use crate::recency::{Recency, SLOWDOWN, STEPS, Step};
use crate::sample::{Pick, SeedKey, mix_but_last};
use crate::terms::{Counts, Span, Terms, Window, count_where};
use crate::workers::share;

/// Words of a block.
const BLOCK_WORDS: usize = BLOCK / WORD;

/// The lines of a word.
type Lines = [Line; WORD / LANES];

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
        self.0[usize::from(step)]
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

/// What a pass finds.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) counts: Counts,
    /// The candidates whose clocks ring before the horizon, and perhaps a few that ring later.
    pub(crate) rung: Vec<Pick>,
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
            let mut found = Found { rung: Vec::with_capacity(expected / threads + WORD), ..Found::default() };
            let turns = std::iter::from_fn(|| turns.get(next.fetch_add(1, Relaxed)).copied());
            self.take(effort.kernel, turns.flatten(), &mut found);
            found
        };
        let mut shares = share(threads - 1, take_turns).into_iter();
        let mut found = shares.next().expect("that of this thread, if no other");
        for other in shares {
            found.counts.add(other.counts);
            found.rung.extend_from_slice(&other.rung);
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
        self.take_with(spans, found, survivors, Surviving::push_word);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn take_avx2<'s>(&self, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        let survivors = |lines: &Lines, key: &[u32; 3], loosest| avx2::survivors(lines, key, loosest);
        self.take_with(spans, found, survivors, Surviving::push_word);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn take_avx512<'s>(&self, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        let survivors = |lines: &Lines, key: &[u32; 3], loosest| avx512::survivors(lines, key, loosest);
        let push = |surviving: &mut Surviving, position, kept, lines: &Lines, last_seen: &[u32]| {
            avx512::push_word(surviving, position, kept, lines, last_seen);
        };
        self.take_with(spans, found, survivors, push);
    }

    /// Inlined, as all that it calls for each word, so that it is compiled for the instructions of its caller.
    #[inline(always)]
    fn take_with<'s>(
        &self,
        spans: impl Iterator<Item = &'s Span>,
        found: &mut Found,
        survivors: impl Fn(&Lines, &[u32; 3], u32) -> u64,
        push: impl Fn(&mut Surviving, Position, u64, &Lines, &[u32]),
    ) {
        let mut window = Window::new();
        let Found { counts, rung } = found;
        let mut surviving = Surviving::none(std::mem::take(rung));
        let mut spans = spans.peekable();
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
            let matching = window.count();
            if matching == 0 {
                continue;
            }
            counts.matching += matching;
            if matches!(self.search, Search::Counts { online: true }) {
                let is_online = |position| self.recency.is_online(self.fleet.last_seen[position as usize]);
                counts.online += count_where(&window, is_online);
            }
            self.terms.take_updated_from(&mut window);
            counts.not_updated += window.count();
            self.terms.take_excluded_from(&mut window);
            counts.remaining += window.count();
            if let Search::Picks(clocks) = self.search {
                let mut first = window.first;
                let mut words = window.words();
                while !words.is_empty() {
                    let (block, rest) = words.split_at((BLOCK_WORDS - first % BLOCK_WORDS).min(words.len()));
                    self.scan(clocks, first, block, end, &mut surviving, (&survivors, &push));
                    first += block.len();
                    words = rest;
                }
            }
        }
        if let Search::Picks(clocks) = self.search {
            self.settle(clocks, &mut surviving);
        }
        *rung = surviving.rung;
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
        (survivors, push): (
            &impl Fn(&Lines, &[u32; 3], u32) -> u64,
            &impl Fn(&mut Surviving, Position, u64, &Lines, &[u32]),
        ),
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
                survivors(lines, upper, loosest) & word
            };
            if kept != 0 {
                push(surviving, position, kept, lines, &self.fleet.last_seen);
            }
            if surviving.is_full() {
                self.settle(clocks, surviving);
            }
        }
    }

    /// Finds out which of those that survived have clocks that ring before the horizon.
    #[inline(always)]
    fn settle(&self, Clocks { seed, thresholds }: Clocks<'_>, surviving: &mut Surviving) {
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
            // One in three passes, and nobody can tell which: what does not pass is written over instead of skipped.
            passed = 0;
            for at in 0..*count {
                let (step, variate) = (steps[at], variates[at]);
                (positions[passed], variates[passed], steps[passed]) = (positions[at], variate, step);
                passed += usize::from(variate <= thresholds.of(step));
            }
        }
        // Now, while they lie in the order of memory, and not when they are in order.
        let mut ordinals = [0; ROOM];
        ordinals[..passed].copy_from_slice(&positions[..passed]);
        self.fleet.layout().translate(&mut ordinals[..passed]);
        if !self.terms.put_off.is_empty() {
            let mut left = 0;
            for at in 0..passed {
                let ordinal = ordinals[at];
                (positions[left], variates[left], steps[left]) = (positions[at], variates[at], steps[at]);
                ordinals[left] = ordinal;
                left += usize::from(!self.terms.put_off.iter().any(|set| set.contains(ordinal)));
            }
            passed = left;
        }
        let mut keys = [0.0; ROOM];
        work_out_keys(&variates[..passed], &steps[..passed], &mut keys);
        let picks = keys[..passed].iter().zip(&positions[..]).zip(&ordinals);
        rung.extend(picks.map(|((&key, &position), &ordinal)| Pick { key, position, ordinal }));
        *count = 0;
    }
}

/// So many devices ahead of the scan their identity hashes are asked for: memory is read without a pause while the sets
/// of the next chunk are worked out. Left to itself a CPU reads ahead to the end of a page.
const AHEAD: Position = 8192;

/// The identity hashes of fewer devices may well lie in a cache already, and are not asked for.
const IN_CACHE: usize = 2 << 20;

/// Survivors that are settled together.
const ROOM: usize = 512;

/// So many are written at once, however few of them count; there is room, since the survivors of a word find it.
const SLACK: usize = 16;

/// Candidates that passed the test on the uppermost 16 bits of their variates, until their activity is looked at.
struct Surviving {
    /// Where those go whose clocks ring before the horizon.
    rung: Vec<Pick>,
    count: usize,
    positions: [Position; ROOM],
    /// The halves of their identity hashes.
    low: [u32; ROOM],
    high: [u32; ROOM],
    last_seen: [u32; ROOM],
    steps: [Step; ROOM],
}

impl Surviving {
    fn none(rung: Vec<Pick>) -> Self {
        let (positions, low, high) = ([0; ROOM], [0; ROOM], [0; ROOM]);
        Self { rung, count: 0, positions, low, high, last_seen: [0; ROOM], steps: [0; ROOM] }
    }

    /// Takes the survivors of a word in, the first of whose devices is at this position, and asks for when they were last
    /// seen.
    #[inline(always)]
    fn push_word(&mut self, position: Position, kept: u64, lines: &Lines, last_seen: &[u32]) {
        for bit in Bits(kept) {
            prefetch(last_seen, (position + bit) as usize);
            let (line, lane) = (&lines[bit as usize / LANES], bit as usize % LANES);
            self.positions[self.count] = position + bit;
            (self.low[self.count], self.high[self.count]) = (line.low[lane], line.high[lane]);
            self.count += 1;
        }
    }

    /// Whether the survivors of one word more may find no room.
    #[inline(always)]
    fn is_full(&self) -> bool {
        self.count > ROOM - WORD
    }
}

/// Below this many candidates in a word, they are tested one by one instead of all 64 lanes together.
const FEW: u32 = 6;

/// The lanes of a word whose variate, but for the last step of its upper half, is at or below the threshold.
#[inline(always)]
fn survivors(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
    let mut kept = 0;
    for (at, line) in lines.iter().enumerate() {
        for lane in 0..LANES {
            kept |= u64::from(mix_but_last(line.low[lane], line.high[lane], key) <= loosest) << (at * LANES + lane);
        }
    }
    kept
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi32, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_min_epu32, _mm256_movemask_ps,
        _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_srli_epi32, _mm256_xor_si256,
    };

    use bytemuck::cast;

    use super::{LANES, Lines};
    use crate::sample::MULTIPLIERS;

    /// As its namesake above, eight lanes at a time.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn survivors(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
        let all = |value: u32| _mm256_set1_epi32(value as i32);
        let (key, multipliers) = (key.map(all), MULTIPLIERS.map(all));
        let loosest = all(loosest);
        let mut kept = 0;
        for (at, line) in lines.iter().enumerate() {
            let mixed = mix_but_last(load(&line.low), load(&line.high), &key, &multipliers);
            // There is no unsigned comparison: a ≤ b where the smaller of the two is a.
            let passes = _mm256_cmpeq_epi32(_mm256_min_epu32(mixed, loosest), mixed);
            let mask = _mm256_movemask_ps(_mm256_castsi256_ps(passes)) as u32;
            kept |= u64::from(mask) << (at * LANES);
        }
        kept
    }

    /// `sample::mix_but_last` in eight lanes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mix_but_last(p: __m256i, q: __m256i, key: &[__m256i; 3], multipliers: &[__m256i; 3]) -> __m256i {
        let mut t = _mm256_mullo_epi32(_mm256_xor_si256(p, key[0]), multipliers[0]);
        t = _mm256_xor_si256(t, _mm256_srli_epi32::<15>(t));
        t = _mm256_add_epi32(t, _mm256_xor_si256(q, key[1]));
        t = _mm256_xor_si256(t, _mm256_srli_epi32::<16>(t));
        t = _mm256_mullo_epi32(t, multipliers[1]);
        t = _mm256_xor_si256(t, _mm256_srli_epi32::<15>(t));
        _mm256_mullo_epi32(_mm256_add_epi32(t, key[2]), multipliers[2])
    }

    /// One load instruction, without a pointer.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(lanes: &[u32; LANES]) -> __m256i {
        cast(*lanes)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi32, _mm512_cmple_epu32_mask, _mm512_maskz_compress_epi32, _mm512_mullo_epi32,
        _mm512_set1_epi32, _mm512_setr_epi32, _mm512_shuffle_i64x2, _mm512_srli_epi32, _mm512_xor_si512,
    };

    use bytemuck::cast;

    use super::{Line, Lines, Position, SLACK, Surviving};
    use crate::prefetch::prefetch;
    use crate::sample::MULTIPLIERS;

    /// As its namesake above, sixteen lanes at a time.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn survivors(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
        let all = |value: u32| _mm512_set1_epi32(value as i32);
        let (key, multipliers) = (key.map(all), MULTIPLIERS.map(all));
        let loosest = all(loosest);
        let mut kept = 0;
        let (pairs, _) = lines.as_chunks::<2>();
        for (at, [first, second]) in pairs.iter().enumerate() {
            let (low, high) = halves(first, second);
            let passes = _mm512_cmple_epu32_mask(mix_but_last(low, high, &key, &multipliers), loosest);
            kept |= u64::from(passes) << (at * 16);
        }
        kept
    }

    /// As its namesake above, without a jump that depends on how many survived.
    #[inline]
    #[target_feature(enable = "avx512f,popcnt")]
    pub(super) fn push_word(
        surviving: &mut Surviving,
        position: Position,
        kept: u64,
        lines: &Lines,
        last_seen: &[u32],
    ) {
        let mut positions = _mm512_add_epi32(
            _mm512_set1_epi32(position as i32),
            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        );
        let (pairs, _) = lines.as_chunks::<2>();
        for (at, [first, second]) in pairs.iter().enumerate() {
            let kept = (kept >> (at * SLACK)) as u16;
            // The sixteen share a cache line. Where none of them survived, another is asked for that is at hand.
            prefetch(last_seen, if kept == 0 { 0 } else { position as usize + at * SLACK });
            let (low, high) = halves(first, second);
            let Surviving { count, positions: to_positions, low: to_low, high: to_high, .. } = &mut *surviving;
            for (from, to) in [(positions, to_positions), (low, to_low), (high, to_high)] {
                let kept: [u32; SLACK] = cast(_mm512_maskz_compress_epi32(kept, from));
                to[*count..*count + SLACK].copy_from_slice(&kept);
            }
            *count += kept.count_ones() as usize;
            positions = _mm512_add_epi32(positions, _mm512_set1_epi32(SLACK as i32));
        }
    }

    /// The lower and the upper halves of the hashes of two lines.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn halves(first: &Line, second: &Line) -> (__m512i, __m512i) {
        let (first, second) = (load(first), load(second));
        let low = _mm512_shuffle_i64x2::<0b01_00_01_00>(first, second);
        (low, _mm512_shuffle_i64x2::<0b11_10_11_10>(first, second))
    }

    /// `sample::mix_but_last` in sixteen lanes.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn mix_but_last(p: __m512i, q: __m512i, key: &[__m512i; 3], multipliers: &[__m512i; 3]) -> __m512i {
        let mut t = _mm512_mullo_epi32(_mm512_xor_si512(p, key[0]), multipliers[0]);
        t = _mm512_xor_si512(t, _mm512_srli_epi32::<15>(t));
        t = _mm512_add_epi32(t, _mm512_xor_si512(q, key[1]));
        t = _mm512_xor_si512(t, _mm512_srli_epi32::<16>(t));
        t = _mm512_mullo_epi32(t, multipliers[1]);
        t = _mm512_xor_si512(t, _mm512_srli_epi32::<15>(t));
        _mm512_mullo_epi32(_mm512_add_epi32(t, key[2]), multipliers[2])
    }

    /// One load instruction, without a pointer.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(line: &Line) -> __m512i {
        cast([line.low, line.high])
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_survivors_of_words_are_taken_in_alike_by_all_instructions(
            hashes in prop::collection::vec(any::<(u32, u32)>(), WORD),
            words in prop::collection::vec(prop_oneof![any::<u64>(), any::<u32>().prop_map(|few| 1 << (few % 64)), Just(u64::MAX)], 1..8),
        ) {
            let mut lines = Lines::default();
            for (at, &(low, high)) in hashes.iter().enumerate() {
                (lines[at / LANES].low[at % LANES], lines[at / LANES].high[at % LANES]) = (low, high);
            }
            for kernel in Kernel::all() {
                let mut surviving = Surviving::none(Vec::new());
                let mut expected = Vec::new();
                for (word, position) in words.iter().copied().zip((640..).step_by(WORD)) {
                    if kernel.has_avx512() {
                        #[allow(unsafe_code, reason = "a test of the function itself")]
                        // SAFETY: the CPU has AVX-512.
                        unsafe { avx512::push_word(&mut surviving, position, word, &lines, &[]) };
                    } else {
                        surviving.push_word(position, word, &lines, &[]);
                    }
                    for bit in (0..64).filter(|bit| word >> bit & 1 == 1) {
                        expected.push((position + bit, hashes[bit as usize]));
                    }
                }
                let Surviving { count, positions, low, high, .. } = &surviving;
                let halves = low.iter().copied().zip(high.iter().copied());
                let taken: Vec<(Position, (u32, u32))> = positions.iter().copied().zip(halves).take(*count).collect();
                prop_assert_eq!(taken, expected, "{:?}", kernel);
            }
        }

        #[test]
        fn a_word_has_the_same_survivors_by_all_instructions(
            halves in prop::collection::vec(any::<(u32, u32)>(), WORD),
            key in any::<[u32; 3]>(),
            loosest in any::<u32>(),
        ) {
            let mut lines = Lines::default();
            for (at, &(low, high)) in halves.iter().enumerate() {
                (lines[at / LANES].low[at % LANES], lines[at / LANES].high[at % LANES]) = (low, high);
            }
            // The edges of the unsigned comparison: a threshold that some lane meets exactly, and the extremes.
            let met = mix_but_last(halves[17].0, halves[17].1, &key);
            for loosest in [loosest, met, met.wrapping_sub(1), 0, u32::MAX, 1 << 31, (1 << 31) - 1] {
                let expected = survivors(&lines, &key, loosest);
                for kernel in Kernel::all() {
                    #[allow(unsafe_code, reason = "a test of the functions themselves")]
                    let found = match (kernel.has_avx512(), kernel.has_avx2()) {
                        // SAFETY: the CPU has AVX-512.
                        (true, _) => unsafe { avx512::survivors(&lines, &key, loosest) },
                        // SAFETY: the CPU has AVX2.
                        (false, true) => unsafe { avx2::survivors(&lines, &key, loosest) },
                        (false, false) => expected,
                    };
                    prop_assert_eq!(found, expected, "{:?}", kernel);
                }
            }
        }
    }
}
