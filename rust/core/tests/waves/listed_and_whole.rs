//! Listed rollouts, whole groups, and checks of plans.

use std::collections::BTreeSet;

use groundswell_core::{CoreError, OnMismatch, Ordinal, RolloutRequest, Uuid};
use proptest::prelude::*;

use crate::support::{GROUPS, Law, Plain, devices, fleet, group_of, in_group, rollout, uuid, wave};

proptest! {
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
        let asked = RolloutRequest { group, listed: Some(listed.clone()), ..rollout() };
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
        let staging = wave.stage(&fleet, &RolloutRequest { on_mismatch: OnMismatch::Skip, ..asked }).unwrap();
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
        let asked = RolloutRequest { group: group.clone(), whole_group: true, ..rollout() };
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
