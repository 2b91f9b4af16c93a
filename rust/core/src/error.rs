//! What the core can refuse, as one enumeration. The binding maps each variant to an exception, exhaustively.

use std::fmt;

use crate::ids::{Uuid, format_uuid};
use crate::offender::{Offender, Reason};
use crate::uuid_list::UuidListError;

/// Everything that the core can refuse. The `Display` form is the sentence that a person gets to read.
#[derive(Clone, Debug, PartialEq)]
pub enum CoreError {
    /// No group of this name.
    UnknownGroup {
        /// The name asked for.
        name: String,
        /// Groups that are spelled like it.
        nearest: Vec<String>,
    },
    /// No tag of this name.
    UnknownTag {
        /// The name asked for.
        name: String,
        /// Tags that are spelled like it.
        nearest: Vec<String>,
    },
    /// Listed devices that the selector does not allow.
    MismatchedDevices {
        /// How many devices were listed.
        listed: usize,
        /// Every offender with its reason, in list order.
        offenders: Vec<Offender>,
    },
    /// A list of devices that is given but empty.
    EmptyList {
        /// What the list is for.
        what: &'static str,
    },
    /// A count that is 0.
    ZeroLimit,
    /// A percentage, in thousandths of a percent, outside 1 … 100 000.
    BadPercentage {
        /// Thousandths of a percent.
        thousandths: u32,
    },
    /// A rollout without group, list or limit.
    NothingAsked,
    /// A rollout of a group without list or limit that does not say that the whole group is meant.
    WholeGroupUnsaid {
        /// The group.
        group: String,
    },
    /// A rollout of a whole group that does not name the group, or asks for less at once.
    BadWholeGroup {
        /// What else it asks for; none where it names no group.
        with: Option<&'static str>,
    },
    /// A goal together with what it replaces.
    BadGoal {
        /// What it was combined with.
        with: &'static str,
    },
    /// Only online devices are asked for, and the rollout is not a sample.
    OnlineOnlyWithoutSample,
    /// A setting in seconds below the least that makes sense.
    BadSetting {
        /// The setting.
        name: &'static str,
        /// The value given, in seconds.
        value: i64,
        /// The least value allowed, in seconds.
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
    /// Columns of a fleet that do not fit together.
    BadColumns {
        /// The column at fault.
        column: &'static str,
    },
    /// More devices than ordinals.
    TooManyDevices {
        /// How many there were.
        devices: usize,
    },
    /// Bytes that are no set in the portable Roaring format.
    BadDeviceSet {
        /// What is wrong with them.
        reason: String,
    },
    /// Selections that cannot be merged, since their keys cannot be compared or what they counted does not add up.
    UnlikeSelections {
        /// The place of the one that is unlike the first.
        shard: usize,
        /// In what.
        what: &'static str,
    },
    /// A selection of a shard that is too short to be merged.
    ShortShard {
        /// The place of the selection.
        shard: usize,
        /// How many devices it picked.
        picked: u64,
        /// How many it needs to have picked.
        needed: u64,
    },
    /// A device that two shards have.
    RepeatedDevice {
        /// The device.
        uuid: Uuid,
        /// The places of the two selections.
        shards: [u32; 2],
    },
    /// A UUID list that is no text.
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
            Self::BadWholeGroup { with: None } => f.write_str("a whole group is asked for, and no group is named"),
            Self::BadWholeGroup { with: Some(what) } => write!(f, "a whole group is asked for together with {what}"),
            Self::BadGoal { with } => write!(f, "a goal (`to`) cannot be combined with {with}"),
            Self::OnlineOnlyWithoutSample => f.write_str("only online devices are asked for, and no sample is drawn"),
            Self::BadSetting { name, value, least } => {
                write!(f, "the {name} is `{value}` s, the least is {least} s")
            }
            Self::RepeatedUuid { uuid, first, second } => {
                write!(f, "uuid `{}` stands in row {} and again in row {}", format_uuid(uuid), first + 1, second + 1)
            }
            Self::BadColumns { column } => write!(f, "the column `{column}` does not fit the others"),
            Self::TooManyDevices { devices } => write!(f, "`{devices}` devices are more than a fleet can number"),
            Self::BadDeviceSet { reason } => write!(f, "the bytes are no portable Roaring bitmap: {reason}"),
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

/// How many offenders of each reason the sentence names; all of them are in the error as data.
const MAX_NAMED: usize = 5;

/// Offenders by reason, in the order in which reasons are checked.
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

/// A name that a person typed, short enough for a message.
fn cropped(name: &str) -> String {
    const LONGEST: usize = 64;
    if name.chars().count() <= LONGEST {
        return name.escape_debug().to_string();
    }
    let head: String = name.chars().take(LONGEST).collect();
    format!("{}…", head.escape_debug())
}
