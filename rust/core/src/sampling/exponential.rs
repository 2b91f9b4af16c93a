//! The keys of many variates at once.
//!
//! Algorithm 1 prescribes the `log1p` of the `libm` crate (fdlibm). This is the same computation, bit for bit, for the
//! arguments that occur, but without branches, so that it vectorises. A test compares it with `clocks::key`.

use crate::sampling::recency::{LAST_STEP, SLOWDOWN, Step};

/// Computes the key of each variate at its step.
#[inline(always)]
pub(crate) fn compute_keys(variates: &[u64], steps: &[Step], keys: &mut [f64]) {
    for (key, &variate) in keys.iter_mut().zip(variates) {
        *key = exponential(variate);
    }
    // A separate loop, because the table look-up would keep the first one from being vectorised.
    for (key, &step) in keys.iter_mut().zip(steps) {
        *key *= SLOWDOWN[usize::from(step.min(LAST_STEP))];
    }
}

/// −log1p(−u) for the u of a variate.
#[inline(always)]
fn exponential(variate: u64) -> f64 {
    const LN2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    const COEFFICIENTS: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    /// The upper 32 bits of √½, the lower bound of the reduced argument.
    const ROOT: u64 = 0x3FE6_A09E << 32;
    /// The upper 32 bits of −(1 − √½). Arguments closer to 0 need no reduction.
    const NEAR: u64 = 0xBFD2_BEC4;

    let x = -((2 * (variate >> 12) + 1) as f64 * (1.0 / (1u64 << 53) as f64));
    // 1 + x = 2^k · (1 + f); c corrects the rounding error of 1 + x.
    let sum = 1.0 + x;
    let shifted = sum.to_bits() + ((0x3FF0_0000 << 32) - ROOT);
    let is_near = x.to_bits() >> 32 <= NEAR;
    let k = if is_near { 0.0 } else { ((shifted >> 52) as i64 - 0x3FF) as f64 };
    let c = if is_near { 0.0 } else { (x - (sum - 1.0)) / sum };
    let f = if is_near { x } else { f64::from_bits((shifted & ((1 << 52) - 1)) + ROOT) - 1.0 };
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let [lg1, lg2, lg3, lg4, lg5, lg6, lg7] = COEFFICIENTS;
    let even = w * (lg2 + w * (lg4 + w * lg6));
    let odd = z * (lg1 + w * (lg3 + w * (lg5 + w * lg7)));
    let r = odd + even;
    -(s * (half_square + r) + (k * LN2[1] + c) - half_square + f + k * LN2[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::fmix64;
    use crate::sampling::clocks::key;
    use crate::sampling::recency::STEPS;

    #[test]
    fn keys_equal_those_of_libm_bit_for_bit() {
        // Both ends of the range, both sides of 1 − √½ where the branch changes, powers of two, random values.
        let near = (0.292_893_218_813_452_5 * 2f64.powi(64)) as u64;
        let edges = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1, u64::MAX - (1 << bit)]);
        let around =
            (0..2_000u64).flat_map(|i| [near - (i << 12), near + (i << 12), near + (i << 40), near - (i << 40)]);
        let random = (0..400_000).map(fmix64);
        let small = (0..100_000).map(|i| fmix64(i) >> (i % 52));
        let variates: Vec<u64> = edges.chain(around).chain(random).chain(small).collect();
        let steps: Vec<Step> = (0..STEPS as Step).cycle().take(variates.len()).collect();
        let mut keys = vec![0.0; variates.len()];
        compute_keys(&variates, &steps, &mut keys);
        for ((found, variate), step) in keys.into_iter().zip(variates).zip(steps) {
            assert_eq!(found.to_bits(), key(variate, step).to_bits(), "{variate} {step}");
        }
    }
}
