//! The kernels beside the limits of the machine: `cargo bench -p groundswell-core [-- DEVICES]`.
//!
//! Everything takes turns, and the least of several times is told: another program can only make a turn longer.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark measures time and has arguments")]

use std::hint::black_box;
use std::num::NonZero;
use std::time::Instant;

use groundswell_core::ids::fmix64;
use groundswell_core::{Effort, Fleet, FleetColumns, Kernel, Limit, Recency, Selection, Selector, Uuid, uuid_list};

const NOW: i64 = 1_795_000_000;
const TURNS: usize = 15;

fn random(salt: u64, i: usize) -> u64 {
    fmix64(salt << 40 ^ i as u64)
}

/// Ten groups, two tags, a test device in 32, ages from now to three months.
fn fleet(devices: usize) -> Fleet {
    let rows = || 0..devices;
    Fleet::new(FleetColumns {
        uuids: rows().map(|i| (u128::from(random(1, i)) << 64 | u128::from(random(2, i))).to_be_bytes()).collect(),
        last_seen: rows()
            .map(|i| match random(3, i) % 4 {
                0 => 0,
                1 => (NOW - (random(4, i) % 14_400) as i64) as u32,
                _ => (NOW - (random(4, i) % 2_000_000) as i64) as u32,
            })
            .collect(),
        groups: rows().map(|i| (random(5, i) % 10) as i32).collect(),
        group_names: (0..10).map(|group| format!("group-{group}")).collect(),
        tags: rows().map(|i| i32::from(random(6, i) < u64::MAX / 8)).collect(),
        tag_names: ["main", "beta"].map(String::from).to_vec(),
        production: rows().map(|i| random(7, i) > u64::MAX / 32).collect(),
        target_versions: rows().map(|i| 35 + (random(8, i) % 8) as i32).collect(),
        ..FleetColumns::default()
    })
    .expect("the columns fit together")
}

/// What is measured, and its name.
type Work<'a> = (String, Box<dyn FnMut() + 'a>);

/// The least time of each of some works that take turns, in nanoseconds.
fn least(works: &mut [Work<'_>]) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; works.len()];
    for _ in 0..TURNS {
        for (least, (_, work)) in least.iter_mut().zip(works.iter_mut()) {
            let start = Instant::now();
            work();
            *least = least.min(start.elapsed().as_nanos() as f64);
        }
    }
    least
}

/// Prints each of some works with its time for each of `units`, and how many times as long as the first it took.
fn report(title: &str, units: usize, mut works: Vec<Work<'_>>) {
    let least = least(&mut works);
    println!("{title}");
    for ((name, _), time) in works.iter().zip(&least) {
        println!(
            "  {name:<44} {:>10.3} ms {:>9.3} ns each {:>7.2} x",
            time / 1e6,
            time / units as f64,
            time / least[0]
        );
    }
}

fn bench_select(fleet: &Fleet) {
    let devices = fleet.rows();
    let memory = vec![1u64; devices];
    let recency = Recency::new(NOW, 4 * 3600, 24 * 3600).expect("good settings");
    let one = |kernel: Kernel| (kernel.name().to_owned(), Effort { kernel, threads: NonZero::new(1) });
    let two = |kernel: Kernel| (format!("{}, 2 threads", kernel.name()), Effort { kernel, threads: NonZero::new(2) });
    let efforts: Vec<(String, Effort)> = Kernel::all().map(one).chain([two(Kernel::detect())]).collect();
    for (scope, group) in [("wide", None), ("narrow", Some("group-3".to_owned()))] {
        for k in [10, 1_000, 10_000, devices / 100] {
            let mut works: Vec<Work<'_>> = Vec::new();
            works.push((
                "read 8 bytes a device".into(),
                Box::new(|| {
                    black_box(memory.iter().fold(0, |sum: u64, word| sum ^ word));
                }),
            ));
            for (name, effort) in efforts.clone() {
                let selector = Selector { group: group.clone(), ..Selector::default() };
                works.push((
                    format!("select, {name}"),
                    Box::new(move || {
                        let limit = Limit::Count(k as u64);
                        let picked = Selection::new(fleet, selector.clone(), limit, 7, recency, effort);
                        black_box(picked.expect("a good selector"));
                    }),
                ));
            }
            report(&format!("{scope}, {k} of {devices}"), devices, works);
        }
    }
}

/// UUIDs of the fleet, here and there, and of nobody.
fn bench_look_up(fleet: &Fleet) {
    let devices = fleet.rows();
    let sought: Vec<Uuid> = (0..1_000_000)
        .map(|i| if i % 100 == 0 { [i as u8; 16] } else { fleet.uuid((random(9, i) % devices as u64) as u32) })
        .collect();
    let works = [1, 2].map(|threads| -> Work<'_> {
        let effort = Effort { kernel: Kernel::detect(), threads: NonZero::new(threads) };
        let (fleet, sought) = (fleet, &sought);
        (format!("look up, {threads} threads"), Box::new(move || drop(black_box(fleet.ordinals(sought, 0, &effort)))))
    });
    report(&format!("{} UUIDs in {devices}", sought.len()), sought.len(), works.into());
}

fn bench_lists(devices: usize) {
    let uuids: Vec<Uuid> =
        (0..devices).map(|i| (u128::from(random(1, i)) << 64 | u128::from(random(2, i))).to_be_bytes()).collect();
    let text = uuid_list::format_list(&uuids);
    let one = Kernel::all().map(|kernel| (kernel.name().to_owned(), Effort { kernel, threads: NonZero::new(1) }));
    let two = ("2 threads".to_owned(), Effort { kernel: Kernel::detect(), threads: NonZero::new(2) });
    let works = one.chain([two]).map(|(name, effort)| -> Work<'_> {
        let text = &text;
        (format!("read a list, {name}"), Box::new(move || drop(black_box(uuid_list::parse(text, &effort)))))
    });
    report(&format!("a clean list of {devices}, {} bytes", text.len()), devices, works.collect());
}

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for devices in if sizes.is_empty() { vec![100_000, 1_000_000, 10_000_000] } else { sizes } {
        let fleet = fleet(devices);
        bench_select(&fleet);
        bench_look_up(&fleet);
        bench_lists(devices);
    }
}
