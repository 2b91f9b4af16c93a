//! What happens to one covered device, and at which tick it is known.
//!
//! - served: its first check-in after it was covered
//! - a failed installation is reported when it ends; a good one by the first check-in after it ended
//! - without a result `patience` after it was served, a device is lost (not seen since) or stuck
//! - a brick never checks in after the end of its installation

use crate::decide::simulate::scenario::Scenario;
use crate::decide::simulate::world::{self, Clock, Draw};

/// The fate of a device that is served. Instants are seconds since the start; `u64::MAX` means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) served: u64,
    /// The good report, also of a device that was lost before.
    pub(super) good: u64,
    /// The report of a failure, also after a good one.
    pub(super) failed: u64,
    /// When the device is lost or stuck, unless it has a result by then.
    pub(super) overdue: u64,
    /// When a device that went quiet for good has been quiet for `patience`.
    pub(super) quiet: u64,
    /// The first check-in after it became overdue: a lost device is seen again.
    pub(super) back: u64,
}

pub(super) const NEVER: u64 = u64::MAX;

impl Fate {
    /// Whether the update harms the device, known or not.
    pub(super) fn is_harmed(&self) -> bool {
        self.failed != NEVER || self.quiet != NEVER
    }
}

/// Draws the fate of a device that is covered at `covered`; `None` if it is not seen before `end`.
#[inline(always)]
pub(super) fn fate(
    key: u64,
    clock: Clock,
    scenario: &Scenario,
    can_have_defect: bool,
    covered: u64,
    (patience, attempts): (u32, u32),
    end: u64,
) -> Option<Fate> {
    let fault = &scenario.fault;
    let served = clock.first_after(covered, end)?;
    let (shortest, longest) = fault.install;
    let spread = u64::from(longest - shortest);
    let duration = u64::from(shortest) + (((world::draw(key, Draw::Install) >> 32) * (spread + 1)) >> 32);
    let installed = served + duration;
    let has_defect = can_have_defect && world::draw(key, Draw::Defect) < scenario.defect;
    let fails = !has_defect && world::draw(key, Draw::Base) < scenario.base;
    let overdue = served + u64::from(patience);
    let mut fate = Fate { served, good: NEVER, failed: NEVER, overdue, quiet: NEVER, back: NEVER };
    if fails || has_defect && !fault.brick && fault.after == 0 {
        // Each failed attempt takes as long as the first one.
        fate.failed = served + duration * u64::from(attempts);
        fate.back = fate.failed;
        return Some(fate);
    }
    if has_defect && fault.brick && fault.after == 0 {
        fate.quiet = clock.last_until(installed).unwrap_or(served).max(served) + u64::from(patience);
        return Some(fate);
    }
    fate.good = clock.first_after(installed, end).unwrap_or(NEVER);
    fate.back = if fate.good > overdue { clock.first_after(overdue, end).unwrap_or(NEVER) } else { NEVER };
    if has_defect && fate.good != NEVER {
        let breaks = fate.good + u64::from(fault.after);
        if fault.brick {
            fate.quiet = clock.last_until(breaks).unwrap_or(fate.good) + u64::from(patience);
        } else {
            fate.failed = clock.first_after(breaks, end).unwrap_or(NEVER);
        }
    }
    Some(fate)
}
