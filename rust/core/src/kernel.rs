//! Which instructions the inner loops may use: those of every CPU, or AVX2 where the CPU has it.
//!
//! The answers are the same, bit for bit; a test runs each loop on both. The crate is built for the baseline CPU, and a
//! loop that gains from more is compiled a second time for AVX2 and chosen when it runs: building all of it for the CPU
//! at hand once made the compiler mix SSE4a into AVX code, 35 times slower.

use std::fmt;

/// The instructions that inner loops use.
///
/// One that stands for AVX2 is only ever made where the CPU was found to have it: that is what makes it sound to call
/// the functions that were compiled for AVX2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    avx2: bool,
}

impl Kernel {
    /// The instructions of every CPU.
    pub const PORTABLE: Self = Self { avx2: false };

    /// The best that this CPU has.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            Self { avx2: has!("avx2") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt") }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Self::PORTABLE
    }

    /// Whether functions compiled for AVX2, BMI1, BMI2, LZCNT and POPCNT may be called.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn has_avx2(self) -> bool {
        self.avx2
    }

    /// The name, for people.
    pub fn name(self) -> &'static str {
        if self.avx2 { "avx2" } else { "portable" }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
