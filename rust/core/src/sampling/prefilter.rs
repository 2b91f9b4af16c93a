//! The prefilter: a test of 64 devices at once on the upper 16 bits of their variates, and the buffer of its survivors.

use crate::fleet::identity::{LANES, Line};
use crate::machine::prefetch::prefetch;
use crate::sampling::clocks::{Clocks, mix_but_last};
use crate::sampling::recency::Step;
use crate::sets::layout::Position;
use crate::sets::words::Bits;
use crate::sets::words::WORD;

/// The identity hashes of the 64 devices of a word.
pub(crate) type Lines = [Line; WORD / LANES];

/// Capacity of the buffer.
pub(crate) const CAPACITY: usize = 512;

/// AVX-512 code writes 16 elements at a time, of which only the first are valid.
pub(crate) const SLACK: usize = 16;

/// Candidates that passed the prefilter, until their keys are computed.
pub(crate) struct Survivors {
    /// The result: the clocks whose key may be below the threshold.
    pub(crate) clocks: Clocks,
    pub(crate) count: usize,
    pub(crate) positions: [Position; CAPACITY],
    /// The lower and upper halves of the identity hashes.
    pub(crate) low: [u32; CAPACITY],
    pub(crate) high: [u32; CAPACITY],
    pub(crate) last_seen: [u32; CAPACITY],
    pub(crate) steps: [Step; CAPACITY],
}

impl Survivors {
    /// An empty buffer that appends to `clocks`.
    pub(crate) fn new(clocks: Clocks) -> Self {
        let (positions, low, high) = ([0; CAPACITY], [0; CAPACITY], [0; CAPACITY]);
        Self { clocks, count: 0, positions, low, high, last_seen: [0; CAPACITY], steps: [0; CAPACITY] }
    }

    /// Adds the devices of a word whose bit is set in `passed`, and prefetches their `last_seen`. `position` is that of
    /// the first bit.
    #[inline(always)]
    pub(crate) fn push_word(&mut self, position: Position, passed: u64, lines: &Lines, last_seen: &[u32]) {
        for bit in Bits(passed) {
            prefetch(last_seen, (position + bit) as usize);
            let (line, lane) = (&lines[bit as usize / LANES], bit as usize % LANES);
            self.positions[self.count] = position + bit;
            (self.low[self.count], self.high[self.count]) = (line.low[lane], line.high[lane]);
            self.count += 1;
        }
    }

    /// Whether the buffer may overflow with the next word.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.count > CAPACITY - WORD
    }
}

/// The lanes of a word whose variate may be at or below the threshold: a bit per device.
#[inline(always)]
pub(crate) fn prefilter(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
    let mut passed = 0;
    for (at, line) in lines.iter().enumerate() {
        for lane in 0..LANES {
            passed |= u64::from(mix_but_last(line.low[lane], line.high[lane], key) <= loosest) << (at * LANES + lane);
        }
    }
    passed
}

/// Writes the indexes of the variates at or below their limits to `passing`, and returns how many there are. Considers
/// the first `count` variates.
///
/// Branchless: about one in three passes, which a CPU cannot predict.
#[inline(always)]
pub(crate) fn list_passing(
    variates: &[u64; CAPACITY],
    limits: &[u64; CAPACITY],
    count: usize,
    passing: &mut [u32; CAPACITY + SLACK],
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
    use crate::sampling::clocks::MULTIPLIERS;

    /// [`super::prefilter`], eight lanes at a time.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn prefilter(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
        let all = |value: u32| _mm256_set1_epi32(value as i32);
        let (key, multipliers) = (key.map(all), MULTIPLIERS.map(all));
        let loosest = all(loosest);
        let mut passed = 0;
        for (at, line) in lines.iter().enumerate() {
            let mixed = mix_but_last(load(&line.low), load(&line.high), &key, &multipliers);
            // AVX2 has no unsigned comparison: a ≤ b if and only if min(a, b) = a.
            let passes = _mm256_cmpeq_epi32(_mm256_min_epu32(mixed, loosest), mixed);
            let mask = _mm256_movemask_ps(_mm256_castsi256_ps(passes)) as u32;
            passed |= u64::from(mask) << (at * LANES);
        }
        passed
    }

    /// `clocks::mix_but_last` in eight lanes.
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

    /// Compiles to one load instruction.
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

    use super::{CAPACITY, Line, Lines, Position, SLACK, Survivors};
    use crate::machine::prefetch::prefetch;
    use crate::sampling::clocks::MULTIPLIERS;

    /// [`super::prefilter`], sixteen lanes at a time.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(crate) fn prefilter(lines: &Lines, key: &[u32; 3], loosest: u32) -> u64 {
        let all = |value: u32| _mm512_set1_epi32(value as i32);
        let (key, multipliers) = (key.map(all), MULTIPLIERS.map(all));
        let loosest = all(loosest);
        let mut passed = 0;
        let (pairs, _) = lines.as_chunks::<2>();
        for (at, [first, second]) in pairs.iter().enumerate() {
            let (low, high) = halves(first, second);
            let passes = _mm512_cmple_epu32_mask(mix_but_last(low, high, &key, &multipliers), loosest);
            passed |= u64::from(passes) << (at * 16);
        }
        passed
    }

    /// [`Survivors::push_word`] without a branch that depends on the number of survivors.
    #[inline]
    #[target_feature(enable = "avx512f,popcnt")]
    pub(crate) fn push_word(
        survivors: &mut Survivors,
        position: Position,
        passed: u64,
        lines: &Lines,
        last_seen: &[u32],
    ) {
        let mut positions = _mm512_add_epi32(
            _mm512_set1_epi32(position as i32),
            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        );
        let (pairs, _) = lines.as_chunks::<2>();
        for (at, [first, second]) in pairs.iter().enumerate() {
            let passed = (passed >> (at * SLACK)) as u16;
            // The sixteen share a cache line. If none passed, prefetch a line that is cached already.
            prefetch(last_seen, if passed == 0 { 0 } else { position as usize + at * SLACK });
            let (low, high) = halves(first, second);
            let Survivors { count, positions: to_positions, low: to_low, high: to_high, .. } = &mut *survivors;
            for (from, to) in [(positions, to_positions), (low, to_low), (high, to_high)] {
                let compressed: [u32; SLACK] = cast(_mm512_maskz_compress_epi32(passed, from));
                to[*count..*count + SLACK].copy_from_slice(&compressed);
            }
            *count += passed.count_ones() as usize;
            positions = _mm512_add_epi32(positions, _mm512_set1_epi32(SLACK as i32));
        }
    }

    /// [`super::list_passing`], sixteen at a time.
    #[inline]
    #[target_feature(enable = "avx512f,popcnt")]
    pub(crate) fn list_passing(
        variates: &[u64; CAPACITY],
        limits: &[u64; CAPACITY],
        count: usize,
        passing: &mut [u32; CAPACITY + SLACK],
    ) -> usize {
        let (variates, limits) = (variates.as_chunks::<SLACK>().0, limits.as_chunks::<SLACK>().0);
        let mut places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let (mut passed, mut left) = (0, count);
        for (variates, limits) in variates.iter().zip(limits).take(count.div_ceil(SLACK)) {
            let [variates, limits]: [[__m512i; 2]; 2] = [cast(*variates), cast(*limits)];
            let [lower, upper] = [0, 1].map(|half| _mm512_cmple_epu64_mask(variates[half], limits[half]));
            let valid = if left < SLACK { (1 << left) - 1 } else { u16::MAX };
            let passes = u16::from_le_bytes([lower, upper]) & valid;
            let listed: [u32; SLACK] = cast(_mm512_maskz_compress_epi32(passes, places));
            passing[passed..passed + SLACK].copy_from_slice(&listed);
            passed += passes.count_ones() as usize;
            left = left.saturating_sub(SLACK);
            places = _mm512_add_epi32(places, _mm512_set1_epi32(SLACK as i32));
        }
        passed
    }

    /// The lower halves, then the upper halves, of the hashes of two lines.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn halves(first: &Line, second: &Line) -> (__m512i, __m512i) {
        let (first, second) = (load(first), load(second));
        let low = _mm512_shuffle_i64x2::<0b01_00_01_00>(first, second);
        (low, _mm512_shuffle_i64x2::<0b11_10_11_10>(first, second))
    }

    /// `clocks::mix_but_last` in sixteen lanes.
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

    /// Each number shifted right by 16 bits, as a byte shuffle: that uses a less busy execution port than a shift.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn upper_halves(numbers: __m512i) -> __m512i {
        let lane = _mm_setr_epi8(2, 3, -1, -1, 6, 7, -1, -1, 10, 11, -1, -1, 14, 15, -1, -1);
        _mm512_shuffle_epi8(numbers, _mm512_broadcast_i32x4(lane))
    }

    /// Compiles to one load instruction.
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
        fn all_kernels_push_the_same_survivors(
            hashes in prop::collection::vec(any::<(u32, u32)>(), WORD),
            words in prop::collection::vec(prop_oneof![any::<u64>(), any::<u32>().prop_map(|few| 1 << (few % 64)), Just(u64::MAX)], 1..8),
        ) {
            let mut lines = Lines::default();
            for (at, &(low, high)) in hashes.iter().enumerate() {
                (lines[at / LANES].low[at % LANES], lines[at / LANES].high[at % LANES]) = (low, high);
            }
            for kernel in Kernel::all() {
                let mut survivors = Survivors::new(Clocks::default());
                let mut expected = Vec::new();
                for (word, position) in words.iter().copied().zip((640..).step_by(WORD)) {
                    if kernel.has_avx512() {
                        #[allow(unsafe_code, reason = "a test of the function itself")]
                        // SAFETY: the CPU has AVX-512.
                        unsafe { avx512::push_word(&mut survivors, position, word, &lines, &[]) };
                    } else {
                        survivors.push_word(position, word, &lines, &[]);
                    }
                    for bit in (0..64).filter(|bit| word >> bit & 1 == 1) {
                        expected.push((position + bit, hashes[bit as usize]));
                    }
                }
                let Survivors { count, positions, low, high, .. } = &survivors;
                let halves = low.iter().copied().zip(high.iter().copied());
                let taken: Vec<(Position, (u32, u32))> = positions.iter().copied().zip(halves).take(*count).collect();
                prop_assert_eq!(taken, expected, "{:?}", kernel);
            }
        }

        #[test]
        fn all_kernels_list_the_same_variates(
            pairs in prop::collection::vec((0u64..8, 0u64..8).prop_map(|(v, l)| (v << 61 | 7, l << 61 | 7)), 0..=CAPACITY),
        ) {
            let (mut variates, mut limits) = ([0; CAPACITY], [u64::MAX; CAPACITY]);
            for (at, &(variate, limit)) in pairs.iter().enumerate() {
                (variates[at], limits[at]) = (variate, limit);
            }
            let expected: Vec<u32> = (0..).zip(&pairs).filter(|(_, (v, l))| v <= l).map(|(at, _)| at).collect();
            for kernel in Kernel::all() {
                let mut passing = [0; CAPACITY + SLACK];
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
        fn all_kernels_prefilter_a_word_alike(
            halves in prop::collection::vec(any::<(u32, u32)>(), WORD),
            key in any::<[u32; 3]>(),
            loosest in any::<u32>(),
        ) {
            let mut lines = Lines::default();
            for (at, &(low, high)) in halves.iter().enumerate() {
                (lines[at / LANES].low[at % LANES], lines[at / LANES].high[at % LANES]) = (low, high);
            }
            // Edge cases of the unsigned comparison: a threshold that equals some lane's value, and the extremes.
            let equal = mix_but_last(halves[17].0, halves[17].1, &key);
            for loosest in [loosest, equal, equal.wrapping_sub(1), 0, u32::MAX, 1 << 31, (1 << 31) - 1] {
                let expected = prefilter(&lines, &key, loosest);
                for kernel in Kernel::all() {
                    #[allow(unsafe_code, reason = "a test of the functions themselves")]
                    let found = match (kernel.has_avx512(), kernel.has_avx2()) {
                        // SAFETY: the CPU has AVX-512.
                        (true, _) => unsafe { avx512::prefilter(&lines, &key, loosest) },
                        // SAFETY: the CPU has AVX2.
                        (false, true) => unsafe { avx2::prefilter(&lines, &key, loosest) },
                        (false, false) => expected,
                    };
                    prop_assert_eq!(found, expected, "{:?}", kernel);
                }
            }
        }
    }
}
