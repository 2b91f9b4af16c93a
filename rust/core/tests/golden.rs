//! The golden vectors of algorithm 1, reproduced by the core alone.

#![allow(clippy::disallowed_methods, reason = "the vectors are in a file")]

use groundswell_core::ids::identity_hash;
use groundswell_core::sampling::clocks::{SeedKey, key};
use groundswell_core::{Effort, Fleet, FleetColumns, Kernel, Limit, Recency, Selection, Selector, Uuid};
use serde_json::Value;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/selection/golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn uuid(text: &Value) -> Uuid {
    u128::from_str_radix(&text.as_str().unwrap().replace('-', ""), 16).unwrap().to_be_bytes()
}

fn seed(text: &Value) -> u64 {
    text.as_str().unwrap().parse().unwrap()
}

#[test]
fn intermediate_values() {
    for vector in golden()["intermediate"].as_array().unwrap() {
        let identity = identity_hash(&uuid(&vector["uuid"]));
        assert_eq!(format!("{identity:016x}"), vector["identity_hash"].as_str().unwrap());
        let variate = SeedKey::new(seed(&vector["seed"])).variate(identity);
        assert_eq!(format!("{variate:016x}"), vector["variate"].as_str().unwrap());
        for (step, name) in [(0, "key_step_0"), (9, "key_step_9")] {
            let expected: f64 = vector[name].as_str().unwrap().parse().unwrap();
            let error = (key(variate, step) - expected).abs();
            assert!(error <= 2.0 * f64::EPSILON * expected, "{vector}: off by {error:e}");
        }
    }
}

#[test]
fn picks() {
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 60);
    for case in cases {
        let devices = golden["fleets"][case["fleet"].as_str().unwrap()].as_array().unwrap();
        let n = devices.len();
        let fleet = Fleet::new(FleetColumns {
            uuids: devices.iter().map(|device| uuid(&device[0])).collect(),
            last_seen: devices.iter().map(|device| device[1].as_u64().map_or(0, |seen| seen as u32)).collect(),
            groups: vec![-1; n],
            tags: vec![-1; n],
            production: vec![true; n],
            target_versions: vec![-1; n],
            ..FleetColumns::default()
        })
        .unwrap();
        let setting = |name: &str| case[name].as_i64().or(golden["defaults"][name].as_i64()).unwrap();
        let recency = Recency::new(case["now"].as_i64().unwrap(), setting("online_threshold"), setting("half_life"));
        let limit = Limit::Count(case["k"].as_u64().unwrap());
        let recency = recency.unwrap();
        let expected: Vec<Uuid> = case["picks"].as_array().unwrap().iter().map(uuid).collect();
        for kernel in [Kernel::PORTABLE, Kernel::detect()] {
            let effort = Effort { kernel, ..Effort::default() };
            let selection =
                Selection::new(&fleet, Selector::default(), limit, seed(&case["seed"]), recency, effort).unwrap();
            let picks: Vec<Uuid> = selection.ordinals.iter().map(|&o| fleet.uuid(o)).collect();
            assert_eq!(picks, expected, "{} {} {} {kernel:?}", case["fleet"], case["seed"], case["k"]);
        }
    }
}
