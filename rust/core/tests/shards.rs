//! Shard-invariant: the merged answers of shards are the answer of the whole fleet, however it is split.

use groundswell_core::ids::format_uuid;
use groundswell_core::select::shards::merge;
use groundswell_core::{
    CoreError, Denominator, Effort, Fleet, FleetColumns, Limit, Recency, Selection, Selector, Uuid,
};
use proptest::prelude::*;

const NOW: i64 = 1_795_000_000;

fn recency() -> Recency {
    Recency::new(NOW, 4 * 3600, 24 * 3600).unwrap()
}

fn fleet(devices: &[(Uuid, u32)]) -> Fleet {
    let n = devices.len();
    Fleet::new(FleetColumns {
        uuids: devices.iter().map(|&(uuid, _)| uuid).collect(),
        last_seen: devices.iter().map(|&(_, age)| if age == 0 { 0 } else { NOW as u32 - age }).collect(),
        groups: vec![-1; n],
        tags: vec![-1; n],
        production: vec![true; n],
        target_versions: vec![-1; n],
        ..FleetColumns::default()
    })
    .unwrap()
}

fn select(fleet: &Fleet, limit: Limit, seed: u64) -> Selection {
    Selection::new(fleet, Selector::default(), limit, seed, recency(), Effort::default()).unwrap()
}

/// Devices, and the shard of each of them.
fn split() -> impl Strategy<Value = Vec<(Uuid, u32, usize)>> {
    let device = (0u128..400, 0u32..400_000, 0..5usize);
    prop::collection::btree_map(0u128..400, device, 1..200).prop_map(|devices| {
        devices.into_iter().map(|(i, (_, age, shard))| ((i << 90).to_be_bytes(), age, shard)).collect()
    })
}

proptest! {
    #[test]
    fn merged_shards_are_the_whole(
        devices in split(),
        limit in prop_oneof![
            Just(Limit::All),
            (1u64..250).prop_map(Limit::Count),
            (1u32..=100_000).prop_map(|p| Limit::Percent(p, Denominator::Matching)),
            (1u32..=100_000).prop_map(|p| Limit::Percent(p, Denominator::Remaining)),
            (1u32..=100_000).prop_map(|p| Limit::Percent(p, Denominator::Online)),
        ],
        seed in any::<u64>(),
    ) {
        let all: Vec<(Uuid, u32)> = devices.iter().map(|&(uuid, age, _)| (uuid, age)).collect();
        let whole_fleet = fleet(&all);
        let whole = select(&whole_fleet, limit, seed);
        let shards: Vec<Fleet> = (0..5)
            .map(|shard| {
                let own = devices.iter().filter(|&&(_, _, at)| at == shard);
                fleet(&own.map(|&(uuid, age, _)| (uuid, age)).collect::<Vec<_>>())
            })
            .collect();
        // A shard cannot know what its part of a percentage comes to; it counts what the percentage is of.
        let limit_of_shards = match limit {
            Limit::Count(_) => limit,
            Limit::Percent(_, Denominator::Online) => Limit::Percent(100_000, Denominator::Online),
            _ => Limit::All,
        };
        let selections: Vec<Selection> = shards.iter().map(|shard| select(shard, limit_of_shards, seed)).collect();
        let pairs: Vec<(&Fleet, &Selection)> = shards.iter().zip(&selections).collect();
        match merge(&pairs, limit) {
            Ok(merged) => {
                let expected: Vec<Uuid> = whole.ordinals.iter().map(|&o| whole_fleet.uuid(o)).collect();
                prop_assert_eq!(merged.picks.iter().map(|pick| pick.uuid).collect::<Vec<_>>(), expected);
                let keys: Vec<f64> = merged.picks.iter().map(|pick| pick.key).collect();
                prop_assert_eq!(keys, whole.keys(&whole_fleet));
                prop_assert_eq!((merged.wanted, merged.candidates), (whole.wanted, whole.scope(&whole_fleet).remaining));
                prop_assert_eq!(merged.matching, whole.scope(&whole_fleet).matching);
                for pick in merged.picks {
                    prop_assert_eq!(shards[pick.shard as usize].uuid(pick.ordinal), pick.uuid);
                }
            }
            // All online devices of a shard are not enough where few are online and the offline ones come first.
            Err(CoreError::ShortShard { .. }) => {
                prop_assert!(matches!(limit, Limit::Percent(_, Denominator::Online)));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn what_cannot_be_merged_exactly_is_refused() {
    let devices: Vec<(Uuid, u32)> = (1u32..100).map(|i| (u128::from(i).to_be_bytes(), 1000 * i)).collect();
    let (one, other) = (fleet(&devices[..50]), fleet(&devices[50..]));
    let pair =
        |a: &Selection, b: &Selection, limit| merge(&[(&one, a), (&other, b)], limit).map(|merged| merged.picks.len());
    let (a, b) = (select(&one, Limit::Count(10), 7), select(&other, Limit::Count(9), 7));
    assert_eq!(pair(&a, &b, Limit::Count(9)), Ok(9));
    assert_eq!(pair(&a, &b, Limit::Count(10)), Err(CoreError::ShortShard { shard: 1, picked: 9, needed: 10 }));
    assert_eq!(pair(&a, &b, Limit::Count(0)), Err(CoreError::ZeroLimit));
    let elsewhere = select(&other, Limit::Count(10), 8);
    assert!(matches!(
        pair(&a, &elsewhere, Limit::Count(5)),
        Err(CoreError::UnlikeSelections { shard: 1, what: "seed" })
    ));
    let online = Limit::Percent(50_000, Denominator::Online);
    assert!(matches!(pair(&a, &b, online), Err(CoreError::UnlikeSelections { .. })));
    let twice = merge(&[(&one, &a), (&one, &a)], Limit::Count(5)).unwrap_err();
    assert!(twice.to_string().contains(&format_uuid(&one.uuid(a.ordinals[0]))), "{twice}");
    assert_eq!(merge(&[], Limit::All).unwrap().picks, []);
}
