//! The CPU instructions of the inner loops: baseline, AVX2 or AVX-512, chosen at run time.
//!
//! Results are identical, bit for bit; tests run each loop with all of them. The crate is compiled for the baseline CPU,
//! and single loops again for AVX2 and AVX-512. Compiling the whole crate for the CPU at hand made the compiler mix
//! SSE4a into AVX code, which was 35 times slower.

use std::fmt;

/// The instructions that inner loops use.
///
/// A value other than [`Self::PORTABLE`] exists only if the CPU has the instructions. The safety of calls into functions
/// that are compiled for them rests on this.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Instructions);

/// In ascending order: each variant implies those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Instructions {
    Portable,
    /// AVX2, BMI1, BMI2, LZCNT and POPCNT.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// The same and AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// The same and AVX-512 VBMI.
    #[cfg(target_arch = "x86_64")]
    Vbmi,
}

impl Kernel {
    /// The instructions that every CPU of the architecture has.
    pub const PORTABLE: Self = Self(Instructions::Portable);

    /// The best kernel that this CPU supports.
    pub fn detect() -> Self {
        Self::all().last().unwrap_or(Self::PORTABLE)
    }

    /// All kernels that this CPU supports, the best last.
    ///
    /// # Examples
    /// ```
    /// use groundswell_core::Kernel;
    ///
    /// assert_eq!(Kernel::all().next(), Some(Kernel::PORTABLE));
    /// assert_eq!(Kernel::all().last(), Some(Kernel::detect()));
    /// ```
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

    /// Whether the CPU has AVX2, BMI1, BMI2, LZCNT and POPCNT.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn has_avx2(self) -> bool {
        self.0 >= Instructions::Avx2
    }

    /// Whether the CPU has, in addition, AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn has_avx512(self) -> bool {
        self.0 >= Instructions::Avx512
    }

    /// Whether the CPU has, in addition, AVX-512 VBMI.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn has_vbmi(self) -> bool {
        self.0 >= Instructions::Vbmi
    }

    /// The name that `GROUNDSWELL_KERNEL` and `_core.KERNEL` use.
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
