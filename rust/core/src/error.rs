//! All errors of the core. The binding maps each variant to an exception, exhaustively.

use std::fmt;

use thiserror::Error;

use crate::ids::{Uuid, format_uuid};
use crate::offender::{Offender, Reason};
use crate::uuid_list::text::UuidListError;

/// An error of the core. The `Display` form is the sentence that users read.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CoreError {
    /// No group of this name.
    #[error("no group is named `{}`", cropped(name))]
    UnknownGroup {
        /// The unknown name.
        name: String,
        /// Groups with a similar spelling.
        nearest: Vec<String>,
    },
    /// No tag of this name.
    #[error("no device listens to tag `{}`", cropped(name))]
    UnknownTag {
        /// The unknown name.
        name: String,
        /// Tags with a similar spelling.
        nearest: Vec<String>,
    },
    /// The list contains offenders.
    #[error(fmt = mismatch_sentence)]
    MismatchedDevices {
        /// How many devices were listed.
        listed: usize,
        /// All offenders, in list order.
        offenders: Vec<Offender>,
    },
    /// A list of devices is given but empty.
    #[error("the list {what} is empty")]
    EmptyList {
        /// What the list is for, as the end of "the list …".
        what: &'static str,
    },
    /// The limit is a count of 0.
    #[error("the limit is `0`")]
    ZeroLimit,
    /// The percentage is outside 0.001 to 100.
    #[error("the percentage `{}` is outside 0.001 to 100", f64::from(*thousandths) / 1000.0)]
    BadPercentage {
        /// The percentage in thousandths of a percent.
        thousandths: u32,
    },
    /// The rollout has no group, list or limit.
    #[error("the rollout names no group, no devices and no limit")]
    NothingAsked,
    /// The rollout has a group, no list and no limit, and does not request the whole group.
    #[error("the rollout names group `{}` and nothing else", cropped(group))]
    WholeGroupUnsaid {
        /// The group.
        group: String,
    },
    /// The rollout requests a whole group without naming it, or combines it with something narrower.
    #[error("a whole group is requested{}", whole_group_problem(*with))]
    BadWholeGroup {
        /// What it is combined with; `None` if the group is missing.
        with: Option<&'static str>,
    },
    /// A goal is combined with something that it replaces.
    #[error("a goal (`to`) cannot be combined with {with}")]
    BadGoal {
        /// What it is combined with.
        with: &'static str,
    },
    /// The rollout is restricted to online devices and is not a sample.
    #[error("only online devices are requested, and no sample is drawn")]
    OnlineOnlyWithoutSample,
    /// A setting in seconds is below its minimum.
    #[error("the {name} is `{value}` s, the least is {least} s")]
    BadSetting {
        /// The setting.
        name: &'static str,
        /// The value given, in seconds.
        value: i64,
        /// The minimum, in seconds.
        least: i64,
    },
    /// Two rows have the same UUID.
    #[error("uuid `{}` is in row {} and again in row {}", format_uuid(uuid), first + 1, second + 1)]
    RepeatedUuid {
        /// The UUID.
        uuid: Uuid,
        /// Its first row.
        first: usize,
        /// Its second row.
        second: usize,
    },
    /// The columns of a fleet contradict each other.
    #[error("the column `{column}` does not fit the others")]
    BadColumns {
        /// The column with the contradiction.
        column: &'static str,
    },
    /// The fleet has more devices than there are ordinals.
    #[error("`{devices}` devices exceed the number of ordinals")]
    TooManyDevices {
        /// How many there were.
        devices: usize,
    },
    /// The bytes are not a set in the portable Roaring format.
    #[error("the bytes are not a portable Roaring bitmap: {reason}")]
    BadDeviceSet {
        /// What is wrong with them.
        reason: String,
    },
    /// The selections cannot be merged: their keys are not comparable, or one lacks a count that the limit needs.
    #[error("selection {} differs from the first in its `{what}`", shard + 1)]
    UnlikeSelections {
        /// The index of the first selection that differs.
        shard: usize,
        /// What differs.
        what: &'static str,
    },
    /// A shard's selection is too short: the merged selection may need a device that it lacks.
    #[error("selection {} has `{picked}` devices, and {needed} of its shard may belong here", shard + 1)]
    ShortShard {
        /// The index of the selection.
        shard: usize,
        /// How many devices it picked.
        picked: u64,
        /// How many it must pick.
        needed: u64,
    },
    /// Two shards contain the same device.
    #[error("uuid `{}` was picked by selection {} and by selection {}", format_uuid(uuid), shards[0] + 1, shards[1] + 1)]
    RepeatedDevice {
        /// The device.
        uuid: Uuid,
        /// The indexes of the two selections.
        shards: [u32; 2],
    },
    /// The UUID list is not text.
    #[error(transparent)]
    UuidList(#[from] UuidListError),
}

/// How many offenders per reason the sentence names. The error's data has all of them.
const MAX_NAMED: usize = 5;

/// Writes the offenders by reason, in the order of [`Reason::ALL`].
fn mismatch_sentence(listed: &usize, offenders: &[Offender], f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// The end of the sentence about a whole group.
fn whole_group_problem(with: Option<&str>) -> String {
    with.map_or(", and no group is named".to_owned(), |what| format!(" together with {what}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uuid_list::NotText;

    fn offenders(reason: Reason, count: u8) -> impl Iterator<Item = Offender> {
        (0..count).map(move |i| Offender { uuid: [i; 16], reason })
    }

    #[test]
    fn every_error_is_the_sentence_that_users_read() {
        let text = String::from;
        let group = text("one \u{1b}[31mgroup");
        let (uuid, ones) = ([0xab; 16], "abababab-abab-abab-abab-abababababab");
        let not_text = |found| CoreError::from(UuidListError::NotText { offset: 7, found });
        let sentences = [
            (
                CoreError::UnknownGroup { name: text("east\n"), nearest: vec![text("eastern")] },
                text("no group is named `east\\n`"),
            ),
            (
                CoreError::UnknownTag { name: "é".repeat(65), nearest: vec![] },
                format!("no device listens to tag `{}…`", "é".repeat(64)),
            ),
            (
                CoreError::MismatchedDevices {
                    listed: 12,
                    offenders: offenders(Reason::Unknown, 1).chain(offenders(Reason::Test, 2)).collect(),
                },
                text(concat!(
                    "3 of the 12 listed devices cannot be selected: ",
                    "not in the fleet: 1 (`00000000-0000-0000-0000-000000000000`); ",
                    "a test device: 2 (`00000000-0000-0000-0000-000000000000`, `01010101-0101-0101-0101-010101010101`)",
                )),
            ),
            (CoreError::EmptyList { what: "of devices" }, text("the list of devices is empty")),
            (CoreError::ZeroLimit, text("the limit is `0`")),
            (CoreError::BadPercentage { thousandths: 0 }, text("the percentage `0` is outside 0.001 to 100")),
            (
                CoreError::BadPercentage { thousandths: 100_001 },
                text("the percentage `100.001` is outside 0.001 to 100"),
            ),
            (CoreError::NothingAsked, text("the rollout names no group, no devices and no limit")),
            (
                CoreError::WholeGroupUnsaid { group },
                text("the rollout names group `one \\u{1b}[31mgroup` and nothing else"),
            ),
            (CoreError::BadWholeGroup { with: None }, text("a whole group is requested, and no group is named")),
            (
                CoreError::BadWholeGroup { with: Some("a limit") },
                text("a whole group is requested together with a limit"),
            ),
            (CoreError::BadGoal { with: "a limit" }, text("a goal (`to`) cannot be combined with a limit")),
            (CoreError::OnlineOnlyWithoutSample, text("only online devices are requested, and no sample is drawn")),
            (
                CoreError::BadSetting { name: "half-life", value: -1, least: 1 },
                text("the half-life is `-1` s, the least is 1 s"),
            ),
            (
                CoreError::RepeatedUuid { uuid, first: 0, second: 8 },
                format!("uuid `{ones}` is in row 1 and again in row 9"),
            ),
            (CoreError::BadColumns { column: "tags" }, text("the column `tags` does not fit the others")),
            (
                CoreError::TooManyDevices { devices: 1 << 32 },
                text("`4294967296` devices exceed the number of ordinals"),
            ),
            (
                CoreError::BadDeviceSet { reason: text("no cookie") },
                text("the bytes are not a portable Roaring bitmap: no cookie"),
            ),
            (
                CoreError::UnlikeSelections { shard: 1, what: "seed" },
                text("selection 2 differs from the first in its `seed`"),
            ),
            (
                CoreError::ShortShard { shard: 0, picked: 3, needed: 5 },
                text("selection 1 has `3` devices, and 5 of its shard may belong here"),
            ),
            (
                CoreError::RepeatedDevice { uuid, shards: [0, 2] },
                format!("uuid `{ones}` was picked by selection 1 and by selection 3"),
            ),
            (not_text(NotText::Nul), text("the list is not text: a NUL is at byte offset 7")),
            (
                not_text(NotText::BrokenUtf8),
                text("the list is not text: something that is not UTF-8 is at byte offset 7"),
            ),
            (
                not_text(NotText::BrokenUtf16),
                text("the list is not text: something that is not UTF-16 is at byte offset 7"),
            ),
        ];
        for (error, sentence) in sentences {
            assert_eq!(error.to_string(), sentence);
            assert!(std::error::Error::source(&error).is_none(), "the sentence says all");
        }
    }

    #[test]
    fn five_offenders_of_a_reason_are_named() {
        let sentence = |count| {
            let offenders = offenders(Reason::NoTarget, count).collect();
            CoreError::MismatchedDevices { listed: 9, offenders }.to_string()
        };
        assert!(sentence(5).ends_with("`04040404-0404-0404-0404-040404040404`)"), "{}", sentence(5));
        assert!(sentence(6).ends_with("`04040404-0404-0404-0404-040404040404`, …)"), "{}", sentence(6));
    }
}
