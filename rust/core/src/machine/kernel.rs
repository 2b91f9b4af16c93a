//! Which instructions the inner loops may use: those of every CPU, or AVX2 or AVX-512 where the CPU has them.
//!
//! The answers are the same, bit for bit; tests run each loop on all of them. The crate is built for the baseline CPU,
//! and a loop that gains from more is compiled again for AVX2 and AVX-512 and chosen when it runs: building all of it
//! for the CPU at hand once made the compiler mix SSE4a into AVX code, 35 times slower.

use std::fmt;

/// The instructions that inner loops use.
///
/// One that stands for more than every CPU has is only ever made where the CPU was found to have it: that is what makes
/// it sound to call the functions that were compiled for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Instructions);

/// From few to many: a CPU that has some has those before them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Instructions {
    Portable,
    /// AVX2, BMI1, BMI2, LZCNT and POPCNT.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Those, and AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Those, and AVX-512 VBMI.
    #[cfg(target_arch = "x86_64")]
    Vbmi,
}

impl Kernel {
    /// The instructions of every CPU.
    pub const PORTABLE: Self = Self(Instructions::Portable);

    /// The best that this CPU has.
    pub fn detect() -> Self {
        Self::all().last().unwrap_or(Self::PORTABLE)
    }

    /// All that this CPU has, the best last.
    pub fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let more = {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt");
            let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
            let avx512 = avx2 && avx512;
            let vbmi = avx512 && has!("avx512vbmi");
            [(avx2, Instructions::Avx2), (avx512, Instructions::Avx512), (vbmi, Instructions::Vbmi)]
                .map(|(has, instructions)| has.then_some(Self(instructions)))
        };
        #[cfg(not(target_arch = "x86_64"))]
        let more = [None::<Self>; 0];
        std::iter::once(Self::PORTABLE).chain(more.into_iter().flatten())
    }

    /// Whether functions compiled for AVX2, BMI1, BMI2, LZCNT and POPCNT may be called.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn has_avx2(self) -> bool {
        self.0 >= Instructions::Avx2
    }

    /// Whether functions compiled for those and for AVX-512 F, BW, DQ and VL may be called.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn has_avx512(self) -> bool {
        self.0 >= Instructions::Avx512
    }

    /// Whether functions compiled for those and for AVX-512 VBMI may be called.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn has_vbmi(self) -> bool {
        self.0 >= Instructions::Vbmi
    }

    /// The name, for people.
    pub fn name(self) -> &'static str {
        match self.0 {
            Instructions::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Instructions::Vbmi => "avx512vbmi",
        }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
