//! The one mapping from what the core can refuse to the exceptions that Python owns.

use groundswell_core::CoreError;
use groundswell_core::ids::format_uuid;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The exception for an error of the core: its family, code, sentence, hint and fields.
pub(crate) fn to_py(py: Python<'_>, error: CoreError) -> PyErr {
    build(py, &error).unwrap_or_else(|failure| failure)
}

fn build(py: Python<'_>, error: &CoreError) -> PyResult<PyErr> {
    let fields = PyDict::new(py);
    let (family, code, hint) = match error {
        CoreError::UnknownGroup { name, nearest } => {
            fields.set_item("group", name)?;
            fields.set_item("nearest", nearest)?;
            ("NotFoundError", "unknown-group", did_you_mean(nearest, &otherwise(name, "group")))
        }
        CoreError::UnknownTag { name, nearest } => {
            fields.set_item("tag", name)?;
            fields.set_item("nearest", nearest)?;
            ("NotFoundError", "unknown-tag", did_you_mean(nearest, &otherwise(name, "tag")))
        }
        CoreError::MismatchedDevices { listed, offenders } => {
            let all = offenders
                .iter()
                .map(|offender| {
                    let entry = PyDict::new(py);
                    entry.set_item("uuid", format_uuid(&offender.uuid))?;
                    entry.set_item("reason", offender.reason.slug())?;
                    Ok(entry)
                })
                .collect::<PyResult<Vec<_>>>()?;
            fields.set_item("listed", listed)?;
            fields.set_item("offenders", all)?;
            let hint = "take them off the list, or skip them with skip_mismatched=True";
            ("InputError", "mismatched-devices", hint.to_owned())
        }
        CoreError::EmptyList { what } => {
            fields.set_item("list", what)?;
            ("InputError", "empty-list", "give a UUID or more: an empty list never stands for every device".to_owned())
        }
        CoreError::ZeroLimit => {
            fields.set_item("limit", 0)?;
            ("InputError", "bad-limit", "give a count of 1 or more: 0 never stands for all".to_owned())
        }
        CoreError::BadPercentage { thousandths } => {
            fields.set_item("percentage", f64::from(*thousandths) / 1000.0)?;
            ("InputError", "bad-limit", "give a percentage from 0.001% to 100%".to_owned())
        }
        CoreError::NothingAsked => {
            let hint = "give a limit or devices; completing the wave takes it to every device of its tag";
            ("InputError", "nothing-asked", hint.to_owned())
        }
        CoreError::WholeGroupUnsaid { group } => {
            fields.set_item("group", group)?;
            let hint = "give a limit or devices; whole_group=True means all of it, now and later";
            ("InputError", "whole-group-unsaid", hint.to_owned())
        }
        CoreError::BadWholeGroup { with } => {
            fields.set_item("with", with)?;
            let hint = "a whole group is asked for by its name alone, without a limit and without devices";
            ("InputError", "bad-whole-group", hint.to_owned())
        }
        CoreError::BadGoal { with } => {
            fields.set_item("with", with)?;
            let hint = "a goal replaces the limit; combine it with nothing but a group";
            ("InputError", "bad-goal", hint.to_owned())
        }
        CoreError::OnlineOnlyWithoutSample => {
            let hint = "give a limit or a goal, or leave the restriction to online devices out";
            ("InputError", "online-only-without-sample", hint.to_owned())
        }
        CoreError::BadSetting { name, value, least } => {
            fields.set_item("setting", name)?;
            fields.set_item("value", value)?;
            fields.set_item("least", least)?;
            ("InputError", "bad-setting", format!("give {least} s or more"))
        }
        CoreError::RepeatedUuid { uuid, first, second } => {
            fields.set_item("uuid", format_uuid(uuid))?;
            fields.set_item("rows", (first + 1, second + 1))?;
            ("InputError", "repeated-uuid", "a device has one row".to_owned())
        }
        CoreError::BadColumns { column } => {
            fields.set_item("column", column)?;
            ("InputError", "bad-columns", "give every column one value a device".to_owned())
        }
        CoreError::TooManyDevices { devices } => {
            fields.set_item("devices", devices)?;
            ("InputError", "too-many-devices", "split the fleet".to_owned())
        }
        CoreError::BadDeviceSet { reason } => {
            fields.set_item("reason", reason)?;
            (
                "InputError",
                "bad-device-set",
                "give the bytes that `to_portable` or pyroaring's `serialize` wrote".to_owned(),
            )
        }
        CoreError::UnlikeSelections { shard, what } => {
            fields.set_item("selection", shard + 1)?;
            fields.set_item("what", what)?;
            let hint = "select from every shard with the same seed, now, settings and percent_of";
            ("InputError", "unlike-selections", hint.to_owned())
        }
        CoreError::ShortShard { shard, picked, needed } => {
            fields.set_item("selection", shard + 1)?;
            fields.set_item("picked", picked)?;
            fields.set_item("needed", needed)?;
            let hint = "select from every shard with the limit of the whole, or without one for a percentage";
            ("InputError", "short-selection", hint.to_owned())
        }
        CoreError::RepeatedDevice { uuid, shards } => {
            fields.set_item("uuid", format_uuid(uuid))?;
            fields.set_item("selections", (shards[0] + 1, shards[1] + 1))?;
            ("InputError", "repeated-uuid", "a device belongs to one shard".to_owned())
        }
        CoreError::UuidList(_) => {
            ("InputError", "not-text", "save the list as plain text (UTF-8), one UUID a line".to_owned())
        }
    };
    let class = py.import("groundswell.errors")?.getattr(family)?;
    let keywords = PyDict::new(py);
    keywords.set_item("hint", hint)?;
    keywords.set_item("fields", fields)?;
    Ok(PyErr::from_value(class.call((code, error.to_string()), Some(&keywords))?))
}

/// What to do about a name that is near none. An empty one is a variable that was not set.
fn otherwise(name: &str, thing: &str) -> String {
    if name.trim().is_empty() {
        return format!("an empty name never stands for every {thing}: give one, or leave it out");
    }
    format!("the summary of the fleet lists the {thing}s")
}

fn did_you_mean(nearest: &[String], otherwise: &str) -> String {
    match nearest {
        [] => otherwise.to_owned(),
        names => {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("did you mean {}?", quoted.join(" or "))
        }
    }
}
