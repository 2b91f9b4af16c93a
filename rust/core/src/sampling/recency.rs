//! The recency rule: a device's weight halves with every half-life since it was last seen, down to a floor.

use crate::error::CoreError;
use crate::fleet::columns::NEVER;

/// A recency step: 0 up to the online threshold, then one more per eighth of a half-life, at most 80. Its weight is
/// 2^(−step/8).
pub type Step = u8;

/// The step of the least weight, 2⁻¹⁰. Devices that were never seen have it.
pub const LAST_STEP: Step = 80;

/// The number of steps.
pub const STEPS: usize = LAST_STEP as usize + 1;

/// 2^(i/8) for i = 0…7, correctly rounded. A multiplication by a power of two is exact.
const EIGHTH_ROOTS: [f64; 8] = [
    1.0,
    1.090_507_732_665_257_7,
    1.189_207_115_002_721,
    1.296_839_554_651_009_6,
    std::f64::consts::SQRT_2,
    1.542_210_825_407_940_7,
    1.681_792_830_507_429,
    1.834_008_086_409_342_4,
];

/// 2^(step/8) by step: the factor from a unit-rate exponential variate to one whose rate is the step's weight.
pub const SLOWDOWN: [f64; STEPS] = {
    let mut table = [0.0; STEPS];
    let mut step = 0;
    while step < STEPS {
        table[step] = EIGHTH_ROOTS[step % 8] * (1u64 << (step / 8)) as f64;
        step += 1;
    }
    table
};

/// The instant of a selection and the settings that map ages to steps, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recency {
    now: i64,
    online_threshold: i64,
    half_life: i64,
    online_since: i64,
}

impl Recency {
    /// Settings for a selection at `now` (seconds since 1970, UTC).
    ///
    /// # Errors
    /// [`CoreError::BadSetting`] for a negative threshold, or a half-life below 1 s.
    ///
    /// # Examples
    /// ```
    /// use groundswell_core::{CoreError, Recency};
    /// use groundswell_core::sampling::recency::weight;
    ///
    /// let now = 1_795_000_000;
    /// let recency = Recency::new(now, 4 * 3600, 24 * 3600)?;
    /// let age_and_weight = |hours: i64| weight(recency.step((now - hours * 3600) as u32));
    /// assert_eq!([4, 28, 52].map(age_and_weight), [1.0, 0.5, 0.25]);
    /// # Ok::<(), CoreError>(())
    /// ```
    pub fn new(now: i64, online_threshold: i64, half_life: i64) -> Result<Self, CoreError> {
        if online_threshold < 0 {
            return Err(CoreError::BadSetting { name: "online threshold", value: online_threshold, least: 0 });
        }
        if half_life < 1 {
            return Err(CoreError::BadSetting { name: "half-life", value: half_life, least: 1 });
        }
        let online_since = now.saturating_sub(online_threshold).max(i64::from(NEVER) + 1);
        Ok(Self { now, online_threshold, half_life, online_since })
    }

    /// Settings that decide only who is online at `now`; the half-life is arbitrary.
    ///
    /// # Errors
    /// [`CoreError::BadSetting`] for a negative threshold.
    pub fn online_within(now: i64, online_threshold: i64) -> Result<Self, CoreError> {
        Self::new(now, online_threshold, 1)
    }

    /// The instant of the selection.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The step of a device by its last-seen instant (algorithm 1, point 1).
    #[inline]
    pub fn step(&self, last_seen: u32) -> Step {
        if last_seen == NEVER {
            return LAST_STEP;
        }
        let past = self.age(last_seen).saturating_sub(self.online_threshold);
        if past <= 0 {
            return 0;
        }
        let eighths = (past as u64).saturating_mul(8).div_ceil(self.half_life as u64);
        eighths.min(u64::from(LAST_STEP)) as Step
    }

    /// Computes [`Self::step`] for many devices.
    #[inline(always)]
    pub(crate) fn compute_steps(&self, last_seen: &[u32], steps: &mut [Step]) {
        let exact = 0..1i64 << 40;
        if ![self.now, self.online_threshold, self.half_life].iter().all(|setting| exact.contains(setting)) {
            for (step, &seen) in steps.iter_mut().zip(last_seen) {
                *step = self.step(seen);
            }
            return;
        }
        // Floating-point division, because it vectorises. The result is exact: with such settings a quotient below 80 is
        // an integer or differs from every integer by at least 2⁻⁴⁰.
        let half_life = self.half_life as f64;
        for (step, &seen) in steps.iter_mut().zip(last_seen) {
            let past = (self.now - i64::from(seen)).max(0) - self.online_threshold;
            let eighths = (to_float((past.max(0) * 8) as u64) / half_life).min(f64::from(LAST_STEP));
            let nearest = (eighths + INTEGERS) - INTEGERS;
            let rounded_up = nearest + f64::from(u8::from(nearest < eighths));
            *step = if seen == NEVER { LAST_STEP } else { (rounded_up + INTEGERS).to_bits() as Step };
        }
    }

    /// The first last-seen instant that counts as online: now − threshold, and later than [`NEVER`].
    pub fn online_since(&self) -> i64 {
        self.online_since
    }

    /// Whether a device counts as online by its last-seen instant: step 0.
    #[inline]
    pub fn is_online(&self, last_seen: u32) -> bool {
        i64::from(last_seen) >= self.online_since
    }

    /// Seconds since a device was last seen; 0 if that was after `now` (clocks are skewed).
    #[inline]
    fn age(&self, last_seen: u32) -> i64 {
        self.now.saturating_sub(i64::from(last_seen)).max(0)
    }
}

/// Between 2⁵² and 2⁵³, a double is an integer whose offset from 2⁵² is in its low bits. So adding 2⁵² rounds a smaller
/// number, and converts it to or from an integer. Unlike the conversion instructions, this vectorises.
const INTEGERS: f64 = (1u64 << 52) as f64;

/// Converts a number below 2⁵², exactly.
#[inline(always)]
fn to_float(number: u64) -> f64 {
    f64::from_bits(INTEGERS.to_bits() | number) - INTEGERS
}

/// The weight of a step: 2^(−step/8).
pub fn weight(step: Step) -> f64 {
    1.0 / SLOWDOWN[usize::from(step)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn seen(age: i64) -> u32 {
        (NOW - age) as u32
    }

    #[test]
    fn steps_begin_one_second_after_the_threshold_and_end_at_ten_half_lives() {
        let recency = Recency::new(NOW, 14_400, 86_400).unwrap();
        for (age, step) in [
            (-5, 0),
            (0, 0),
            (14_400, 0),
            (14_401, 1),
            (25_200, 1),
            (25_201, 2),
            (100_800, 8),
            (100_801, 9),
            (878_400, 80),
            (878_401, 80),
        ] {
            assert_eq!(recency.step(seen(age)), step, "age {age}");
            assert_eq!(recency.is_online(seen(age)), step == 0, "age {age}");
        }
        assert_eq!(recency.step(NEVER), LAST_STEP);
        assert!(!recency.is_online(NEVER));
    }

    #[test]
    fn weight_halves_every_half_life_down_to_the_floor() {
        assert_eq!(weight(0), 1.0);
        assert_eq!(weight(8), 0.5);
        assert_eq!(weight(LAST_STEP), 1.0 / 1024.0);
    }

    #[test]
    fn steps_of_many_devices_equal_the_step_of_each() {
        let mut seen: Vec<u32> = (0..2_000_000).step_by(17).map(|age| (NOW - age) as u32).collect();
        seen.extend([0, 1, 2, u32::MAX, NOW as u32, NOW as u32 + 1]);
        let settings = [(14_400, 86_400), (0, 1), (0, 7), (1, 3_601), (1 << 39, 1 << 39), (0, i64::MAX), (i64::MAX, 1)];
        for (threshold, half_life) in settings {
            // Each edge of a step, and a second to either side of it.
            let edges = (0..=81).flat_map(|step| {
                [-1, 0, 1].map(|side| NOW - threshold.min(9) - half_life.min(1 << 24) * step / 8 + side)
            });
            let seen: Vec<u32> = seen.iter().copied().chain(edges.map(|at| at.clamp(0, 1 << 31) as u32)).collect();
            for now in [NOW, 0, -5, 5_000_000_000, i64::MAX] {
                let recency = Recency::new(now, threshold, half_life).unwrap();
                let mut steps = vec![0; seen.len()];
                recency.compute_steps(&seen, &mut steps);
                assert!(seen.iter().zip(&steps).all(|(&seen, &step)| step == recency.step(seen)), "{recency:?}");
            }
        }
    }

    #[test]
    fn extreme_instants_and_settings_do_not_overflow() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            for half_life in [1, i64::MAX] {
                let recency = Recency::new(now, i64::MAX, half_life).unwrap();
                assert_eq!(recency.step(u32::MAX), 0);
                let recency = Recency::new(now, 0, half_life).unwrap();
                assert!(recency.step(1) <= LAST_STEP);
            }
        }
    }

    #[test]
    fn settings_below_their_minimum_are_refused() {
        assert!(Recency::new(NOW, -1, 1).is_err());
        assert!(Recency::new(NOW, 0, 0).is_err());
    }
}
