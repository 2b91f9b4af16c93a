//! How recently active a device is: its step, and the weight that the step stands for.

use crate::error::CoreError;
use crate::fleet::columns::NEVER;

/// A device's recency step: 0 within the online threshold, then one for each eighth of a half-life, 80 at most.
pub type Step = u8;

/// The step of devices at the floor of the weights, and of those never seen.
pub const LAST_STEP: Step = 80;

/// The number of steps.
pub const STEPS: usize = LAST_STEP as usize + 1;

/// 2^(i/8) for i = 0…7, correctly rounded; powers of two scale them exactly.
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

/// 2^(step/8): what a unit-rate exponential clock is multiplied by to run at the step's weight.
pub const SLOWDOWN: [f64; STEPS] = {
    let mut table = [0.0; STEPS];
    let mut step = 0;
    while step < STEPS {
        table[step] = EIGHTH_ROOTS[step % 8] * (1u64 << (step / 8)) as f64;
        step += 1;
    }
    table
};

/// The instant of a selection and the settings that turn ages into steps. All in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recency {
    now: i64,
    online_threshold: i64,
    half_life: i64,
}

impl Recency {
    /// Settings for a selection at `now` (seconds since 1970, UTC).
    ///
    /// # Errors
    /// [`CoreError::BadSetting`] where the threshold is negative or the half-life is below 1 s.
    pub fn new(now: i64, online_threshold: i64, half_life: i64) -> Result<Self, CoreError> {
        if online_threshold < 0 {
            return Err(CoreError::BadSetting { name: "online threshold", value: online_threshold, least: 0 });
        }
        if half_life < 1 {
            return Err(CoreError::BadSetting { name: "half-life", value: half_life, least: 1 });
        }
        Ok(Self { now, online_threshold, half_life })
    }

    /// Settings that tell who is online at `now`, where no weights are asked for.
    ///
    /// # Errors
    /// [`CoreError::BadSetting`] where the threshold is negative.
    pub fn online_within(now: i64, online_threshold: i64) -> Result<Self, CoreError> {
        Self::new(now, online_threshold, 1)
    }

    /// The instant of the selection.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    /// The step of a device that was last seen at this instant (algorithm 1, point 1).
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

    /// Works out the steps of many devices: what [`Self::step`] says of each.
    #[inline(always)]
    pub(crate) fn work_out_steps(&self, last_seen: &[u32], steps: &mut [Step]) {
        let as_usual = 0..1i64 << 40;
        if ![self.now, self.online_threshold, self.half_life].iter().all(|setting| as_usual.contains(setting)) {
            for (step, &seen) in steps.iter_mut().zip(last_seen) {
                *step = self.step(seen);
            }
            return;
        }
        // In floating point, of which CPUs divide many at once. It is exact: the quotients of such settings are apart
        // from the whole numbers up to 80 by 2⁻⁴⁰ or not at all.
        let half_life = self.half_life as f64;
        for (step, &seen) in steps.iter_mut().zip(last_seen) {
            let past = (self.now - i64::from(seen)).max(0) - self.online_threshold;
            let eighths = (to_float((past.max(0) * 8) as u64) / half_life).min(f64::from(LAST_STEP));
            let nearest = (eighths + WHOLE) - WHOLE;
            let rounded_up = nearest + f64::from(u8::from(nearest < eighths));
            *step = if seen == NEVER { LAST_STEP } else { (rounded_up + WHOLE).to_bits() as Step };
        }
    }

    /// Whether a device that was last seen at this instant counts as online: step 0.
    #[inline]
    pub fn is_online(&self, last_seen: u32) -> bool {
        last_seen != NEVER && self.age(last_seen) <= self.online_threshold
    }

    /// Seconds since the device was last seen; 0 for one that was seen after `now` (clocks are skewed).
    #[inline]
    fn age(&self, last_seen: u32) -> i64 {
        self.now.saturating_sub(i64::from(last_seen)).max(0)
    }
}

/// From here to its double floating-point numbers are whole, and their lowest bits are those of the whole number by which
/// they are more: so whole numbers below it are converted and rounded by an addition, as fast as a CPU adds. Conversions
/// take most CPUs one instruction a number.
const WHOLE: f64 = (1u64 << 52) as f64;

/// A number below [`WHOLE`], exactly.
#[inline(always)]
fn to_float(number: u64) -> f64 {
    f64::from_bits(WHOLE.to_bits() | number) - WHOLE
}

/// The weight that a step stands for: 2^(−step/8).
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
    fn many_steps_are_worked_out_as_one_is() {
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
                recency.work_out_steps(&seen, &mut steps);
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
    fn senseless_settings_are_refused() {
        assert!(Recency::new(NOW, -1, 1).is_err());
        assert!(Recency::new(NOW, 0, 0).is_err());
    }
}
