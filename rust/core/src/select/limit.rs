//! How many devices a selection wants.

use crate::error::CoreError;
use crate::select::candidates::CandidateCounts;

/// How many of the candidates are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// All of them.
    All,
    /// At most this many.
    Count(u64),
    /// Thousandths of a percent (1 … 100 000) of a denominator, rounded up.
    Percent(u32, Denominator),
}

/// What a percentage is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denominator {
    /// The matching devices, including those that are updated or excluded.
    Matching,
    /// The candidates.
    Remaining,
    /// The matching devices that were seen within the online threshold.
    Online,
}

/// 100% in the unit of [`Limit::Percent`].
const HUNDRED_PERCENT: u32 = 100_000;

impl Limit {
    /// Whether the limit is a percentage of the online devices.
    pub(crate) fn counts_online(self) -> bool {
        matches!(self, Self::Percent(_, Denominator::Online))
    }

    /// Checks that the limit is in range.
    ///
    /// # Errors
    /// [`CoreError::ZeroLimit`], [`CoreError::BadPercentage`].
    ///
    /// # Examples
    /// ```
    /// use groundswell_core::{CoreError, Denominator, Limit};
    ///
    /// assert_eq!(Limit::Percent(2_500, Denominator::Matching).check(), Ok(()));
    /// assert_eq!(Limit::Count(0).check(), Err(CoreError::ZeroLimit));
    /// ```
    pub fn check(self) -> Result<(), CoreError> {
        match self {
            Self::All | Self::Count(1..) | Self::Percent(1..=HUNDRED_PERCENT, _) => Ok(()),
            Self::Count(0) => Err(CoreError::ZeroLimit),
            Self::Percent(thousandths, _) => Err(CoreError::BadPercentage { thousandths }),
        }
    }

    /// The number of devices that the limit means: p% = ⌈p · denominator / 100⌉, in exact arithmetic.
    pub(crate) fn resolve(self, counts: &CandidateCounts) -> u64 {
        match self {
            Self::All => counts.remaining,
            Self::Count(count) => count,
            Self::Percent(thousandths, of) => {
                let denominator = match of {
                    Denominator::Matching => counts.matching,
                    Denominator::Remaining => counts.remaining,
                    Denominator::Online => counts.online,
                };
                (denominator * u64::from(thousandths)).div_ceil(u64::from(HUNDRED_PERCENT))
            }
        }
    }
}
