//! Counts of a status, and the devices behind each.

use std::collections::BTreeMap;

use groundswell_core::{CoverageKind, Covering, DeviceSet, Ordinal, Subset};
use proptest::prelude::*;

use crate::support::{Device, GROUPS, Law, NOW, Plain, STATES, devices, fleet, group_of, recency, those, wave};

proptest! {
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
}
