//! Waves, rollouts and status beside plain sets: what domain.md says, in loops over devices.

use std::collections::{BTreeMap, BTreeSet};

use groundswell_core::audience::{Audience, Served, WaveOfTag, served};
use groundswell_core::rollout::{Kind, Shortage};
use groundswell_core::{
    CoreError, Covering, Denominator, DeviceSet, Effort, Fleet, FleetColumns, Limit, OnMismatch, Ordinal, Reach,
    Recency, Rollout, Selection, Selector, Uuid, Wave, WaveState, WordSet,
};
use proptest::prelude::*;

const NOW: i64 = 1_795_000_000;
const GROUPS: [&str; 3] = ["alpha", "beta", "gamma"];
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
        prop::bool::weighted(0.1),
    )
        .prop_map(|(group, tag, production, age, version, deleted)| Device {
            group,
            tag,
            production,
            age,
            version,
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
    )
        .prop_map(|(target_version, tag, staged, groups)| Wave {
            target_version,
            tag: TAGS.get(tag).unwrap_or(&"nobody-listens").to_string(),
            staged: DeviceSet::from_ordinals(&staged),
            whole_groups: groups.iter().map(|&g| GROUPS.get(g).unwrap_or(&"gone").to_string()).collect(),
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
}

impl Law {
    fn of(devices: &[Device], wave: &Wave) -> Self {
        let named = |code: Option<usize>, names: &[&'static str]| code.map(|code| names[code]);
        let matching = those(devices, |_, d| d.production && named(d.tag, &TAGS) == Some(wave.tag.as_str()));
        let at_or_above = those(devices, |_, d| d.version.is_some_and(|v| v as u32 >= wave.target_version));
        let in_the_wave = those(devices, |o, d| {
            wave.staged.contains(o) || wave.whole_groups.iter().any(|g| named(d.group, &GROUPS) == Some(g))
        });
        Self { updated: &matching & &at_or_above, covered: &matching & &in_the_wave, matching }
    }

    fn scheduled(&self, state: WaveState) -> Plain {
        match state {
            WaveState::Active => &self.covered - &self.updated,
            WaveState::Complete => &self.matching - &self.updated,
            WaveState::Canceled => Plain::new(),
        }
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
        seed in any::<u64>(),
    ) {
        let fleet = fleet(&devices);
        let law = Law::of(&devices, &wave);
        let group = group_of(group);
        let listed: Option<Vec<Uuid>> = list.map(|list| list.into_iter().map(uuid).collect());
        let on_mismatch = OnMismatch::Skip;
        let asked = Rollout { group: group.clone(), listed: listed.clone(), limit, on_mismatch, seed, ..rollout() };
        let staging = wave.stage(&fleet, &asked).unwrap();

        let mut matching = &law.matching & &in_group(&devices, &group);
        if let Some(listed) = &listed {
            matching.retain(|&o| listed.contains(&uuid(o as usize)));
        }
        let candidates: Plain = &(&matching - &law.updated) - &law.covered;
        let online = matching.iter().filter(|&&o| devices[o as usize].age.is_some_and(|age| age <= 4 * 3600)).count();
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
        prop_assert_eq!(staging.ordinals.len() as u64, wanted.min(candidates.len() as u64));
        prop_assert_eq!(staging.newly_scheduled, staging.ordinals.len() as u64);
        prop_assert_eq!(staging.shortage().is_none(), staging.ordinals.len() as u64 >= wanted && wanted > 0);

        // The same picks as a selection from the fleet as a whole that is told whom to leave out.
        let covered: Vec<Uuid> = law.covered.iter().map(|&o| uuid(o as usize)).collect();
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
        let offenders: Plain = &on_list - &fitting;
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
        prop_assert_eq!(staging.newly_scheduled, (&expected - &law.updated).len() as u64);
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
        prop_assert_eq!(staging.newly_scheduled, (&(&members - &law.covered) - &law.updated).len() as u64);
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
            .map(|(reach, set, hours)| Covering {
                reach: match reach {
                    0..3 => Reach::Group(group_of(reach).unwrap()),
                    3 => Reach::Everyone,
                    4 => Reach::Group("gone".into()),
                    _ => Reach::Devices(DeviceSet::from_ordinals(&set)),
                },
                at: NOW - hours * 3600,
            })
            .collect();
        let reached_at = |o: Ordinal, d: &Device| {
            let reaches = |reach: &Reach| match reach {
                Reach::Devices(set) => set.contains(o),
                Reach::Group(name) => d.group.map(|g| GROUPS[g]) == Some(name),
                Reach::Everyone => true,
            };
            acts.iter().find(|act| reaches(&act.reach)).map(|act| act.at)
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
            for (name, tally) in status.rolled_out.iter().chain(&status.others) {
                parts.insert(Some(name), tally);
            }
            for part in [None, Some("alpha"), Some("beta"), Some("gamma"), Some("gone")] {
                let of_part = |set: &Plain| -> Plain {
                    set.iter().copied().filter(|&o| devices[o as usize].group.map(|g| GROUPS[g]) == part).collect()
                };
                let all = of_part(&law.matching);
                let Some(tally) = parts.get(&part) else {
                    prop_assert!(all.is_empty());
                    continue;
                };
                prop_assert_eq!(tally.total, all.len() as u64);
                prop_assert_eq!(tally.updated(), of_part(&law.updated).len() as u64);
                prop_assert_eq!(tally.covered, of_part(&law.covered).len() as u64);
                prop_assert_eq!(tally.scheduled, of_part(&scheduled).len() as u64);
                prop_assert_eq!(tally.silent, of_part(&silent).len() as u64);
                prop_assert_eq!(tally.staged, all.iter().filter(|&&o| wave.staged.contains(o)).count() as u64);
                prop_assert_eq!(tally.total, tally.updated() + tally.scheduled + tally.unscheduled());
                let mut versions: BTreeMap<Option<u32>, u64> = BTreeMap::new();
                for &o in &all {
                    *versions.entry(devices[o as usize].version.map(|v| v as u32)).or_default() += 1;
                }
                prop_assert_eq!(&tally.by_version, &versions.into_iter().rev().collect::<Vec<_>>());
                prop_assert!(named.iter().any(|name| Some(name.as_str()) == part) || part.is_none() || tally.total > 0);
            }
            let rolled_out: Vec<&String> = status.rolled_out.iter().map(|(name, _)| name).collect();
            prop_assert_eq!(rolled_out, named.iter().collect::<Vec<_>>());
            prop_assert_eq!(status.tag.total, law.matching.len() as u64);
            prop_assert_eq!(status.tag.updated(), law.updated.len() as u64);
            prop_assert_eq!(status.tag.silent, silent.len() as u64);
            prop_assert_eq!(status.tag.online, parts.values().map(|tally| tally.online).sum::<u64>());
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
                let standing = wave.standing(&fleet, &uuid(ordinal as usize), state);
                prop_assert_eq!(standing.is_none(), device.deleted);
                let Some(standing) = standing else { continue };
                prop_assert_eq!(standing.ordinal, ordinal);
                prop_assert_eq!(standing.mismatch.is_none(), law.matching.contains(&ordinal));
                prop_assert_eq!(standing.staged, wave.staged.contains(ordinal));
                prop_assert_eq!(standing.covered, law.covered.contains(&ordinal));
                prop_assert_eq!(standing.updated, law.updated.contains(&ordinal));
                prop_assert_eq!(standing.scheduled, law.scheduled(state).contains(&ordinal));
                prop_assert_eq!(standing.group.as_deref(), device.group.map(|g| GROUPS[g]));
            }
        }
    }

    #[test]
    fn a_wave_never_chooses_a_device_twice_and_ends_at_everyone(
        devices in devices(),
        steps in prop::collection::vec((0..=GROUPS.len(), 1u64..30, any::<u64>()), 1..12),
    ) {
        let fleet = fleet(&devices);
        let mut wave = Wave { target_version: 42, tag: "main".into(), ..Wave::default() };
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
        prop_assert_eq!(&law.covered | &law.updated, law.matching.clone());
        prop_assert_eq!(chosen, &law.matching - &law.updated);
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
    let device =
        Device { group: Some(0), tag: Some(0), production: true, age: None, version: Some(41), deleted: false };
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
}

// --- which metadata a device is served ------------------------------------------------------------------------------

const PRODUCTION_DEVICE: Audience = Audience { production: true, tagged: true, target_version: Some(41) };

fn of_tag(target_version: u32, state: WaveState, covers: bool) -> WaveOfTag {
    WaveOfTag { target_version, state, covers }
}

fn on(target_version: u32) -> Audience {
    Audience { target_version: Some(target_version), ..PRODUCTION_DEVICE }
}

#[test]
fn a_test_device_is_served_ci_targets_and_a_device_without_a_tag_nothing() {
    let waves = [of_tag(42, WaveState::Active, true)];
    let test = Audience { production: false, ..on(42) };
    assert_eq!(served(test, &waves, Some(41)), Served::Ci);
    for production in [false, true] {
        let untagged = Audience { production, tagged: false, target_version: Some(42) };
        assert_eq!(served(untagged, &waves, Some(41)), Served::Nothing);
    }
}

#[test]
fn the_active_wave_is_served_to_those_it_covers_and_production_targets_to_the_rest() {
    for (covers, production, expected) in [
        (true, Some(41), Served::Wave(0)),
        (true, None, Served::Wave(0)),
        (false, Some(41), Served::Production),
        (false, None, Served::Nothing),
    ] {
        let waves = [of_tag(42, WaveState::Active, covers)];
        assert_eq!(served(PRODUCTION_DEVICE, &waves, production), expected);
    }
    // A finished wave reaches nobody by having covered them.
    for state in [WaveState::Complete, WaveState::Canceled] {
        assert_eq!(served(PRODUCTION_DEVICE, &[of_tag(42, state, true)], Some(41)), Served::Production);
    }
}

#[test]
fn a_device_that_runs_a_canceled_version_keeps_its_targets_until_something_newer_reaches_it() {
    let canceled = of_tag(42, WaveState::Canceled, true);
    assert_eq!(served(on(42), &[canceled], Some(41)), Served::Wave(0));
    assert_eq!(served(on(42), &[canceled], None), Served::Wave(0));
    assert_eq!(served(on(41), &[canceled], Some(41)), Served::Production);
    // Production targets at or above it end the rule; lower ones do not.
    for (production, expected) in [(41, Served::Wave(0)), (42, Served::Production), (43, Served::Production)] {
        assert_eq!(served(on(42), &[canceled], Some(production)), expected);
    }
    // So does a wave that covers it, but not one that passes it by, nor one below it.
    for (version, covers, expected) in [
        (43, true, Served::Wave(1)),
        (43, false, Served::Wave(0)),
        (42, true, Served::Wave(1)),
        (41, true, Served::Wave(0)),
        (41, false, Served::Wave(0)),
    ] {
        let waves = [canceled, of_tag(version, WaveState::Active, covers)];
        assert_eq!(served(on(42), &waves, Some(40)), expected, "{version} {covers}");
    }
}

#[test]
fn a_device_that_runs_the_version_of_the_active_wave_without_being_covered_is_served_the_wave() {
    let waves = [of_tag(42, WaveState::Canceled, false), of_tag(42, WaveState::Active, false)];
    assert_eq!(served(on(42), &waves, Some(41)), Served::Wave(1));
    let completed = [of_tag(42, WaveState::Complete, false)];
    assert_eq!(served(on(42), &completed, Some(41)), Served::Production);
    let twice = [of_tag(42, WaveState::Canceled, false), of_tag(42, WaveState::Canceled, false)];
    assert_eq!(served(on(42), &twice, Some(41)), Served::Wave(1));
}
