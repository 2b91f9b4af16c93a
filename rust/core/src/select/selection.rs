//! A selector and a sample put together: a selection, and why a device is in it or not.

use std::cmp::Ordering;
use std::sync::OnceLock;

use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::machine::effort::Effort;
use crate::offender::Reason;
use crate::sampling::recency::{Recency, Step, weight};
use crate::sampling::top_k::order;
use crate::select::breakdown::{Breakdown, Counter};
use crate::select::sample::{Drawn, SeedKey, clock, count, sample};
use crate::select::selector::{Limit, OnMismatch, Resolved, Scope, Selector};
use crate::sets::layout::Position;

/// The devices that a selector and a limit pick from a fleet.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The picked devices, in key order.
    pub ordinals: Vec<Ordinal>,
    /// What the limit came to; the selection has fewer devices where there are fewer candidates.
    pub wanted: u64,
    selector: Selector,
    seed: u64,
    recency: Recency,
    effort: Effort,
    /// What the selector came to, once it is known.
    scope: OnceLock<Scope>,
}

/// Why a device was picked or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The first thing that kept the device out, or that it was picked.
    pub verdict: Verdict,
    /// The device, if the fleet has it.
    pub known: Option<KnownDevice>,
}

/// What an explanation says of a device that the fleet has.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownDevice {
    /// Its ordinal.
    pub ordinal: Ordinal,
    /// Its recency step.
    pub step: Step,
    /// The weight of that step.
    pub weight: f64,
    /// Its key: the instant at which its clock rings.
    pub key: f64,
    /// Its place among the candidates by key, from 1; none for a device that is no candidate.
    pub rank: Option<u64>,
}

/// What became of a device. Reasons to stay out are checked in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The fleet has no such device.
    Unknown,
    /// A test device, and only production devices were asked for.
    Test,
    /// It does not listen to the tag that was asked for.
    WrongTag,
    /// It is not in the group that was asked for.
    WrongGroup,
    /// It was not in the list of devices.
    NotListed,
    /// It reports the target version already, or a later one.
    Updated,
    /// It was in the list of devices to exclude.
    Excluded,
    /// A candidate, but its rank is beyond the limit.
    BeyondLimit,
    /// Picked.
    Picked,
}

impl Verdict {
    /// The verdict as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Test => "test",
            Self::WrongTag => "wrong-tag",
            Self::WrongGroup => "wrong-group",
            Self::NotListed => "not-listed",
            Self::Updated => "updated",
            Self::Excluded => "excluded",
            Self::BeyondLimit => "beyond-limit",
            Self::Picked => "picked",
        }
    }
}

impl Selection {
    /// Selects from a fleet.
    ///
    /// # Errors
    /// Those of the selector's names and lists, and of the limit; see [`CoreError`].
    pub fn new(
        fleet: &Fleet,
        selector: Selector,
        limit: Limit,
        seed: u64,
        recency: Recency,
        effort: Effort,
    ) -> Result<Self, CoreError> {
        limit.check()?;
        let mut resolved = selector.resolve(fleet)?;
        let mut terms = resolved.terms(fleet);
        if let Limit::Count(count) = limit {
            terms.put_off(count);
        }
        let Drawn { ordinals, counts, wanted } =
            sample(fleet, &mut terms, limit, &SeedKey::new(seed), &recency, &effort);
        drop(terms);
        let scope = OnceLock::new();
        if let Some(counts) = counts {
            scope.get_or_init(|| resolved.scope(&counts, limit));
        }
        Ok(Self { ordinals, wanted, selector, seed, recency, effort, scope })
    }

    /// What the selector comes to in the fleet that was selected from.
    ///
    /// Costs a pass over its sets where picking could do without one, and nothing from then on.
    pub fn scope(&self, fleet: &Fleet) -> &Scope {
        if let Some(scope) = self.scope.get() {
            return scope;
        }
        let mut resolved = self.selector.resolve(fleet).expect(RESOLVED);
        let counts = count(fleet, &resolved.terms(fleet), false, &self.recency, &self.effort);
        // Only a number of devices can be picked without counting them all.
        let scope = resolved.scope(&counts, Limit::Count(self.wanted));
        // Computed first: a child that is forked during `get_or_init` would wait for the parent's thread forever.
        self.scope.get_or_init(|| scope)
    }

    /// The key of a device of the fleet that was selected from: the instant at which its clock rings.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn key(&self, fleet: &Fleet, ordinal: Ordinal) -> f64 {
        clock(fleet, fleet.layout().position(ordinal), &SeedKey::new(self.seed), &self.recency).key
    }

    /// The keys of the picked devices, in order.
    pub fn keys(&self, fleet: &Fleet) -> Vec<f64> {
        let seed = SeedKey::new(self.seed);
        let position = |&ordinal: &Ordinal| fleet.layout().position(ordinal);
        self.ordinals.iter().map(|ordinal| clock(fleet, position(ordinal), &seed, &self.recency).key).collect()
    }

    /// What keys of this selection and of another cannot be compared for, if anything.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<&'static str> {
        if self.seed != other.seed {
            Some("seed")
        } else if self.recency != other.recency {
            Some("instant, online threshold or half-life")
        } else {
            None
        }
    }

    /// SHA-256 over the picked devices' 16-byte UUIDs in ascending order: the digest of a rollout.
    pub fn digest(&self, fleet: &Fleet) -> [u8; 32] {
        fleet.digest(self.ordinals.iter().copied())
    }

    /// The picked devices by recency band, group and hardware, next to the candidates. Costs a pass over the candidates.
    pub fn breakdown(&self, fleet: &Fleet) -> Breakdown {
        let selector = Selector { on_mismatch: OnMismatch::Skip, ..self.selector.clone() };
        let mut counter = Counter::new(fleet, self.recency.now());
        counter.count_picked(&self.ordinals);
        let terms = selector.resolve(fleet).expect(RESOLVED).terms(fleet);
        terms.for_each_candidate(|position| counter.count_candidate(position));
        counter.finish()
    }

    /// Why a device of the fleet that was selected from is in the selection or not. Costs a pass over the candidates.
    pub fn explain(&self, fleet: &Fleet, uuid: &Uuid) -> Explanation {
        let Some(position) = fleet.position_of(uuid) else {
            return Explanation { verdict: Verdict::Unknown, known: None };
        };
        let selector = Selector { on_mismatch: OnMismatch::Skip, ..self.selector.clone() };
        let mut resolved = selector.resolve(fleet).expect(RESOLVED);
        let terms = resolved.terms(fleet);
        let seed = SeedKey::new(self.seed);
        let own = clock(fleet, position, &seed, &self.recency);
        let (mut is_candidate, mut earlier) = (false, 0);
        terms.for_each_candidate(|other| {
            is_candidate |= other == position;
            let other = clock(fleet, other, &seed, &self.recency);
            earlier += u64::from(order(fleet, other, own) == Ordering::Less);
        });
        let rank = is_candidate.then_some(earlier + 1);
        let verdict = match rank {
            Some(rank) if rank <= self.wanted => Verdict::Picked,
            Some(_) => Verdict::BeyondLimit,
            None => kept_out(&resolved, position),
        };
        let ordinal = fleet.layout().ordinal(position);
        let step = self.recency.step(fleet.last_seen(ordinal));
        Explanation { verdict, known: Some(KnownDevice { ordinal, step, weight: weight(step), key: own.key, rank }) }
    }
}

const RESOLVED: &str = "it was resolved when the selection was made";

/// The first thing that keeps a device out that is no candidate.
fn kept_out(resolved: &Resolved<'_>, position: Position) -> Verdict {
    if let Some(reason) = resolved.eligible.mismatch(position) {
        reason.into()
    } else if resolved.listed.as_ref().is_some_and(|listed| !listed.contains(&position)) {
        Verdict::NotListed
    } else if resolved.updated.iter().any(|version| version.contains(position)) {
        Verdict::Updated
    } else {
        Verdict::Excluded
    }
}

impl From<Reason> for Verdict {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unknown => Self::Unknown,
            Reason::Test => Self::Test,
            Reason::WrongTag => Self::WrongTag,
            Reason::WrongGroup => Self::WrongGroup,
            // Only waves have targets.
            Reason::NoTarget => Self::Excluded,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;
    use crate::fleet::columns::FleetColumns;
    use crate::ids::fmix64;
    use crate::machine::kernel::Kernel;
    use crate::select::sample::Clock;
    use crate::select::selector::Denominator;
    use crate::sets::device_set::DeviceSet;

    const NOW: i64 = 1_795_000_000;

    /// Every kernel that this CPU has, and more threads than there are chunks.
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

    /// Keys of all candidates, sorted: no thresholds, no guesses.
    fn by_brute_force(fleet: &Fleet, selection: &Selection, seed: u64) -> Vec<Ordinal> {
        let seed = SeedKey::new(seed);
        let selector = selection.selector.clone();
        let mut all: Vec<Clock> = Vec::new();
        let terms = selector.resolve(fleet).unwrap().terms(fleet);
        terms.for_each_candidate(|position| all.push(clock(fleet, position, &seed, &recency())));
        all.sort_by(|&a, &b| order(fleet, a, b));
        all.iter().map(|p| p.ordinal).take(selection.wanted as usize).collect()
    }

    #[test]
    fn thresholds_never_change_a_pick() {
        for devices in [1, 63, 64, 65, 5_000, 140_000] {
            let fleet = fleet(devices);
            for k in [1, 2, 10, 100, 1_000, 4_000, 60_000, 70_000] {
                for (seed, effort) in (0..5).flat_map(|seed| efforts().map(move |effort| (seed, effort))) {
                    let limit = Limit::Count(k);
                    let selection =
                        Selection::new(&fleet, Selector::default(), limit, seed, recency(), effort).unwrap();
                    let expected = by_brute_force(&fleet, &selection, seed);
                    assert_eq!(selection.ordinals, expected, "{devices} {k} {seed} {effort:?}");
                }
            }
        }
    }

    #[test]
    fn sets_that_are_put_off_change_no_pick_and_no_count() {
        let fleet = fleet(140_000);
        let sparse: Vec<u32> = (0..140_000).step_by(37).collect();
        // Runs, and a chunk that the fleet does not have.
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
                        assert!(selection.scope.get().is_none(), "it was put off");
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
    fn where_too_few_are_left_sets_are_not_put_off_for_good() {
        let fleet = fleet(140_000);
        let group: Vec<u32> = fleet.group("a").unwrap().iter().collect();
        // All of a group but a few: those few are found, whatever was guessed.
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
                Selection::new(&fleet, Selector::default(), Limit::Count(50), seed, recency(), Effort::default())
                    .unwrap();
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
}
