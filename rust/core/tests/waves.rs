//! Waves, rollouts and status beside plain sets: what domain.md says, in loops over devices.

use std::collections::{BTreeMap, BTreeSet};

use groundswell_core::waves::rollout::{Kind, Shortage};
use groundswell_core::waves::serving::{Recipient, TargetsVariant, WaveOfTag, targets_variant};
use groundswell_core::{
    CoreError, CoverageKind, Covering, Denominator, DeviceSet, Effort, Fleet, FleetColumns, Limit, OnMismatch, Ordinal,
    Part, Recency, Rollout, Selection, Selector, Subset, Uuid, Wave, WaveState, WordSet,
};
use proptest::prelude::*;

const NOW: i64 = 1_795_000_000;
const GROUPS: [&str; 3] = ["alpha", "beta", "gamma"];
const HARDWARE: [&str; 3] = ["pi", "imx8", "qemu"];
const TAGS: [&str; 2] = ["main", "devel"];
const STATES: [WaveState; 3] = [WaveState::Active, WaveState::Complete, WaveState::Canceled];

type Plain = BTreeSet<Ordinal>;

#[derive(Clone, Debug)]
struct Device {
    group: Option<usize>,
    tag: Option<usize>,
    production: bool,
    age: Option<i64>,
    version: Option<i32>,
    hardware: Option<usize>,
    deleted: bool,
}

fn device() -> impl Strategy<Value = Device> {
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

fn devices() -> impl Strategy<Value = Vec<Device>> {
    prop::collection::vec(device(), 0..150)
}

/// A wave in any condition; its staged set may hold ordinals that the fleet has not, or has no more.
fn wave() -> impl Strategy<Value = Wave> {
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

fn uuid(ordinal: usize) -> Uuid {
    (ordinal as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes()
}

fn fleet(devices: &[Device]) -> Fleet {
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

fn those(devices: &[Device], wanted: impl Fn(Ordinal, &Device) -> bool) -> Plain {
    (0..).zip(devices).filter(|&(o, d)| !d.deleted && wanted(o, d)).map(|(o, _)| o).collect()
}

/// The sets of domain.md.
struct Law {
    matching: Plain,
    updated: Plain,
    covered: Plain,
    unsupported: Plain,
}

impl Law {
    fn of(devices: &[Device], wave: &Wave) -> Self {
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

    fn scheduled(&self, state: WaveState) -> Plain {
        &(&self.covered_in(state) - &self.updated) - &self.unsupported
    }

    fn covered_in(&self, state: WaveState) -> Plain {
        match state {
            WaveState::Active => self.covered.clone(),
            WaveState::Complete => self.matching.clone(),
            WaveState::Canceled => Plain::new(),
        }
    }

    fn candidates(&self) -> Plain {
        &(&(&self.matching - &self.updated) - &self.covered) - &self.unsupported
    }

    /// The matching devices that are offenders in a list.
    fn out_of_reach(&self) -> Plain {
        &(&self.unsupported - &self.updated) - &self.covered
    }
}

fn plain(fleet: &Fleet, set: &WordSet) -> Plain {
    fleet.device_set(set).iter().collect()
}

fn recency() -> Recency {
    Recency::new(NOW, 4 * 3600, 24 * 3600).unwrap()
}

fn rollout() -> Rollout {
    Rollout {
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

fn group_of(name: usize) -> Option<String> {
    GROUPS.get(name).map(|&name| name.to_owned())
}

fn in_group(devices: &[Device], group: &Option<String>) -> Plain {
    those(devices, |_, d| group.as_deref().is_none_or(|name| d.group.map(|g| GROUPS[g]) == Some(name)))
}

proptest! {
    #[test]
    fn the_sets_of_a_wave_are_those_of_plain_sets(devices in devices(), wave in wave()) {
        let fleet = fleet(&devices);
        let (law, sets) = (Law::of(&devices, &wave), wave.sets(&fleet));
        prop_assert_eq!(plain(&fleet, &sets.matching), law.matching.clone());
        prop_assert_eq!(plain(&fleet, &sets.updated), law.updated.clone());
        prop_assert_eq!(plain(&fleet, &sets.covered), law.covered.clone());
        prop_assert_eq!(plain(&fleet, &sets.unsupported), law.unsupported.clone());
        for state in STATES {
            prop_assert_eq!(plain(&fleet, &sets.scheduled(state)), law.scheduled(state));
        }
    }

    #[test]
    fn a_sample_is_a_selection_from_what_is_neither_covered_nor_updated(
        devices in devices(),
        wave in wave(),
        group in 0..=GROUPS.len(),
        list in prop::option::of(prop::collection::vec(0usize..150, 1..80)),
        limit in prop_oneof![
            (1u64..60).prop_map(Limit::Count),
            (1u32..=100_000).prop_map(|p| Limit::Percent(p, Denominator::Matching)),
            (1u32..=100_000).prop_map(|p| Limit::Percent(p, Denominator::Remaining)),
            (1u32..=100_000).prop_map(|p| Limit::Percent(p, Denominator::Online)),
        ],
        online_only in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        let group = group_of(group);
        let listed: Option<Vec<Uuid>> = list.map(|list| list.into_iter().map(uuid).collect());
        let on_mismatch = OnMismatch::Skip;
        let asked = Rollout { group: group.clone(), listed: listed.clone(), limit, on_mismatch, online_only, seed, ..rollout() };
        let staging = wave.stage(&fleet, &asked).unwrap();

        let mut matching = &law.matching & &in_group(&devices, &group);
        if let Some(listed) = &listed {
            matching.retain(|&o| listed.contains(&uuid(o as usize)));
        }
        let candidates: Plain = &matching & &law.candidates();
        let is_online = |o: &Ordinal| devices[*o as usize].age.is_some_and(|age| age <= 4 * 3600);
        let online = matching.iter().filter(|&o| is_online(o)).count();
        let within_reach: Plain = candidates.iter().copied().filter(|o| !online_only || is_online(o)).collect();
        let share = |percent: u32, whole: usize| (whole as u64 * u64::from(percent)).div_ceil(100_000);
        let wanted = match limit {
            Limit::Count(count) => count,
            Limit::Percent(p, Denominator::Matching) => share(p, matching.len()),
            Limit::Percent(p, Denominator::Remaining) => share(p, candidates.len()),
            Limit::Percent(p, Denominator::Online) => share(p, online),
            Limit::All => unreachable!(),
        };
        prop_assert_eq!(staging.wanted, wanted);
        let of_online = matches!(limit, Limit::Percent(_, Denominator::Online));
        prop_assert_eq!(staging.online, of_online.then_some(online as u64));
        prop_assert_eq!(staging.matching, matching.len() as u64);
        prop_assert_eq!(staging.candidates, candidates.len() as u64);
        prop_assert_eq!(staging.updated, (&matching & &law.updated).len() as u64);
        prop_assert_eq!(staging.unsupported, (&matching & &law.out_of_reach()).len() as u64);
        prop_assert_eq!(staging.covered, (&matching & &(&law.covered - &law.updated)).len() as u64);
        prop_assert_eq!(staging.online_candidates, online_only.then_some(within_reach.len() as u64));
        prop_assert_eq!(staging.ordinals.len() as u64, wanted.min(within_reach.len() as u64));
        prop_assert_eq!(staging.newly_scheduled, staging.ordinals.len() as u64);
        prop_assert_eq!(staging.shortage().is_none(), staging.ordinals.len() as u64 >= wanted && wanted > 0);

        // The same picks as a selection from the fleet as a whole that is told whom to leave out.
        let left_out = &law.matching - &within_reach;
        let covered: Vec<Uuid> = left_out.iter().map(|&o| uuid(o as usize)).collect();
        let selector = Selector {
            group,
            tag: TAGS.contains(&wave.tag.as_str()).then(|| wave.tag.clone()),
            listed,
            excluded: (!covered.is_empty()).then_some(covered),
            not_updated: Some(wave.target_version),
            on_mismatch,
            ..Selector::default()
        };
        if selector.tag.is_some() {
            let selection = Selection::new(&fleet, selector, Limit::Count(wanted.max(1)), seed, recency(), Effort::default()).unwrap();
            prop_assert!(wanted == 0 || selection.ordinals == staging.ordinals);
        }
    }

    #[test]
    fn a_goal_takes_what_is_missing_until_so_many_are_covered_or_updated(
        devices in devices(),
        wave in wave(),
        group in 0..=GROUPS.len(),
        goal in prop_oneof![
            (1u64..150).prop_map(Limit::Count),
            (1u32..=100_000).prop_map(|p| Limit::Percent(p, Denominator::Matching)),
        ],
        seed in any::<u64>(),
    ) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        let group = group_of(group);
        let matching = &law.matching & &in_group(&devices, &group);
        let there = (&matching & &(&law.covered | &law.updated)).len() as u64;
        let wanted = match goal {
            Limit::Percent(p, _) => (matching.len() as u64 * u64::from(p)).div_ceil(100_000),
            Limit::Count(count) => count,
            Limit::All => unreachable!(),
        };
        let asked = Rollout { group: group.clone(), goal: Some(goal), seed, ..rollout() };
        let staging = wave.stage(&fleet, &asked).unwrap();
        prop_assert_eq!((staging.kind, staging.goal), (Kind::Sample, Some(wanted)));
        prop_assert_eq!(staging.wanted, wanted.saturating_sub(there));
        let candidates = &matching & &law.candidates();
        prop_assert_eq!(staging.ordinals.len() as u64, staging.wanted.min(candidates.len() as u64));
        prop_assert!(staging.ordinals.iter().all(|o| candidates.contains(o)));
        // The picks are those of a limit of as many.
        if staging.wanted > 0 {
            let limit = Limit::Count(staging.wanted);
            let same = wave.stage(&fleet, &Rollout { group, limit, seed, ..rollout() }).unwrap();
            prop_assert_eq!(&staging.ordinals, &same.ordinals);
        }
        let again = wave.after(&staging).stage(&fleet, &asked).unwrap();
        prop_assert!(again.ordinals.is_empty());
        if there + staging.ordinals.len() as u64 >= wanted && !matching.is_empty() {
            prop_assert_eq!(again.shortage(), Some(Shortage::GoalReached));
        }
    }

    #[test]
    fn a_breakdown_counts_the_picks_and_the_candidates_by_three_columns(
        devices in devices(),
        wave in wave(),
        group in 0..=GROUPS.len(),
        limit in 1u64..60,
    ) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        let group = group_of(group);
        let asked = Rollout { group: group.clone(), limit: Limit::Count(limit), ..rollout() };
        let picked = wave.stage(&fleet, &asked).unwrap().ordinals;
        let found = wave.breakdown(&fleet, &picked, group.as_deref(), None, NOW).unwrap();
        let candidates = &law.candidates() & &in_group(&devices, &group);
        let count = |holds: &dyn Fn(&Device) -> bool| Part {
            picked: picked.iter().filter(|&&o| holds(&devices[o as usize])).count() as u64,
            candidates: candidates.iter().filter(|&&o| holds(&devices[o as usize])).count() as u64,
        };
        for (hours, at) in [(4 * 3600 + 1, 0), (86_400, 1), (7 * 86_400, 2)] {
            let so_far: u64 = found.bands[..=at].iter().map(|part| part.candidates).sum();
            prop_assert_eq!(so_far, count(&|d| d.age.is_some_and(|age| age < hours)).candidates);
        }
        prop_assert_eq!(found.bands[5], count(&|d| d.age.is_none()));
        for (lists, names, of) in [
            (&found.groups, GROUPS, (|d| d.group) as fn(&Device) -> Option<usize>),
            (&found.hardware, HARDWARE, |d| d.hardware),
        ] {
            let listed: BTreeMap<Option<&str>, Part> = lists.iter().map(|(n, part)| (n.as_deref(), *part)).collect();
            for code in [None, Some(0), Some(1), Some(2)] {
                let part = listed.get(&code.map(|code| names[code])).copied().unwrap_or_default();
                prop_assert_eq!(part, count(&|d| of(d) == code));
            }
            prop_assert!(lists.is_sorted_by(|(_, a), (_, b)| (a.picked, a.candidates) >= (b.picked, b.candidates)));
        }
    }

    #[test]
    fn a_listed_rollout_stages_the_devices_that_fit_and_are_not_covered(
        devices in devices(),
        wave in wave(),
        group in 0..=GROUPS.len(),
        list in prop::collection::vec(0usize..160, 1..80),
    ) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        let group = group_of(group);
        let fitting = &law.matching & &in_group(&devices, &group);
        let listed: Vec<Uuid> = list.iter().copied().map(uuid).collect();
        let on_list: Plain = list.iter().map(|&o| o as Ordinal).collect();
        let asked = Rollout { group, listed: Some(listed.clone()), ..rollout() };
        let offenders: Plain = &(&on_list - &fitting) | &(&on_list & &law.out_of_reach());
        let fitting = &fitting - &law.out_of_reach();
        match wave.stage(&fleet, &asked) {
            Ok(_) => prop_assert!(offenders.is_empty()),
            Err(CoreError::MismatchedDevices { listed, offenders: found }) => {
                prop_assert_eq!(listed, list.len());
                let found: BTreeSet<Uuid> = found.iter().map(|offender| offender.uuid).collect();
                prop_assert_eq!(found, offenders.iter().map(|&o| uuid(o as usize)).collect::<BTreeSet<_>>());
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
        let staging = wave.stage(&fleet, &Rollout { on_mismatch: OnMismatch::Skip, ..asked }).unwrap();
        let expected: Plain = &(&on_list & &fitting) - &law.covered;
        let mut in_list_order: Vec<Ordinal> = Vec::new();
        for &ordinal in &list {
            let ordinal = ordinal as Ordinal;
            if expected.contains(&ordinal) && !in_list_order.contains(&ordinal) {
                in_list_order.push(ordinal);
            }
        }
        prop_assert_eq!(&staging.ordinals, &in_list_order);
        let in_the_wave = &(&on_list & &fitting) & &(&law.covered | &law.updated);
        prop_assert_eq!(staging.already.iter().collect::<Plain>(), in_the_wave);
        prop_assert_eq!(staging.newly_scheduled, (&expected & &law.candidates()).len() as u64);
        prop_assert_eq!(staging.wanted, (&on_list & &fitting).len() as u64);
        prop_assert_eq!(staging.skipped.len(), offenders.len());
        let after = Law::of(&devices, &wave.after(&staging));
        prop_assert_eq!(after.covered, &law.covered | &(&on_list & &fitting));
    }

    #[test]
    fn a_whole_group_covers_what_is_in_it_and_a_second_time_changes_nothing(
        devices in devices(),
        wave in wave(),
        group in 0..GROUPS.len(),
    ) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        let group = group_of(group);
        let members = &law.matching & &in_group(&devices, &group);
        let asked = Rollout { group: group.clone(), whole_group: true, ..rollout() };
        let staging = wave.stage(&fleet, &asked).unwrap();
        prop_assert_eq!(staging.repeated, wave.whole_groups.iter().any(|g| Some(g) == group.as_ref()));
        prop_assert_eq!(staging.ordinals.iter().copied().collect::<Plain>(), &members - &law.covered);
        prop_assert_eq!(staging.newly_scheduled, (&members & &law.candidates()).len() as u64);
        let after = wave.after(&staging);
        prop_assert_eq!(&after.staged, &wave.staged);
        prop_assert_eq!(Law::of(&devices, &after).covered, &law.covered | &members);
        let again = after.stage(&fleet, &asked).unwrap();
        prop_assert!(again.repeated && again.ordinals.is_empty() && again.shortage().is_some());
        prop_assert_eq!(after.after(&again), after);
    }

    #[test]
    fn counts_add_up_and_are_those_of_loops(
        devices in devices(),
        wave in wave(),
        acts in prop::collection::vec((0usize..6, prop::collection::vec(0u32..150, 0..60), -2i64..80), 0..6),
        named in prop::sample::subsequence(vec!["gamma", "alpha", "gone"], 0..=3),
    ) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        let acts: Vec<Covering> = acts
            .into_iter()
            .map(|(kind, set, hours)| Covering {
                kind: match kind {
                    0..3 => CoverageKind::Group(group_of(kind).unwrap()),
                    3 => CoverageKind::Everyone,
                    4 => CoverageKind::Group("gone".into()),
                    _ => CoverageKind::Devices(DeviceSet::from_ordinals(&set)),
                },
                at: NOW - hours * 3600,
            })
            .collect();
        let reached_at = |o: Ordinal, d: &Device| {
            let reaches = |kind: &CoverageKind| match kind {
                CoverageKind::Devices(set) => set.contains(o),
                CoverageKind::Group(name) => d.group.map(|g| GROUPS[g]) == Some(name),
                CoverageKind::Everyone => true,
            };
            acts.iter().find(|act| reaches(&act.kind)).map(|act| act.at)
        };
        let named: Vec<String> = named.into_iter().map(String::from).collect();
        for state in STATES {
            let status = wave.status(&fleet, state, &named, &acts, &recency());
            let scheduled = law.scheduled(state);
            let silent = those(&devices, |o, d| {
                scheduled.contains(&o) && reached_at(o, d).is_some_and(|at| d.age.is_none_or(|age| NOW - age < at))
            });
            let mut parts: BTreeMap<Option<&str>, _> = BTreeMap::new();
            parts.insert(None, &status.groupless);
            for (name, counts) in status.rolled_out.iter().chain(&status.others) {
                parts.insert(Some(name), counts);
            }
            for part in [None, Some("alpha"), Some("beta"), Some("gamma"), Some("gone")] {
                let of_part = |set: &Plain| -> Plain {
                    set.iter().copied().filter(|&o| devices[o as usize].group.map(|g| GROUPS[g]) == part).collect()
                };
                let all = of_part(&law.matching);
                let Some(counts) = parts.get(&part) else {
                    prop_assert!(all.is_empty());
                    continue;
                };
                prop_assert_eq!(counts.total, all.len() as u64);
                prop_assert_eq!(counts.updated(), of_part(&law.updated).len() as u64);
                prop_assert_eq!(counts.covered, of_part(&law.covered_in(state)).len() as u64);
                let unsupported = &(&law.covered_in(state) & &law.unsupported) - &law.updated;
                prop_assert_eq!(counts.unsupported, of_part(&unsupported).len() as u64);
                let unscheduled = &(&law.matching - &law.covered_in(state)) - &law.updated;
                prop_assert_eq!(counts.unscheduled, of_part(&unscheduled).len() as u64);
                prop_assert_eq!(counts.scheduled, of_part(&scheduled).len() as u64);
                prop_assert_eq!(counts.silent, of_part(&silent).len() as u64);
                prop_assert_eq!(counts.staged, all.iter().filter(|&&o| wave.staged.contains(o)).count() as u64);
                prop_assert_eq!(counts.total, counts.updated() + counts.scheduled + counts.unsupported + counts.unscheduled);
                let mut versions: BTreeMap<Option<u32>, u64> = BTreeMap::new();
                for &o in &all {
                    *versions.entry(devices[o as usize].version.map(|v| v as u32)).or_default() += 1;
                }
                prop_assert_eq!(&counts.by_version, &versions.into_iter().rev().collect::<Vec<_>>());
                prop_assert!(named.iter().any(|name| Some(name.as_str()) == part) || part.is_none() || counts.total > 0);
            }
            let rolled_out: Vec<&String> = status.rolled_out.iter().map(|(name, _)| name).collect();
            prop_assert_eq!(rolled_out, named.iter().collect::<Vec<_>>());
            prop_assert_eq!(status.tag.total, law.matching.len() as u64);
            for subset in Subset::ALL {
                let devices = wave.devices_in(&fleet, state, subset, &acts, &recency());
                let counts = &status.tag;
                let count = match subset {
                    Subset::Matching => counts.total,
                    Subset::Online => counts.online,
                    Subset::OnVersion => counts.on_version,
                    Subset::Newer => counts.newer,
                    Subset::Older => counts.older,
                    Subset::Updated => counts.updated(),
                    Subset::Covered => counts.covered,
                    Subset::Staged => counts.staged,
                    Subset::Scheduled => counts.scheduled,
                    Subset::Silent => counts.silent,
                    Subset::Unsupported => counts.unsupported,
                    Subset::Unscheduled => counts.unscheduled,
                };
                prop_assert_eq!(devices.len(), count, "{:?}", subset);
                prop_assert!(devices.iter().all(|o| law.matching.contains(&o)));
                if subset == Subset::Silent {
                    prop_assert_eq!(devices.iter().collect::<Plain>(), silent.clone());
                }
            }
            prop_assert_eq!(status.tag.updated(), law.updated.len() as u64);
            prop_assert_eq!(status.tag.silent, silent.len() as u64);
            prop_assert_eq!(status.tag.online, parts.values().map(|counts| counts.online).sum::<u64>());
            prop_assert_eq!(status.tag.by_version.iter().map(|(_, n)| n).sum::<u64>(), status.tag.total);
            prop_assert!(status.tag.by_version.is_sorted_by(|a, b| a.0 > b.0));
        }
    }

    #[test]
    fn the_standing_of_a_device_is_its_place_in_the_sets(devices in devices(), wave in wave()) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        for (ordinal, device) in (0..).zip(&devices) {
            for state in STATES {
                let membership = wave.membership(&fleet, &uuid(ordinal as usize), state);
                prop_assert_eq!(membership.is_none(), device.deleted);
                let Some(membership) = membership else { continue };
                prop_assert_eq!(membership.ordinal, ordinal);
                prop_assert_eq!(membership.mismatch.is_none(), law.matching.contains(&ordinal));
                prop_assert_eq!(membership.staged, wave.staged.contains(ordinal));
                prop_assert_eq!(membership.covered, law.covered.contains(&ordinal));
                prop_assert_eq!(membership.updated, law.updated.contains(&ordinal));
                prop_assert_eq!(membership.unsupported, law.unsupported.contains(&ordinal));
                prop_assert_eq!(membership.scheduled, law.scheduled(state).contains(&ordinal));
                prop_assert_eq!(membership.group.as_deref(), device.group.map(|g| GROUPS[g]));
            }
        }
    }

    #[test]
    fn a_wave_never_chooses_a_device_twice_and_ends_at_everyone(
        devices in devices(),
        steps in prop::collection::vec((0..=GROUPS.len(), 1u64..30, any::<u64>()), 1..12),
        supported_hardware in prop::sample::select(vec![None, Some(["pi", "qemu"].map(String::from).into())]),
    ) {
        let fleet = fleet(&devices);
        let mut wave = Wave { target_version: 42, tag: "main".into(), supported_hardware, ..Wave::default() };
        let mut chosen = Plain::new();
        let mut take = |staging: &groundswell_core::Staging| {
            staging.ordinals.iter().all(|&ordinal| chosen.insert(ordinal))
        };
        for (group, limit, seed) in steps {
            let asked = Rollout { group: group_of(group), limit: Limit::Count(limit), seed, ..rollout() };
            let staging = wave.stage(&fleet, &asked).unwrap();
            prop_assert!(take(&staging), "chosen twice");
            wave = wave.after(&staging);
        }
        let everyone = Rollout { limit: Limit::Percent(100_000, Denominator::Matching), ..rollout() };
        let staging = wave.stage(&fleet, &everyone).unwrap();
        prop_assert!(take(&staging), "chosen twice");
        let law = Law::of(&devices, &wave.after(&staging));
        prop_assert_eq!(&(&law.covered | &law.updated) | &law.unsupported, law.matching.clone());
        prop_assert_eq!(chosen, &(&law.matching - &law.updated) - &law.unsupported);
    }

    #[test]
    fn a_plan_says_which_of_its_devices_match_no_longer(
        devices in devices(),
        wave in wave(),
        group in 0..=GROUPS.len(),
        planned in prop::collection::btree_set(0usize..160, 0..80),
    ) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        let group = group_of(group);
        let fitting = &law.matching & &in_group(&devices, &group);
        let planned: Vec<usize> = planned.into_iter().rev().collect();
        let uuids: Vec<Uuid> = planned.iter().copied().map(uuid).collect();
        let check = wave.check_plan(&fleet, group.as_deref(), &uuids).unwrap();
        let matching: Vec<Ordinal> = planned.iter().map(|&o| o as Ordinal).filter(|o| fitting.contains(o)).collect();
        prop_assert_eq!(check.covered, matching.iter().filter(|o| law.covered.contains(o)).count() as u64);
        prop_assert_eq!(&check.ordinals, &matching);
        prop_assert_eq!(check.offenders.len() + matching.len(), planned.len());
    }
}

#[test]
fn every_row_of_the_table_of_selectors_means_what_it_says() {
    let list = || Some(vec![uuid(1)]);
    let group = || Some("alpha".to_owned());
    let limit = Limit::Count(5);
    let kind = |group, listed, limit, whole_group| Rollout { group, listed, limit, whole_group, ..rollout() }.kind();
    assert_eq!(kind(group(), None, Limit::All, true), Ok(Kind::Whole));
    for group in [None, group()] {
        assert_eq!(kind(group.clone(), None, limit, false), Ok(Kind::Sample));
        assert_eq!(kind(group.clone(), list(), Limit::All, false), Ok(Kind::Listed));
        assert_eq!(kind(group, list(), limit, false), Ok(Kind::SampleWithinList));
    }
    assert_eq!(kind(None, None, Limit::All, false), Err(CoreError::NothingAsked));
    assert_eq!(
        kind(group(), None, Limit::All, false),
        Err(CoreError::WholeGroupUnsaid { group: "alpha".into() }),
        "what is left out never comes to mean more"
    );
    assert_eq!(kind(None, None, Limit::All, true), Err(CoreError::BadWholeGroup { with: None }));
    assert!(matches!(kind(group(), list(), Limit::All, true), Err(CoreError::BadWholeGroup { with: Some(_) })));
    assert!(matches!(kind(group(), None, limit, true), Err(CoreError::BadWholeGroup { with: Some(_) })));
}

#[test]
fn a_goal_replaces_the_limit_and_goes_with_a_group_alone() {
    let goal = Some(Limit::Count(5));
    let group = || Some("alpha".to_owned());
    for group in [None, group()] {
        assert_eq!(Rollout { goal, group: group.clone(), ..rollout() }.kind(), Ok(Kind::Sample));
        let online = Rollout { goal, group: group.clone(), online_only: true, ..rollout() };
        assert_eq!(online.kind(), Ok(Kind::Sample));
        let limited = Rollout { goal, group: group.clone(), limit: Limit::Count(5), ..rollout() };
        assert!(matches!(limited.kind(), Err(CoreError::BadGoal { with: "a limit" })));
        let listed = Rollout { goal, group, listed: Some(vec![uuid(1)]), ..rollout() };
        assert!(matches!(listed.kind(), Err(CoreError::BadGoal { .. })));
    }
    let whole = Rollout { goal, group: group(), whole_group: true, ..rollout() };
    assert!(matches!(whole.kind(), Err(CoreError::BadWholeGroup { with: Some(_) })));
    for goal in [Limit::All, Limit::Count(0), Limit::Percent(0, Denominator::Matching)] {
        assert!(Rollout { goal: Some(goal), ..rollout() }.kind().is_err());
    }
}

#[test]
fn only_a_sample_can_be_of_online_devices_only() {
    let asked = Rollout { online_only: true, ..rollout() };
    let listed = Rollout { listed: Some(vec![uuid(1)]), ..asked.clone() };
    assert_eq!(listed.kind(), Err(CoreError::OnlineOnlyWithoutSample));
    assert_eq!(Rollout { limit: Limit::Count(1), ..listed }.kind(), Ok(Kind::SampleWithinList));
    let whole = Rollout { group: Some("alpha".into()), whole_group: true, ..asked.clone() };
    assert_eq!(whole.kind(), Err(CoreError::OnlineOnlyWithoutSample));
    assert_eq!(asked.kind(), Err(CoreError::NothingAsked));
}

#[test]
fn an_empty_list_and_a_limit_of_none_are_refused_whatever_else_is_asked_for() {
    for group in [None, Some("alpha".to_owned())] {
        for whole_group in [false, true] {
            let asked = Rollout { group: group.clone(), whole_group, ..rollout() };
            let empty = Rollout { listed: Some(Vec::new()), ..asked.clone() };
            assert!(matches!(empty.kind(), Err(CoreError::EmptyList { .. })));
            let zero = Rollout { limit: Limit::Count(0), ..asked.clone() };
            assert_eq!(zero.kind(), Err(CoreError::ZeroLimit));
            for thousandths in [0, 100_001] {
                let limit = Limit::Percent(thousandths, Denominator::Matching);
                let bad = Rollout { limit, ..asked.clone() };
                assert_eq!(bad.kind(), Err(CoreError::BadPercentage { thousandths }));
            }
        }
    }
}

#[test]
fn a_rollout_to_nobody_says_why() {
    let device = Device {
        group: Some(0),
        tag: Some(0),
        production: true,
        age: None,
        version: Some(41),
        hardware: None,
        deleted: false,
    };
    let updated = Device { version: Some(42), group: Some(1), ..device.clone() };
    let fleet = fleet(&[device.clone(), device, updated.clone(), updated]);
    let wave = Wave { target_version: 42, tag: "main".into(), ..Wave::default() };
    let staged = Wave { staged: DeviceSet::from_ordinals(&[0, 1]), ..wave.clone() };
    let why = |wave: &Wave, group: usize, limit| {
        let asked = Rollout { group: group_of(group), limit, ..rollout() };
        wave.stage(&fleet, &asked).unwrap().shortage()
    };
    assert_eq!(why(&wave, 0, Limit::Count(2)), None);
    assert_eq!(why(&wave, 0, Limit::Count(3)), Some(Shortage::FewerCandidates));
    assert_eq!(why(&wave, 1, Limit::Count(2)), Some(Shortage::AllUpdated));
    assert_eq!(why(&wave, 2, Limit::Count(2)), Some(Shortage::NoneMatch));
    assert_eq!(why(&staged, 0, Limit::Count(2)), Some(Shortage::AllCovered));
    assert_eq!(why(&staged, 3, Limit::Count(2)), Some(Shortage::AllUpdatedOrCovered));
    assert_eq!(why(&wave, 0, Limit::Percent(100_000, Denominator::Online)), Some(Shortage::NoneOnline));
    let asked = Rollout { limit: Limit::Count(2), online_only: true, ..rollout() };
    assert_eq!(wave.stage(&fleet, &asked).unwrap().shortage(), Some(Shortage::NoCandidateOnline));
}

#[test]
fn a_rollout_to_hardware_without_a_target_says_so() {
    let device = Device {
        group: Some(0),
        tag: Some(0),
        production: true,
        age: Some(60),
        version: Some(41),
        hardware: Some(0),
        deleted: false,
    };
    let updated = Device { version: Some(42), group: Some(1), ..device.clone() };
    let fleet = fleet(&[device.clone(), updated]);
    let supported_hardware = Some(["imx8".to_owned()].into());
    let wave = Wave { target_version: 42, tag: "main".into(), supported_hardware, ..Wave::default() };
    let why = |group: usize| {
        let asked = Rollout { group: group_of(group), limit: Limit::Count(2), ..rollout() };
        wave.stage(&fleet, &asked).unwrap().shortage()
    };
    assert_eq!(why(0), Some(Shortage::AllUnsupported));
    assert_eq!(why(1), Some(Shortage::AllUpdated));
    assert_eq!(why(3), Some(Shortage::NoneLeft));
    let listed = Rollout { listed: Some(vec![uuid(0)]), on_mismatch: OnMismatch::Skip, ..rollout() };
    let staging = wave.stage(&fleet, &listed).unwrap();
    assert_eq!((staging.shortage(), staging.skipped.len()), (Some(Shortage::AllUnsupported), 1));
}

// --- which metadata a device is served ------------------------------------------------------------------------------

const PRODUCTION_DEVICE: Recipient = Recipient { production: true, tagged: true, target_version: Some(41) };

fn of_tag(target_version: u32, state: WaveState, covers: bool) -> WaveOfTag {
    WaveOfTag { target_version, state, covers }
}

fn on(target_version: u32) -> Recipient {
    Recipient { target_version: Some(target_version), ..PRODUCTION_DEVICE }
}

#[test]
fn a_test_device_is_served_ci_targets_and_a_device_without_a_tag_nothing() {
    let waves = [of_tag(42, WaveState::Active, true)];
    let test = Recipient { production: false, ..on(42) };
    assert_eq!(targets_variant(test, &waves, Some(41)), TargetsVariant::Ci);
    for production in [false, true] {
        let untagged = Recipient { production, tagged: false, target_version: Some(42) };
        assert_eq!(targets_variant(untagged, &waves, Some(41)), TargetsVariant::Nothing);
    }
}

#[test]
fn the_active_wave_is_served_to_those_it_covers_and_production_targets_to_the_rest() {
    for (covers, production, expected) in [
        (true, Some(41), TargetsVariant::Wave(0)),
        (true, None, TargetsVariant::Wave(0)),
        (false, Some(41), TargetsVariant::Production),
        (false, None, TargetsVariant::Nothing),
    ] {
        let waves = [of_tag(42, WaveState::Active, covers)];
        assert_eq!(targets_variant(PRODUCTION_DEVICE, &waves, production), expected);
    }
    // A finished wave reaches nobody by having covered them.
    for state in [WaveState::Complete, WaveState::Canceled] {
        assert_eq!(
            targets_variant(PRODUCTION_DEVICE, &[of_tag(42, state, true)], Some(41)),
            TargetsVariant::Production
        );
    }
}

#[test]
fn a_device_that_runs_a_canceled_version_keeps_its_targets_until_something_newer_reaches_it() {
    let canceled = of_tag(42, WaveState::Canceled, true);
    assert_eq!(targets_variant(on(42), &[canceled], Some(41)), TargetsVariant::Wave(0));
    assert_eq!(targets_variant(on(42), &[canceled], None), TargetsVariant::Wave(0));
    assert_eq!(targets_variant(on(41), &[canceled], Some(41)), TargetsVariant::Production);
    // Production targets at or above it end the rule; lower ones do not.
    for (production, expected) in
        [(41, TargetsVariant::Wave(0)), (42, TargetsVariant::Production), (43, TargetsVariant::Production)]
    {
        assert_eq!(targets_variant(on(42), &[canceled], Some(production)), expected);
    }
    // So does a wave that covers it, but not one that passes it by, nor one below it.
    for (version, covers, expected) in [
        (43, true, TargetsVariant::Wave(1)),
        (43, false, TargetsVariant::Wave(0)),
        (42, true, TargetsVariant::Wave(1)),
        (41, true, TargetsVariant::Wave(0)),
        (41, false, TargetsVariant::Wave(0)),
    ] {
        let waves = [canceled, of_tag(version, WaveState::Active, covers)];
        assert_eq!(targets_variant(on(42), &waves, Some(40)), expected, "{version} {covers}");
    }
}

#[test]
fn a_device_that_runs_the_version_of_the_active_wave_without_being_covered_is_served_the_wave() {
    let waves = [of_tag(42, WaveState::Canceled, false), of_tag(42, WaveState::Active, false)];
    assert_eq!(targets_variant(on(42), &waves, Some(41)), TargetsVariant::Wave(1));
    let completed = [of_tag(42, WaveState::Complete, false)];
    assert_eq!(targets_variant(on(42), &completed, Some(41)), TargetsVariant::Production);
    let twice = [of_tag(42, WaveState::Canceled, false), of_tag(42, WaveState::Canceled, false)];
    assert_eq!(targets_variant(on(42), &twice, Some(41)), TargetsVariant::Wave(1));
}
