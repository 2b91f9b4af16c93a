//! Samples: with a limit, with a goal, and their breakdown and shortage.

use std::collections::BTreeMap;

use groundswell_core::waves::request::Kind;
use groundswell_core::waves::staging::Shortage;
use groundswell_core::{
    Denominator, DeviceSet, Effort, Limit, OnMismatch, Ordinal, Part, RolloutRequest, Selection, Selector, Uuid, Wave,
};
use proptest::prelude::*;

use crate::support::{
    Device, GROUPS, HARDWARE, Law, NOW, Plain, TAGS, devices, fleet, group_of, in_group, recency, rollout, uuid, wave,
};

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
        let asked = RolloutRequest { group: group_of(group), limit, ..rollout() };
        wave.stage(&fleet, &asked).unwrap().shortage()
    };
    assert_eq!(why(&wave, 0, Limit::Count(2)), None);
    assert_eq!(why(&wave, 0, Limit::Count(3)), Some(Shortage::FewerCandidates));
    assert_eq!(why(&wave, 1, Limit::Count(2)), Some(Shortage::AllUpdated));
    assert_eq!(why(&wave, 2, Limit::Count(2)), Some(Shortage::NoneMatch));
    assert_eq!(why(&staged, 0, Limit::Count(2)), Some(Shortage::AllCovered));
    assert_eq!(why(&staged, 3, Limit::Count(2)), Some(Shortage::AllUpdatedOrCovered));
    assert_eq!(why(&wave, 0, Limit::Percent(100_000, Denominator::Online)), Some(Shortage::NoneOnline));
    let asked = RolloutRequest { limit: Limit::Count(2), online_only: true, ..rollout() };
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
        let asked = RolloutRequest { group: group_of(group), limit: Limit::Count(2), ..rollout() };
        wave.stage(&fleet, &asked).unwrap().shortage()
    };
    assert_eq!(why(0), Some(Shortage::AllUnsupported));
    assert_eq!(why(1), Some(Shortage::AllUpdated));
    assert_eq!(why(3), Some(Shortage::NoneLeft));
    let listed = RolloutRequest { listed: Some(vec![uuid(0)]), on_mismatch: OnMismatch::Skip, ..rollout() };
    let staging = wave.stage(&fleet, &listed).unwrap();
    assert_eq!((staging.shortage(), staging.skipped.len()), (Some(Shortage::AllUnsupported), 1));
}

proptest! {
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
        let asked = RolloutRequest { group: group.clone(), listed: listed.clone(), limit, on_mismatch, online_only, seed, ..rollout() };
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
        let asked = RolloutRequest { group: group.clone(), goal: Some(goal), seed, ..rollout() };
        let staging = wave.stage(&fleet, &asked).unwrap();
        prop_assert_eq!((staging.kind, staging.goal), (Kind::Sample, Some(wanted)));
        prop_assert_eq!(staging.wanted, wanted.saturating_sub(there));
        let candidates = &matching & &law.candidates();
        prop_assert_eq!(staging.ordinals.len() as u64, staging.wanted.min(candidates.len() as u64));
        prop_assert!(staging.ordinals.iter().all(|o| candidates.contains(o)));
        // The picks are those of a limit of as many.
        if staging.wanted > 0 {
            let limit = Limit::Count(staging.wanted);
            let same = wave.stage(&fleet, &RolloutRequest { group, limit, seed, ..rollout() }).unwrap();
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
        let asked = RolloutRequest { group: group.clone(), limit: Limit::Count(limit), ..rollout() };
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
}
