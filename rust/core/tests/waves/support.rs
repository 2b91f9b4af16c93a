//! Fleets, waves and the sets of domain.md as plain sets.

use std::collections::BTreeSet;

use groundswell_core::{
    DeviceSet, Effort, Fleet, FleetColumns, Limit, OnMismatch, Ordinal, Recency, RolloutRequest, Uuid, Wave, WaveState,
    WordSet,
};
use proptest::prelude::*;

pub(crate) const NOW: i64 = 1_795_000_000;
pub(crate) const GROUPS: [&str; 3] = ["alpha", "beta", "gamma"];
pub(crate) const HARDWARE: [&str; 3] = ["pi", "imx8", "qemu"];
pub(crate) const TAGS: [&str; 2] = ["main", "devel"];
pub(crate) const STATES: [WaveState; 3] = [WaveState::Active, WaveState::Complete, WaveState::Canceled];

pub(crate) type Plain = BTreeSet<Ordinal>;

#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) group: Option<usize>,
    pub(crate) tag: Option<usize>,
    pub(crate) production: bool,
    pub(crate) age: Option<i64>,
    pub(crate) version: Option<i32>,
    pub(crate) hardware: Option<usize>,
    pub(crate) deleted: bool,
}

pub(crate) fn device() -> impl Strategy<Value = Device> {
    let age = prop_oneof![Just(None), (0i64..3 * 86_400).prop_map(Some)];
    (
        prop::option::of(0..GROUPS.len()),
        prop::option::weighted(0.9, 0..TAGS.len()),
        prop::bool::weighted(0.85),
        age,
        prop::option::of(40i32..45),
        prop::option::of(0..HARDWARE.len()),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(group, tag, production, age, version, hardware, deleted)| Device {
            group,
            tag,
            production,
            age,
            version,
            hardware,
            deleted,
        })
}

pub(crate) fn devices() -> impl Strategy<Value = Vec<Device>> {
    prop::collection::vec(device(), 0..150)
}

/// A wave in any condition; its staged set may hold ordinals that the fleet has not, or has no more.
pub(crate) fn wave() -> impl Strategy<Value = Wave> {
    (
        40u32..45,
        0..=TAGS.len(),
        prop::collection::vec(0u32..200, 0..40),
        prop::collection::btree_set(0..=GROUPS.len(), 0..3),
        prop::option::of(prop::collection::btree_set(0..=HARDWARE.len(), 0..4)),
    )
        .prop_map(|(target_version, tag, staged, groups, hardware)| Wave {
            target_version,
            tag: TAGS.get(tag).unwrap_or(&"nobody-listens").to_string(),
            staged: DeviceSet::from_ordinals(&staged),
            whole_groups: groups.iter().map(|&g| GROUPS.get(g).unwrap_or(&"gone").to_string()).collect(),
            supported_hardware: hardware
                .map(|ids| ids.iter().map(|&h| HARDWARE.get(h).unwrap_or(&"unheard-of").to_string()).collect()),
        })
}

pub(crate) fn uuid(ordinal: usize) -> Uuid {
    (ordinal as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes()
}

pub(crate) fn fleet(devices: &[Device]) -> Fleet {
    let code = |name: Option<usize>| name.map_or(-1, |name| name as i32);
    Fleet::new(FleetColumns {
        uuids: (0..devices.len()).map(uuid).collect(),
        last_seen: devices.iter().map(|d| d.age.map_or(0, |age| (NOW - age) as u32)).collect(),
        groups: devices.iter().map(|d| code(d.group)).collect(),
        group_names: GROUPS.map(String::from).to_vec(),
        tags: devices.iter().map(|d| code(d.tag)).collect(),
        tag_names: TAGS.map(String::from).to_vec(),
        production: devices.iter().map(|d| d.production).collect(),
        target_versions: devices.iter().map(|d| d.version.unwrap_or(-1)).collect(),
        present: Some(devices.iter().map(|d| !d.deleted).collect()),
        hardware: Some(devices.iter().map(|d| code(d.hardware)).collect()),
        hardware_names: HARDWARE.map(String::from).to_vec(),
    })
    .unwrap()
}

pub(crate) fn those(devices: &[Device], wanted: impl Fn(Ordinal, &Device) -> bool) -> Plain {
    (0..).zip(devices).filter(|&(o, d)| !d.deleted && wanted(o, d)).map(|(o, _)| o).collect()
}

/// The sets of domain.md.
pub(crate) struct Law {
    pub(crate) matching: Plain,
    pub(crate) updated: Plain,
    pub(crate) covered: Plain,
    pub(crate) unsupported: Plain,
}

impl Law {
    pub(crate) fn of(devices: &[Device], wave: &Wave) -> Self {
        let named = |code: Option<usize>, names: &[&'static str]| code.map(|code| names[code]);
        let matching = those(devices, |_, d| d.production && named(d.tag, &TAGS) == Some(wave.tag.as_str()));
        let at_or_above = those(devices, |_, d| d.version.is_some_and(|v| v as u32 >= wave.target_version));
        let in_the_wave = those(devices, |o, d| {
            wave.staged.contains(o) || wave.whole_groups.iter().any(|g| named(d.group, &GROUPS) == Some(g))
        });
        let no_target = those(devices, |_, d| match (named(d.hardware, &HARDWARE), &wave.supported_hardware) {
            (Some(hardware), Some(supported)) => !supported.contains(hardware),
            _ => false,
        });
        Self {
            updated: &matching & &at_or_above,
            covered: &matching & &in_the_wave,
            unsupported: &matching & &no_target,
            matching,
        }
    }

    pub(crate) fn scheduled(&self, state: WaveState) -> Plain {
        &(&self.covered_in(state) - &self.updated) - &self.unsupported
    }

    pub(crate) fn covered_in(&self, state: WaveState) -> Plain {
        match state {
            WaveState::Active => self.covered.clone(),
            WaveState::Complete => self.matching.clone(),
            WaveState::Canceled => Plain::new(),
        }
    }

    pub(crate) fn candidates(&self) -> Plain {
        &(&(&self.matching - &self.updated) - &self.covered) - &self.unsupported
    }

    /// The matching devices that are offenders in a list.
    pub(crate) fn out_of_reach(&self) -> Plain {
        &(&self.unsupported - &self.updated) - &self.covered
    }
}

pub(crate) fn plain(fleet: &Fleet, set: &WordSet) -> Plain {
    fleet.device_set(set).iter().collect()
}

pub(crate) fn recency() -> Recency {
    Recency::new(NOW, 4 * 3600, 24 * 3600).unwrap()
}

pub(crate) fn rollout() -> RolloutRequest {
    RolloutRequest {
        group: None,
        listed: None,
        limit: Limit::All,
        goal: None,
        online_only: false,
        whole_group: false,
        on_mismatch: OnMismatch::Refuse,
        seed: 7,
        recency: recency(),
        effort: Effort::default(),
    }
}

pub(crate) fn group_of(name: usize) -> Option<String> {
    GROUPS.get(name).map(|&name| name.to_owned())
}

pub(crate) fn in_group(devices: &[Device], group: &Option<String>) -> Plain {
    those(devices, |_, d| group.as_deref().is_none_or(|name| d.group.map(|g| GROUPS[g]) == Some(name)))
}
