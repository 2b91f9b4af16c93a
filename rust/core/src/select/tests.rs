//! Selections on every path of the scan, compared with sorting all keys.

use std::num::NonZero;

use crate::fleet::columns::FleetColumns;
use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid, fmix64};
use crate::machine::effort::Effort;
use crate::machine::kernel::Kernel;
use crate::sampling::clocks::{Clock, SeedKey, clock};
use crate::sampling::recency::Recency;
use crate::sampling::top_k::compare;
use crate::select::explanation::Verdict;
use crate::select::limit::{Denominator, Limit};
use crate::select::selection::Selection;
use crate::select::selector::{OnMismatch, Selector};
use crate::sets::device_set::DeviceSet;

const NOW: i64 = 1_795_000_000;

/// All kernels of this CPU, and more threads than chunks.
fn efforts() -> impl Iterator<Item = Effort> {
    let kernels = Kernel::all().map(|kernel| Effort { kernel, threads: None });
    kernels.chain([Effort { threads: NonZero::new(3), ..Effort::default() }])
}

/// Devices with pseudo-random UUIDs and ages, three groups, two tags, one test device in 16.
fn fleet(devices: u32) -> Fleet {
    let n = devices as usize;
    let random = |salt: u64, i: u32| fmix64(salt << 32 | u64::from(i));
    Fleet::new(FleetColumns {
        uuids: (0..devices)
            .map(|i| (u128::from(random(1, i)) << 64 | u128::from(random(2, i))).to_be_bytes())
            .collect(),
        last_seen: (0..devices)
            .map(|i| match random(3, i) % 5 {
                0 => 0,
                1 | 2 => (NOW - (random(4, i) % 10_000) as i64) as u32,
                _ => (NOW - (random(4, i) % 2_000_000) as i64) as u32,
            })
            .collect(),
        groups: (0..devices).map(|i| (random(5, i) % 4) as i32 - 1).collect(),
        group_names: ["a", "b", "c"].map(String::from).to_vec(),
        tags: (0..devices).map(|i| (random(6, i) % 2) as i32).collect(),
        tag_names: ["main", "devel"].map(String::from).to_vec(),
        production: (0..devices).map(|i| i % 16 != 0).collect(),
        target_versions: (0..n as u32).map(|i| (random(7, i) % 5) as i32 + 38).collect(),
        ..FleetColumns::default()
    })
    .unwrap()
}

fn recency() -> Recency {
    Recency::new(NOW, 4 * 3600, 24 * 3600).unwrap()
}

fn select(fleet: &Fleet, selector: Selector, limit: Limit) -> Selection {
    Selection::new(fleet, selector, limit, 7, recency(), Effort::default()).unwrap()
}

/// Sorts the keys of all candidates, without thresholds.
fn by_brute_force(fleet: &Fleet, selection: &Selection, seed: u64) -> Vec<Ordinal> {
    let seed = SeedKey::new(seed);
    let selector = selection.selector.clone();
    let mut all: Vec<Clock> = Vec::new();
    let candidates = selector.resolve(fleet).unwrap().candidates(fleet);
    candidates.for_each_candidate(|position| all.push(clock(fleet, position, &seed, &recency())));
    all.sort_by(|&a, &b| compare(fleet, a, b));
    all.iter().map(|p| p.ordinal).take(selection.wanted as usize).collect()
}

#[test]
fn thresholds_never_change_a_pick() {
    for devices in [1, 63, 64, 65, 5_000, 140_000] {
        let fleet = fleet(devices);
        for k in [1, 2, 10, 100, 1_000, 4_000, 60_000, 70_000] {
            for (seed, effort) in (0..5).flat_map(|seed| efforts().map(move |effort| (seed, effort))) {
                let limit = Limit::Count(k);
                let selection = Selection::new(&fleet, Selector::default(), limit, seed, recency(), effort).unwrap();
                let expected = by_brute_force(&fleet, &selection, seed);
                assert_eq!(selection.ordinals, expected, "{devices} {k} {seed} {effort:?}");
            }
        }
    }
}

#[test]
fn deferred_sets_change_no_pick_and_no_count() {
    let fleet = fleet(140_000);
    let sparse: Vec<u32> = (0..140_000).step_by(37).collect();
    // Runs, and an ordinal beyond the fleet.
    let runs: Vec<u32> = (0..8).flat_map(|i| i * 9_000..i * 9_000 + 700).chain([9_999_999]).collect();
    for excluded in [&sparse, &runs] {
        for group in [None, Some("a".to_owned())] {
            for k in [1, 20, 500, 900] {
                for (seed, effort) in (0..3).flat_map(|seed| efforts().map(move |effort| (seed, effort))) {
                    let set = Some((&DeviceSet::from_ordinals(excluded)).into());
                    let selector = Selector { group: group.clone(), excluded_set: set, ..Selector::default() };
                    let limit = Limit::Count(k);
                    let selection = Selection::new(&fleet, selector, limit, seed, recency(), effort).unwrap();
                    assert_eq!(selection.ordinals, by_brute_force(&fleet, &selection, seed), "{k} {effort:?}");
                    assert!(selection.scope.get().is_none(), "the set was deferred");
                    let scope = selection.scope(&fleet);
                    let matches = |o: &u32| {
                        fleet.is_production(*o) && group.as_deref().is_none_or(|g| fleet.group_of(*o) == Some(g))
                    };
                    let matching = (0..140_000).filter(|o| matches(o)).count() as u64;
                    let left_out = excluded.iter().filter(|o| fleet.has(**o) && matches(o)).count() as u64;
                    assert_eq!((scope.matching, scope.excluded), (matching, left_out));
                    assert_eq!((scope.remaining, scope.updated), (matching - left_out, 0));
                }
            }
        }
    }
}

#[test]
fn deferred_sets_are_included_if_too_few_candidates_are_left() {
    let fleet = fleet(140_000);
    let group: Vec<u32> = fleet.group("a").unwrap().iter().collect();
    // All devices of a group but a few are excluded: the few are found, whatever the threshold was.
    let (kept, excluded) = group.split_at(group.len() - 8_000);
    let selector = Selector {
        listed: Some(excluded.iter().chain(&kept[..5]).map(|&o| fleet.uuid(o)).collect()),
        excluded_set: Some((&DeviceSet::from_ordinals(excluded)).into()),
        on_mismatch: OnMismatch::Skip,
        ..Selector::default()
    };
    let selection = select(&fleet, selector, Limit::Count(100));
    assert_eq!(selection.ordinals, by_brute_force(&fleet, &selection, 7));
    assert_eq!(selection.scope(&fleet).remaining, selection.ordinals.len() as u64);
    assert!(selection.ordinals.len() <= 5);
}

#[test]
fn a_fleet_at_the_floor_and_a_fleet_online_are_sampled_too() {
    for last_seen in [0, NOW as u32] {
        let mut columns = fleet(20_000).to_columns();
        columns.last_seen.fill(last_seen);
        let fleet = Fleet::new(columns).unwrap();
        let selection = select(&fleet, Selector::default(), Limit::Count(500));
        assert_eq!(selection.ordinals, by_brute_force(&fleet, &selection, 7));
    }
}

#[test]
fn one_recent_device_among_many_at_the_floor_is_not_missed() {
    let mut columns = fleet(20_000).to_columns();
    columns.last_seen.fill(0);
    columns.last_seen[13_337] = NOW as u32;
    let fleet = Fleet::new(columns).unwrap();
    for seed in 0..20 {
        let selection =
            Selection::new(&fleet, Selector::default(), Limit::Count(50), seed, recency(), Effort::default()).unwrap();
        assert_eq!(selection.ordinals, by_brute_force(&fleet, &selection, seed));
    }
}

#[test]
fn percentages_are_rounded_up_in_whole_numbers() {
    let fleet = fleet(1_000);
    let everyone = Selector { include_test: true, ..Selector::default() };
    for (thousandths, wanted) in [(1, 1), (100, 1), (101, 2), (10_000, 100), (10_001, 101), (100_000, 1_000)] {
        let limit = Limit::Percent(thousandths, Denominator::Matching);
        assert_eq!(select(&fleet, everyone.clone(), limit).wanted, wanted);
    }
}

#[test]
fn every_device_has_the_verdict_of_its_sets() {
    let fleet = fleet(2_000);
    let columns = fleet.to_columns();
    let listed: Vec<Uuid> = columns.uuids[..1_500].to_vec();
    let excluded: Vec<Uuid> = columns.uuids[100..300].to_vec();
    let selector = Selector {
        group: Some("a".into()),
        tag: Some("main".into()),
        listed: Some(listed),
        excluded: Some(excluded),
        not_updated: Some(41),
        on_mismatch: OnMismatch::Skip,
        ..Selector::default()
    };
    let selection = select(&fleet, selector, Limit::Count(20));
    for (i, uuid) in columns.uuids.iter().enumerate() {
        let verdict = if !columns.production[i] {
            Verdict::Test
        } else if columns.tags[i] != 0 {
            Verdict::WrongTag
        } else if columns.groups[i] != 0 {
            Verdict::WrongGroup
        } else if i >= 1_500 {
            Verdict::NotListed
        } else if columns.target_versions[i] >= 41 {
            Verdict::Updated
        } else if (100..300).contains(&i) {
            Verdict::Excluded
        } else if selection.ordinals.contains(&(i as u32)) {
            Verdict::Picked
        } else {
            Verdict::BeyondLimit
        };
        let explanation = selection.explain(&fleet, uuid);
        assert_eq!(explanation.verdict, verdict, "device {i}");
        let rank = explanation.known.unwrap().rank;
        let place = selection.ordinals.iter().position(|&o| o == i as u32);
        match place {
            Some(place) => assert_eq!(rank, Some(place as u64 + 1)),
            None => assert!(rank.is_none_or(|rank| rank > 20)),
        }
    }
    assert_eq!(selection.explain(&fleet, &[0xAB; 16]).verdict, Verdict::Unknown);
}
