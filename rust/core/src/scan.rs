//! The scan: which of the candidates have clocks that may ring before a horizon.
//!
//! It goes over spans of positions, each within a chunk of 65 536, and never holds a set of the whole fleet: the sets of
//! a chunk are worked out in 8 KiB that stay in the cache, counted, and scanned. Threads take turns of spans.
//!
//! Each word of a set stands for 64 devices. All of its lanes are tested at once against the loosest threshold of their block, on
//! the uppermost 16 bits of the variate; only the survivors have their step worked out, and only those whose variate is at
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
        self.take_with(spans, found, survivors);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn take_avx2<'s>(&self, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        self.take_with(spans, found, |lines, key, loosest| avx2::survivors(lines, key, loosest));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn take_avx512<'s>(&self, spans: impl Iterator<Item = &'s Span>, found: &mut Found) {
        self.take_with(spans, found, |lines, key, loosest| avx512::survivors(lines, key, loosest));
    }

    /// Inlined, as all that it calls for each word, so that it is compiled for the instructions of its caller.
    #[inline(always)]
    fn take_with<'s>(
        &self,
        spans: impl Iterator<Item = &'s Span>,
        found: &mut Found,
        survivors: impl Fn(&Lines, &[u32; 3], u32) -> u64,
    ) {
        let mut window = Window::new();
        let Found { counts, rung } = found;
        let mut surviving = Surviving::none(rung);
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
                    self.scan(clocks, first, block, end, &mut surviving, &survivors);
                    first += block.len();
                    words = rest;
                }
            }
        }
        if let Search::Picks(clocks) = self.search {
            self.settle(clocks, &mut surviving);
        }
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
        surviving: &mut Surviving<'_>,
        survivors: &impl Fn(&Lines, &[u32; 3], u32) -> u64,
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
            for bit in Bits(kept) {
                let (line, lane) = (&lines[bit as usize / LANES], bit as usize % LANES);
                surviving.push(position + bit, line.hash(lane));
            }
            if surviving.is_full() {
                self.settle(clocks, surviving);
            }
        }
    }

    /// Finds out which of those that survived have clocks that ring before the horizon.
    #[inline(always)]
    fn settle(&self, Clocks { seed, thresholds }: Clocks<'_>, surviving: &mut Surviving<'_>) {
        let Surviving { rung, count, positions, hashes, last_seen, steps } = surviving;
        // Each reads a cache line of its own: with nothing to decide in between, the CPU waits for many at a time.
        for (seen, &position) in last_seen.iter_mut().zip(&positions[..*count]) {
            *seen = self.fleet.last_seen[position as usize];
        }
        self.recency.work_out_steps(&last_seen[..*count], &mut steps[..]);
        for hash in &mut hashes[..*count] {
            *hash = seed.variate(*hash);
        }
        let mut passed = *count;
        if !thresholds.let_all_pass() {
            // One in three passes, and nobody can tell which: what does not pass is written over instead of skipped.
            passed = 0;
            for at in 0..*count {
                let (step, variate) = (steps[at], hashes[at]);
                (positions[passed], hashes[passed], steps[passed]) = (positions[at], variate, step);
                passed += usize::from(variate <= thresholds.of(step));
            }
        }
        if !self.terms.put_off.is_empty() {
            passed = self.leave_out_what_was_put_off(&mut positions[..passed], hashes, steps);
        }
        let mut keys = [0.0; ROOM];
        work_out_keys(&hashes[..passed], &steps[..passed], &mut keys);
        rung.extend(keys[..passed].iter().zip(&positions[..]).map(|(&key, &position)| Pick { key, position }));
        *count = 0;
    }

    /// Takes the excluded devices out that no set was asked about, and closes up. Returns how many are left.
    fn leave_out_what_was_put_off(&self, positions: &mut [Position], hashes: &mut [u64], steps: &mut [Step]) -> usize {
        let mut ordinals = [0; ROOM];
        ordinals[..positions.len()].copy_from_slice(positions);
        self.fleet.layout().translate(&mut ordinals[..positions.len()]);
        let mut left = 0;
        for (at, &ordinal) in ordinals[..positions.len()].iter().enumerate() {
            (positions[left], hashes[left], steps[left]) = (positions[at], hashes[at], steps[at]);
            left += usize::from(!self.terms.put_off.iter().any(|set| set.contains(ordinal)));
        }
        left
    }
}

/// So many devices ahead of the scan their identity hashes are asked for: memory is read without a pause while the sets
/// of the next chunk are worked out. Left to itself a CPU reads ahead to the end of a page.
const AHEAD: Position = 8192;

/// The identity hashes of fewer devices may well lie in a cache already, and are not asked for.
const IN_CACHE: usize = 2 << 20;

/// Survivors that are settled together.
const ROOM: usize = 512;

/// Candidates that passed the test on the upper half of their variates, until their activity is looked at.
struct Surviving<'a> {
    /// Where those go whose clocks ring before the horizon.
    rung: &'a mut Vec<Pick>,
    count: usize,
    positions: [Position; ROOM],
    /// Their identity hashes.
    hashes: [u64; ROOM],
    last_seen: [u32; ROOM],
    steps: [Step; ROOM],
}

impl<'a> Surviving<'a> {
    fn none(rung: &'a mut Vec<Pick>) -> Self {
        Self { rung, count: 0, positions: [0; ROOM], hashes: [0; ROOM], last_seen: [0; ROOM], steps: [0; ROOM] }
    }

    #[inline(always)]
    fn push(&mut self, position: Position, hash: u64) {
        (self.positions[self.count], self.hashes[self.count]) = (position, hash);
        self.count += 1;
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
        _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_srli_epi32, _mm256_xor_si256,
    };

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
        let [a, b, c, d, e, f, g, h] = lanes.map(|lane| lane as i32);
        _mm256_setr_epi32(a, b, c, d, e, f, g, h)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi32, _mm512_cmple_epu32_mask, _mm512_mullo_epi32, _mm512_set1_epi32, _mm512_setr_epi32,
        _mm512_shuffle_i64x2, _mm512_srli_epi32, _mm512_xor_si512,
    };

    use super::{Line, Lines};
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
            let (first, second) = (load(first), load(second));
            let low = _mm512_shuffle_i64x2::<0b01_00_01_00>(first, second);
            let high = _mm512_shuffle_i64x2::<0b11_10_11_10>(first, second);
            let passes = _mm512_cmple_epu32_mask(mix_but_last(low, high, &key, &multipliers), loosest);
            kept |= u64::from(passes) << (at * 16);
        }
        kept
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
        let [a, b, c, d, e, f, g, h] = line.low.map(|lane| lane as i32);
        let [i, j, k, l, m, n, o, p] = line.high.map(|lane| lane as i32);
        _mm512_setr_epi32(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
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
