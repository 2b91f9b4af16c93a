//! The sets of a wave, and the membership of one device.

use groundswell_core::{Denominator, Limit, RolloutRequest, Wave};
use proptest::prelude::*;

use crate::support::{GROUPS, Law, Plain, STATES, devices, fleet, group_of, plain, rollout, uuid, wave};

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
    fn the_membership_of_a_device_follows_from_the_sets(devices in devices(), wave in wave()) {
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
            let asked = RolloutRequest { group: group_of(group), limit: Limit::Count(limit), seed, ..rollout() };
            let staging = wave.stage(&fleet, &asked).unwrap();
            prop_assert!(take(&staging), "chosen twice");
            wave = wave.after(&staging);
        }
        let everyone = RolloutRequest { limit: Limit::Percent(100_000, Denominator::Matching), ..rollout() };
        let staging = wave.stage(&fleet, &everyone).unwrap();
        prop_assert!(take(&staging), "chosen twice");
        let law = Law::of(&devices, &wave.after(&staging));
        prop_assert_eq!(&(&law.covered | &law.updated) | &law.unsupported, law.matching.clone());
        prop_assert_eq!(chosen, &(&law.matching - &law.updated) - &law.unsupported);
    }
}
