//! Code of ours beside the crates that could replace it.
//!
//! `cargo bench -p groundswell-core --bench build_or_buy [-- [lists] [index] [sort] [DEVICES]]`
//!
//! The decision records 0021 to 0023 have the figures. All contenders of a comparison take turns on one thread, after
//! their answers were compared; printed is the least CPU time of several turns.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark measures time and has arguments")]

use std::collections::hash_map::RandomState as SipHash;
use std::hash::{BuildHasher, Hash};
use std::hint::black_box;
use std::num::NonZero;

use foldhash::fast::RandomState;
use groundswell_core::digest::digest;
use groundswell_core::ids::fmix64;
use groundswell_core::{Effort, Fleet, FleetColumns, Kernel, Limit, Recency, Selection, Selector, Uuid, uuid_list};
use hashbrown::{HashMap, HashSet, HashTable};
use uuid_simd::{AsOut, AsciiCase};

#[allow(dead_code, reason = "the file has tests, which run with the library")]
#[path = "../src/machine/bucket_sort.rs"]
mod bucket_sort;

const TURNS: usize = 7;

fn random(salt: u64, i: usize) -> u64 {
    fmix64(salt << 40 ^ i as u64)
}

fn random_uuids(count: usize) -> Vec<Uuid> {
    (0..count).map(|i| (u128::from(random(1, i)) << 64 | u128::from(random(2, i))).to_be_bytes()).collect()
}

/// The CPU time of this thread, in nanoseconds.
fn cpu_time() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to `now`, which is valid for writes.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    assert_eq!(failed, 0, "the system has no CPU time of threads");
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// A contender, and its name.
type Contender<'a> = (String, Box<dyn FnMut() + 'a>);

fn contender<'a, R>(name: impl Into<String>, mut work: impl FnMut() -> R + 'a) -> Contender<'a> {
    (name.into(), Box::new(move || drop(black_box(work()))))
}

/// Prints the least CPU time of each contender, per unit, and as a multiple of the first.
fn compare(title: &str, units: usize, mut contenders: Vec<Contender<'_>>) {
    let mut least = vec![f64::INFINITY; contenders.len()];
    for _ in 0..TURNS {
        for (least, (_, work)) in least.iter_mut().zip(&mut contenders) {
            let start = cpu_time();
            work();
            *least = least.min(cpu_time() - start);
        }
    }
    println!("{title}");
    for ((name, _), time) in contenders.iter().zip(&least) {
        let each = time / units as f64;
        println!("  {name:<58} {:>9.3} ms {each:>8.2} ns each {:>6.2} x", time / 1e6, time / least[0]);
    }
}

fn one_thread(kernel: Kernel) -> Effort {
    Effort { kernel, threads: NonZero::new(1) }
}

// --- UUID lists: uuid-simd and hex-simd ------------------------------------------------------------------------------

/// Lines of 37 bytes. The separators are not checked, and repetitions stay.
fn uuid_simd_lines(text: &[u8]) -> Vec<Uuid> {
    let mut uuids = vec![[0; 16]; text.len() / 37];
    for (line, uuid) in text.as_chunks::<37>().0.iter().zip(&mut uuids) {
        uuid_simd::parse_hyphenated(&line[..36], uuid.as_out()).expect("a UUID");
    }
    uuids
}

/// The digits of all values at once, after the hyphens and line breaks are removed.
fn hex_simd_digits(text: &[u8]) -> Vec<Uuid> {
    let mut digits = Vec::with_capacity(text.len());
    for line in text.as_chunks::<37>().0 {
        for part in [0..8, 9..13, 14..18, 19..23, 24..36] {
            digits.extend_from_slice(&line[part]);
        }
    }
    let bytes = hex_simd::decode_inplace(&mut digits).expect("hex digits");
    bytes.as_chunks::<16>().0.to_vec()
}

/// Values in the two common forms, between ASCII separators, quotes removed; the first occurrence of each.
fn uuid_simd_list(text: &[u8]) -> Vec<Uuid> {
    let mut seen: HashSet<Uuid, RandomState> = HashSet::with_capacity_and_hasher(text.len() / 37, <_>::default());
    let mut uuids = Vec::with_capacity(text.len() / 37);
    for value in text.split(|byte| matches!(byte, b',' | b';' | b'|' | b'"' | b'\'' | b' ' | b'\t'..=b'\r')) {
        if !value.is_empty() {
            let mut uuid = [0; 16];
            uuid_simd::parse(value, uuid.as_out()).expect("a UUID");
            if seen.insert(uuid) {
                uuids.push(uuid);
            }
        }
    }
    uuids
}

fn uuid_simd_text(uuids: &[Uuid]) -> Vec<u8> {
    let mut text = vec![b'\n'; uuids.len() * 37];
    for (line, uuid) in text.as_chunks_mut::<37>().0.iter_mut().zip(uuids) {
        let digits: &mut [u8; 36] = line.first_chunk_mut().expect("36 of 37 bytes");
        _ = uuid_simd::format_hyphenated(uuid, digits.as_out(), AsciiCase::Lower);
    }
    text
}

/// As people write lists: quoted, in upper case, without hyphens, with tabs, by turns.
fn mixed_text(uuids: &[Uuid]) -> Vec<u8> {
    let text = uuid_list::format_list(uuids);
    let mut mixed = Vec::with_capacity(text.len() + 2 * uuids.len());
    for (i, line) in text.as_chunks::<37>().0.iter().enumerate() {
        let value = &line[..36];
        match i % 4 {
            0 => mixed.extend([b"\"", value, b"\","].concat()),
            1 => mixed.extend([&value.to_ascii_uppercase(), b"; ".as_slice()].concat()),
            2 => mixed.extend(value.iter().copied().filter(|byte| *byte != b'-').chain(*b"\r\n")),
            _ => mixed.extend([value, b"\t"].concat()),
        }
    }
    mixed
}

/// Values that a list may contain and that uuid-simd refuses.
fn check_forms() {
    println!("values that are a UUID in a list");
    const ACCEPTED: [&str; 3] = [
        "{00112233445566778899aabbccddeeff}",
        "URN:UUID:00112233-4455-6677-8899-aabbccddeeff",
        "urn:uuid:00112233445566778899aabbccddeeff",
    ];
    for form in ACCEPTED {
        let report = uuid_list::parse(form.as_bytes(), &one_thread(Kernel::detect())).expect("text");
        assert_eq!(report.uuids.len(), 1, "{form}");
        let theirs = uuid_simd::parse(form.as_bytes(), [0; 16].as_out()).is_ok();
        println!("  {form}: ours accept, uuid-simd {}", if theirs { "accepts" } else { "refuses" });
    }
}

fn compare_lists(count: usize) {
    let uuids = random_uuids(count);
    let (clean, mixed) = (uuid_list::format_list(&uuids), mixed_text(&uuids));
    let read = |text: &[u8], kernel| uuid_list::parse(text, &one_thread(kernel)).expect("text").uuids;
    for answer in [uuid_simd_lines(&clean), hex_simd_digits(&clean), uuid_simd_list(&clean), uuid_simd_list(&mixed)] {
        assert!(answer == uuids, "the contenders disagree");
    }
    assert!(uuid_simd_text(&uuids) == clean, "the contenders disagree");
    let ours = |text| {
        Kernel::all().map(move |kernel| contender(format!("ours, {}", kernel.name()), move || read(text, kernel)))
    };
    let best = one_thread(Kernel::detect());
    let mut contenders: Vec<Contender<'_>> = ours(&clean).collect();
    contenders.reverse();
    contenders.extend([
        contender("of that: search for repetitions", || uuid_list::find_repeated(&uuids, &best)),
        contender("uuid-simd, lines of 37 bytes, nothing else checked", || uuid_simd_lines(&clean)),
        contender("hex-simd, lines of 37 bytes, nothing else checked", || hex_simd_digits(&clean)),
        contender("uuid-simd, separators and repetitions", || uuid_simd_list(&clean)),
    ]);
    compare(&format!("read a clean list of {count}"), count, contenders);
    let mut contenders: Vec<Contender<'_>> = ours(&mixed).collect();
    contenders.reverse();
    contenders.push(contender("uuid-simd, separators and repetitions", || uuid_simd_list(&mixed)));
    compare(&format!("read a list of four forms, {count} values"), count, contenders);
    let contenders =
        vec![contender("ours", || uuid_list::format_list(&uuids)), contender("uuid-simd", || uuid_simd_text(&uuids))];
    compare(&format!("write a list of {count}"), count, contenders);
}

// --- The UUID index: hashbrown ---------------------------------------------------------------------------------------

fn fleet(uuids: &[Uuid]) -> Fleet {
    let rows = uuids.len();
    Fleet::new(FleetColumns {
        uuids: uuids.to_vec(),
        last_seen: vec![0; rows],
        groups: vec![-1; rows],
        tags: vec![-1; rows],
        production: vec![true; rows],
        target_versions: vec![-1; rows],
        ..FleetColumns::default()
    })
    .expect("the columns fit together")
}

/// Ordinals, found by the UUID in a column beside the table.
fn table(uuids: &[Uuid], hasher: &RandomState) -> HashTable<u32> {
    let mut table = HashTable::with_capacity(uuids.len());
    for (ordinal, uuid) in (0u32..).zip(uuids) {
        let same = |other: &u32| uuids[*other as usize] == *uuid;
        let rehash = |other: &u32| hasher.hash_one(number(&uuids[*other as usize]));
        table.entry(hasher.hash_one(number(uuid)), same, rehash).or_insert(ordinal);
    }
    table
}

fn number(uuid: &Uuid) -> u128 {
    u128::from_ne_bytes(*uuid)
}

/// Ordinals by UUID: the table holds both.
fn map<K: Copy + Eq + Hash, S: BuildHasher + Default>(uuids: &[Uuid], key: fn(&Uuid) -> K) -> HashMap<K, u32, S> {
    let mut map = HashMap::with_capacity_and_hasher(uuids.len(), S::default());
    for (ordinal, uuid) in (0u32..).zip(uuids) {
        map.entry(key(uuid)).or_insert(ordinal);
    }
    map
}

fn compare_index(count: usize) {
    const ABSENT: u32 = u32::MAX;
    let uuids = random_uuids(count);
    // Devices in random order, and one UUID in 100 that is not in the fleet.
    let sought: Vec<Uuid> = (0..1_000_000)
        .map(|i| if i % 100 == 0 { [i as u8; 16] } else { uuids[(random(9, i) % count as u64) as usize] })
        .collect();
    let (fleet_, hasher, effort) = (fleet(&uuids), RandomState::default(), one_thread(Kernel::detect()));
    let table_ = table(&uuids, &hasher);
    let map_: HashMap<u128, u32, RandomState> = map(&uuids, number);
    let sip: HashMap<Uuid, u32, SipHash> = map(&uuids, |uuid| *uuid);
    let in_table = || -> Vec<u32> {
        let find = |uuid: &Uuid| {
            table_
                .find(hasher.hash_one(number(uuid)), |other| uuids[*other as usize] == *uuid)
                .copied()
                .unwrap_or(ABSENT)
        };
        sought.iter().map(find).collect()
    };
    let in_map = || -> Vec<u32> { sought.iter().map(|u| map_.get(&number(u)).copied().unwrap_or(ABSENT)).collect() };
    let in_sip = || -> Vec<u32> { sought.iter().map(|u| sip.get(u).copied().unwrap_or(ABSENT)).collect() };
    let ours = || fleet_.ordinals(&sought, ABSENT, &effort);
    assert!([in_table(), in_map(), in_sip()].iter().all(|answer| *answer == ours()), "the contenders disagree");
    println!("memory beside the column of UUIDs, bytes for each of {count} devices");
    for (name, bytes) in [
        ("ours", (count / 6 + 1) * 64),
        ("HashTable of ordinals", table_.allocation_size()),
        ("HashMap", map_.allocation_size()),
    ] {
        println!("  {name:<58} {:>9.1}", bytes as f64 / count as f64);
    }
    let contenders = vec![
        contender("ours (Fleet::ordinals)", ours),
        contender("hashbrown: HashTable of ordinals, UUIDs in a column", in_table),
        contender("hashbrown: HashMap with UUIDs", in_map),
        contender("hashbrown: HashMap with UUIDs, SipHash", in_sip),
    ];
    compare(&format!("look up {} UUIDs among {count}", sought.len()), sought.len(), contenders);
    let contenders = vec![
        contender("ours: the whole of Fleet::new", || fleet(&uuids)),
        contender("hashbrown: HashTable of ordinals alone", || table(&uuids, &hasher)),
        contender("hashbrown: HashMap with UUIDs alone", || map::<_, RandomState>(&uuids, number)),
    ];
    compare(&format!("index {count} UUIDs"), count, contenders);
}

// --- The bucket sort: select_nth_unstable and sort_unstable ------------------------------------------------------------

/// What sorting takes: `count` nearly uniform elements, of which the `k` least are wanted.
fn compare_sorts<T: Copy + Ord + Default>(
    what: &str,
    count: usize,
    k: usize,
    element: fn(u64, u64) -> T,
    key: fn(T) -> u32,
) {
    let elements: Vec<T> = (0..count).map(|i| element(random(3, i), random(4, i))).collect();
    let mut starts = Vec::new();
    let mut sorted = vec![T::default(); count];
    let mut ours = || {
        bucket_sort::bucket_sort(&elements, &mut sorted, &mut starts, key, |a, b| a < b);
        sorted[k - 1]
    };
    let mut copy = vec![T::default(); count];
    let mut by_sort = || {
        copy.copy_from_slice(&elements);
        copy.sort_unstable();
        copy[k - 1]
    };
    let mut second_copy = vec![T::default(); count];
    let mut by_selection = || {
        second_copy.copy_from_slice(&elements);
        if k < count {
            second_copy.select_nth_unstable(k);
        }
        second_copy[..k].sort_unstable();
        second_copy[k - 1]
    };
    assert!(ours() == by_sort() && ours() == by_selection(), "the contenders disagree");
    let contenders = vec![
        contender("ours", ours),
        contender("sort_unstable", by_sort),
        contender("select_nth_unstable, then sort_unstable of the k least", by_selection),
    ];
    compare(&format!("sort {count} {what}, the {k} least are wanted"), count, contenders);
}

/// The two callers of the sort, as a whole. To compare, replace the body of `bucket_sort` by `copy_from_slice` and
/// `sort_unstable_by`.
fn time_callers(count: usize) {
    let uuids = random_uuids(count);
    let fleet = fleet(&uuids);
    let recency = Recency::new(1_795_000_000, 4 * 3600, 24 * 3600).expect("good settings");
    let select = |k: usize| {
        let (limit, effort) = (Limit::Count(k as u64), one_thread(Kernel::detect()));
        Selection::new(&fleet, Selector::default(), limit, 7, recency, effort).expect("a good selector")
    };
    let mut contenders = vec![contender(format!("digest of {count}"), || digest(&uuids))];
    contenders
        .extend([count / 100, count / 10].map(|k| contender(format!("select {k} of {count}"), move || select(k))));
    compare("callers of the bucket sort", count, contenders);
}

fn compare_sorts_of(count: usize) {
    time_callers(count);
    // A bucket of a selection has at most a twelfth of its keys, and some of them are not needed.
    let bucket = count / 12;
    let k = bucket - bucket / 20;
    let entry = |upper, lower| upper << 32 | lower >> 32;
    compare_sorts("entries of a selection", bucket, k, entry, |entry| (entry >> 32) as u32);
    let part = count / 256;
    let uuid = |upper, lower| u128::from(upper >> 8) << 64 | u128::from(lower);
    compare_sorts("UUIDs with the same first byte", part, part, uuid, |uuid| (uuid >> 88) as u32);
}

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let parts = ["lists", "index", "sort"].map(|part| (part, std::env::args().any(|argument| argument == part)));
    let all = parts.iter().all(|(_, chosen)| !chosen);
    check_forms();
    for count in if sizes.is_empty() { vec![100_000, 1_000_000] } else { sizes } {
        for (part, chosen) in parts {
            match part {
                _ if !chosen && !all => {}
                "lists" => compare_lists(count),
                "index" => compare_index(count),
                _ => compare_sorts_of(count),
            }
        }
    }
}
