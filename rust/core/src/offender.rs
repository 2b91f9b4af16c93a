//! Offenders: listed devices that cannot be selected, and why.

use std::fmt;

use crate::ids::Uuid;

/// Why a listed device cannot be selected. If several reasons apply, the first in this order is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The fleet has no such device.
    Unknown,
    /// It is a test device, and the selector allows only production devices.
    Test,
    /// It does not listen to the tag.
    WrongTag,
    /// It is not in the group.
    WrongGroup,
    /// The wave has no target for its hardware id, which is known.
    NoTarget,
}

impl Reason {
    /// All reasons, in the order of the check.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Test, Self::WrongTag, Self::WrongGroup, Self::NoTarget];

    /// The reason as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Test => "test",
            Self::WrongTag => "wrong-tag",
            Self::WrongGroup => "wrong-group",
            Self::NoTarget => "no-target-for-hardware",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "not in the fleet",
            Self::Test => "a test device",
            Self::WrongTag => "on another tag",
            Self::WrongGroup => "in another group or none",
            Self::NoTarget => "no target for its hardware",
        })
    }
}

/// A listed device that cannot be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offender {
    /// The device.
    pub uuid: Uuid,
    /// Why it cannot be selected.
    pub reason: Reason,
}
