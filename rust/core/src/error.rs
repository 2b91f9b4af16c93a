//! All errors of the core. The binding maps each variant to an exception, exhaustively.

use std::fmt;

use crate::ids::{Uuid, format_uuid};
use crate::offender::{Offender, Reason};
use crate::uuid_list::text::UuidListError;

/// An error of the core. The `Display` form is the sentence that users read.
#[derive(Clone, Debug, PartialEq)]
pub enum CoreError {
    /// No group of this name.
    UnknownGroup {
        /// The unknown name.
        name: String,
        /// Groups with a similar spelling.
        nearest: Vec<String>,
    },
    /// No tag of this name.
    UnknownTag {
        /// The unknown name.
        name: String,
        /// Tags with a similar spelling.
        nearest: Vec<String>,
    },
    /// The list contains offenders.
    MismatchedDevices {
        /// How many devices were listed.
        listed: usize,
        /// All offenders, in list order.
        offenders: Vec<Offender>,
    },
    /// A list of devices is given but empty.
    EmptyList {
        /// What the list is for, as the end of "the list …".
        what: &'static str,
    },
    /// The limit is a count of 0.
    ZeroLimit,
    /// The percentage is outside 0.001 to 100.
    BadPercentage {
        /// The percentage in thousandths of a percent.
        thousandths: u32,
    },
    /// The rollout has no group, list or limit.
    NothingAsked,
    /// The rollout has a group, no list and no limit, and does not request the whole group.
    WholeGroupUnsaid {
        /// The group.
        group: String,
    },
    /// The rollout requests a whole group without naming it, or combines it with something narrower.
    BadWholeGroup {
        /// What it is combined with; `None` if the group is missing.
        with: Option<&'static str>,
    },
    /// A goal is combined with something that it replaces.
    BadGoal {
        /// What it is combined with.
        with: &'static str,
    },
    /// The rollout is restricted to online devices and is not a sample.
    OnlineOnlyWithoutSample,
    /// A setting in seconds is below its minimum.
    BadSetting {
        /// The setting.
        name: &'static str,
        /// The value given, in seconds.
        value: i64,
        /// The minimum, in seconds.
        least: i64,
    },
    /// Two rows have the same UUID.
    RepeatedUuid {
        /// The UUID.
        uuid: Uuid,
        /// Its first row.
        first: usize,
        /// Its second row.
        second: usize,
    },
    /// The columns of a fleet contradict each other.
    BadColumns {
        /// The column with the contradiction.
        column: &'static str,
    },
    /// The fleet has more devices than there are ordinals.
    TooManyDevices {
        /// How many there were.
        devices: usize,
    },
    /// The bytes are not a set in the portable Roaring format.
    BadDeviceSet {
        /// What is wrong with them.
        reason: String,
    },
    /// The selections cannot be merged: their keys are not comparable, or one lacks a count that the limit needs.
    UnlikeSelections {
        /// The index of the first selection that differs.
        shard: usize,
        /// What differs.
        what: &'static str,
    },
    /// A shard's selection is too short: the merged selection may need a device that it lacks.
    ShortShard {
        /// The index of the selection.
        shard: usize,
        /// How many devices it picked.
        picked: u64,
        /// How many it must pick.
        needed: u64,
    },
    /// Two shards contain the same device.
    RepeatedDevice {
        /// The device.
        uuid: Uuid,
        /// The indexes of the two selections.
        shards: [u32; 2],
    },
    /// The UUID list is not text.
    UuidList(UuidListError),
}

impl From<UuidListError> for CoreError {
    fn from(error: UuidListError) -> Self {
        Self::UuidList(error)
    }
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownGroup { name, .. } => write!(f, "no group is named `{}`", cropped(name)),
            Self::UnknownTag { name, .. } => write!(f, "no device listens to tag `{}`", cropped(name)),
            Self::MismatchedDevices { listed, offenders } => mismatch_sentence(f, *listed, offenders),
            Self::EmptyList { what } => write!(f, "the list {what} is empty"),
            Self::ZeroLimit => f.write_str("the limit is `0`"),
            Self::BadPercentage { thousandths } => {
                write!(f, "the percentage `{}` is outside 0.001 to 100", f64::from(*thousandths) / 1000.0)
            }
            Self::NothingAsked => f.write_str("the rollout names no group, no devices and no limit"),
            Self::WholeGroupUnsaid { group } => {
                write!(f, "the rollout names group `{}` and nothing else", cropped(group))
            }
            Self::BadWholeGroup { with: None } => f.write_str("a whole group is requested, and no group is named"),
            Self::BadWholeGroup { with: Some(what) } => write!(f, "a whole group is requested together with {what}"),
            Self::BadGoal { with } => write!(f, "a goal (`to`) cannot be combined with {with}"),
            Self::OnlineOnlyWithoutSample => f.write_str("only online devices are requested, and no sample is drawn"),
            Self::BadSetting { name, value, least } => {
                write!(f, "the {name} is `{value}` s, the least is {least} s")
            }
            Self::RepeatedUuid { uuid, first, second } => {
                write!(f, "uuid `{}` is in row {} and again in row {}", format_uuid(uuid), first + 1, second + 1)
            }
            Self::BadColumns { column } => write!(f, "the column `{column}` does not fit the others"),
            Self::TooManyDevices { devices } => write!(f, "`{devices}` devices exceed the number of ordinals"),
            Self::BadDeviceSet { reason } => write!(f, "the bytes are not a portable Roaring bitmap: {reason}"),
            Self::UnlikeSelections { shard, what } => {
                write!(f, "selection {} differs from the first in its `{what}`", shard + 1)
            }
            Self::ShortShard { shard, picked, needed } => {
                write!(f, "selection {} has `{picked}` devices, and {needed} of its shard may belong here", shard + 1)
            }
            Self::RepeatedDevice { uuid, shards: [first, second] } => {
                let uuid = format_uuid(uuid);
                write!(f, "uuid `{uuid}` was picked by selection {} and by selection {}", first + 1, second + 1)
            }
            Self::UuidList(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CoreError {}

/// How many offenders per reason the sentence names. The error's data has all of them.
const MAX_NAMED: usize = 5;

/// Writes the offenders by reason, in the order of [`Reason::ALL`].
fn mismatch_sentence(f: &mut fmt::Formatter<'_>, listed: usize, offenders: &[Offender]) -> fmt::Result {
    write!(f, "{} of the {listed} listed devices cannot be selected: ", offenders.len())?;
    let mut separator = "";
    for reason in Reason::ALL {
        let of_reason: Vec<&Offender> = offenders.iter().filter(|offender| offender.reason == reason).collect();
        if of_reason.is_empty() {
            continue;
        }
        write!(f, "{separator}{reason}: {} (", of_reason.len())?;
        separator = "; ";
        for (i, offender) in of_reason.iter().take(MAX_NAMED).enumerate() {
            write!(f, "{}`{}`", if i == 0 { "" } else { ", " }, format_uuid(&offender.uuid))?;
        }
        f.write_str(if of_reason.len() > MAX_NAMED { ", …)" } else { ")" })?;
    }
    Ok(())
}

/// A user's text, escaped and cropped for a message.
fn cropped(name: &str) -> String {
    const MAX_LENGTH: usize = 64;
    if name.chars().count() <= MAX_LENGTH {
        return name.escape_debug().to_string();
    }
    let head: String = name.chars().take(MAX_LENGTH).collect();
    format!("{}…", head.escape_debug())
}
