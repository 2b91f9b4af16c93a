//! Which devices survive the test on the uppermost bits of their variates, word by word.

use crate::fleet::identity::{LANES, Line};
use crate::machine::prefetch::prefetch;
use crate::sampling::recency::Step;
use crate::select::sample::{Rung, mix_but_last};
use crate::sets::layout::Position;
use crate::sets::words::Bits;
use crate::sets::words::WORD;

/// The lines of a word.
pub(crate) type Lines = [Line; WORD / LANES];

/// Survivors that are settled together.
pub(crate) const ROOM: usize = 512;

/// So many are written at once, however few of them count; there is room, since the survivors of a word find it.
pub(crate) const SLACK: usize = 16;

/// Candidates that passed the test on the uppermost 16 bits of their variates, until their activity is looked at.
pub(crate) struct Surviving {
    /// Where those go whose clocks ring before the horizon.
    pub(crate) rung: Rung,
    pub(crate) count: usize,
    pub(crate) positions: [Position; ROOM],
    /// The halves of their identity hashes.
    pub(crate) low: [u32; ROOM],
    pub(crate) high: [u32; ROOM],
    pub(crate) last_seen: [u32; ROOM],
    pub(crate) steps: [Step; ROOM],
}

impl Surviving {
    pub(crate) fn none(rung: Rung) -> Self {
        let (positions, low, high) = ([0; ROOM], [0; ROOM], [0; ROOM]);
        Self { rung, count: 0, positions, low, high, last_seen: [0; ROOM], steps: [0; ROOM] }
    }

    /// Takes the survivors of a word in, the first of whose devices is at this position, and asks for when they were last
    /// seen.
    #[inline(always)]
    pub(crate) fn push_word(&mut self, position: Position, kept: u64, lines: &Lines, last_seen: &[u32]) {
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
    pub(crate) fn is_full(&self) -> bool {
        self.count > ROOM - WORD
    }
}

/// The lanes of a word whose variate, but for the last step of its upper half, is at or below the threshold.
#[inline(always)]
pub(crate) fn survivors(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
    let mut kept = 0;
    for (at, line) in lines.iter().enumerate() {
        for lane in 0..LANES {
            kept |= u64::from(mix_but_last(line.low[lane], line.high[lane], key) <= loosest) << (at * LANES + lane);
        }
    }
    kept
}

/// Lists which of the first `count` variates are at or below their limits; gives how many.
///
/// One in three is, and nobody can tell which: what does not pass is written over instead of skipped.
#[inline(always)]
pub(crate) fn list_passing(
    variates: &[u64; ROOM],
    limits: &[u64; ROOM],
    count: usize,
    passing: &mut [u32; ROOM + SLACK],
) -> usize {
    let mut passed = 0;
    for (at, (variate, limit)) in (0..).zip(variates.iter().zip(limits)).take(count) {
        passing[passed] = at;
        passed += usize::from(variate <= limit);
    }
    passed
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi32, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_min_epu32, _mm256_movemask_ps,
        _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_srli_epi32, _mm256_xor_si256,
    };

    use bytemuck::cast;

    use super::{LANES, Lines};
    use crate::select::sample::MULTIPLIERS;

    /// As its namesake above, eight lanes at a time.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn survivors(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
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
pub(crate) mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm_setr_epi8, _mm512_add_epi32, _mm512_broadcast_i32x4, _mm512_cmple_epu32_mask,
        _mm512_cmple_epu64_mask, _mm512_maskz_compress_epi32, _mm512_mullo_epi32, _mm512_set1_epi32, _mm512_setr_epi32,
        _mm512_shuffle_epi8, _mm512_shuffle_i64x2, _mm512_srli_epi32, _mm512_xor_si512,
    };

    use bytemuck::cast;

    use super::{Line, Lines, Position, ROOM, SLACK, Surviving};
    use crate::machine::prefetch::prefetch;
    use crate::select::sample::MULTIPLIERS;

    /// As its namesake above, sixteen lanes at a time.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(crate) fn survivors(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
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
    pub(crate) fn push_word(
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

    /// As its namesake above, sixteen at a time.
    #[inline]
    #[target_feature(enable = "avx512f,popcnt")]
    pub(crate) fn list_passing(
        variates: &[u64; ROOM],
        limits: &[u64; ROOM],
        count: usize,
        passing: &mut [u32; ROOM + SLACK],
    ) -> usize {
        let (variates, limits) = (variates.as_chunks::<SLACK>().0, limits.as_chunks::<SLACK>().0);
        let mut places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let (mut passed, mut left) = (0, count);
        for (variates, limits) in variates.iter().zip(limits).take(count.div_ceil(SLACK)) {
            let [variates, limits]: [[__m512i; 2]; 2] = [cast(*variates), cast(*limits)];
            let [lower, upper] = [0, 1].map(|half| _mm512_cmple_epu64_mask(variates[half], limits[half]));
            let there = if left < SLACK { (1 << left) - 1 } else { u16::MAX };
            let passes = u16::from_le_bytes([lower, upper]) & there;
            let listed: [u32; SLACK] = cast(_mm512_maskz_compress_epi32(passes, places));
            passing[passed..passed + SLACK].copy_from_slice(&listed);
            passed += passes.count_ones() as usize;
            left = left.saturating_sub(SLACK);
            places = _mm512_add_epi32(places, _mm512_set1_epi32(SLACK as i32));
        }
        passed
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
    #[target_feature(enable = "avx512f,avx512bw")]
    fn mix_but_last(p: __m512i, q: __m512i, key: &[__m512i; 3], multipliers: &[__m512i; 3]) -> __m512i {
        let mut t = _mm512_mullo_epi32(_mm512_xor_si512(p, key[0]), multipliers[0]);
        t = _mm512_xor_si512(t, _mm512_srli_epi32::<15>(t));
        t = _mm512_add_epi32(t, _mm512_xor_si512(q, key[1]));
        t = _mm512_xor_si512(t, upper_halves(t));
        t = _mm512_mullo_epi32(t, multipliers[1]);
        t = _mm512_xor_si512(t, _mm512_srli_epi32::<15>(t));
        _mm512_mullo_epi32(_mm512_add_epi32(t, key[2]), multipliers[2])
    }

    /// Each number shifted to the right by 16 bits, by a port of the CPU that has less to do than the one that shifts.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn upper_halves(numbers: __m512i) -> __m512i {
        let lane = _mm_setr_epi8(2, 3, -1, -1, 6, 7, -1, -1, 10, 11, -1, -1, 14, 15, -1, -1);
        _mm512_shuffle_epi8(numbers, _mm512_broadcast_i32x4(lane))
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
    use crate::machine::kernel::Kernel;

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
                let mut surviving = Surviving::none(Rung::default());
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
        fn variates_at_or_below_their_limits_are_listed_alike_by_all_instructions(
            pairs in prop::collection::vec((0u64..8, 0u64..8).prop_map(|(v, l)| (v << 61 | 7, l << 61 | 7)), 0..=ROOM),
        ) {
            let (mut variates, mut limits) = ([0; ROOM], [u64::MAX; ROOM]);
            for (at, &(variate, limit)) in pairs.iter().enumerate() {
                (variates[at], limits[at]) = (variate, limit);
            }
            let expected: Vec<u32> = (0..).zip(&pairs).filter(|(_, (v, l))| v <= l).map(|(at, _)| at).collect();
            for kernel in Kernel::all() {
                let mut passing = [0; ROOM + SLACK];
                let passed = if kernel.has_avx512() {
                    #[allow(unsafe_code, reason = "a test of the function itself")]
                    // SAFETY: the CPU has AVX-512.
                    unsafe { avx512::list_passing(&variates, &limits, pairs.len(), &mut passing) }
                } else {
                    list_passing(&variates, &limits, pairs.len(), &mut passing)
                };
                prop_assert_eq!(&passing[..passed], &expected, "{:?}", kernel);
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
