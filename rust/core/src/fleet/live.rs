//! A fleet that takes check-ins while selections run.
//!
//! Each device has one atomic word with its last-seen instant and its reported target version. A check-in replaces both
//! or neither, so a reader sees the device either before or after the check-in.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::fleet::columns::MAX_CLOCK_SKEW;
use crate::fleet::fleet::Fleet;
use crate::fleet::registry::Registry;
use crate::ids::{Ordinal, Uuid};
use crate::machine::huge_pages;
use crate::machine::prefetch::prefetch;
use crate::sets::layout::Position;

/// Check-ins per batch. The words of a batch are prefetched before the first one is changed, so that their
/// cache misses overlap.
const BATCH: usize = 32;

/// The devices of a batch of check-ins, in order.
#[derive(Clone, Copy, Debug)]
pub enum Devices<'a> {
    /// By UUID.
    Uuids(&'a [Uuid]),
    /// By ordinal.
    Ordinals(&'a [Ordinal]),
}

impl Devices<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Uuids(uuids) => uuids.len(),
            Self::Ordinals(ordinals) => ordinals.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One value for all check-ins, or one for each.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a, T> {
    /// The same value for all.
    One(T),
    /// One value per device, in their order.
    Each(&'a [T]),
}

impl<T: Copy> Column<'_, T> {
    #[inline]
    fn get(&self, at: usize) -> T {
        match self {
            Self::One(value) => *value,
            Self::Each(values) => values[at],
        }
    }

    fn fits(&self, length: usize) -> bool {
        match self {
            Self::One(_) => true,
            Self::Each(values) => values.len() == length,
        }
    }
}

/// A batch of check-ins.
#[derive(Clone, Copy, Debug)]
pub struct CheckIns<'a> {
    /// The devices. A device may occur more than once.
    pub devices: Devices<'a>,
    /// The instant of each check-in, in seconds since 1970.
    pub at: Column<'a, u32>,
    /// The target version that each reported; a negative one keeps the known version.
    pub target_versions: Column<'a, i32>,
}

/// The results of a batch of check-ins. Each is counted once, except that `ahead` check-ins are also applied or older.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Later than what was known.
    pub applied: u64,
    /// Not later than what was known.
    pub older: u64,
    /// For devices that the fleet does not have.
    pub unknown: u64,
    /// More than [`MAX_CLOCK_SKEW`] ahead of `now`, or at instant 0.
    pub refused: u64,
    /// Up to [`MAX_CLOCK_SKEW`] ahead of `now`, and replaced by `now`.
    pub ahead: u64,
}

/// A fleet that accepts check-ins. Threads share it without locks.
#[derive(Debug)]
pub struct LiveFleet {
    registry: Arc<Registry>,
    /// By position.
    words: Vec<AtomicU64>,
}

impl LiveFleet {
    /// A live fleet that starts as a copy of a frozen one.
    pub fn new(fleet: &Fleet) -> Self {
        let versions = fleet.version_column();
        let words = fleet.last_seen.iter().zip(versions).map(|(&seen, version)| AtomicU64::new(join(seen, version)));
        Self { registry: Arc::clone(fleet.registry()), words: words.collect() }
    }

    /// A frozen copy of the fleet. Each concurrent check-in is either in it or not.
    ///
    /// Cost: a copy of 8 bytes per device.
    pub fn freeze(&self) -> Fleet {
        let mut last_seen = huge_pages::with_capacity(self.rows());
        let mut versions = huge_pages::with_capacity(self.rows());
        for (seen, version) in self.words.iter().map(|word| split(word.load(Relaxed))) {
            last_seen.push(seen);
            versions.push(version);
        }
        Fleet::from_registry(Arc::clone(&self.registry), last_seen, versions)
    }

    /// The number of rows, including deleted devices.
    pub fn rows(&self) -> usize {
        self.words.len()
    }

    /// Applies check-ins. The latest check-in of a device wins, regardless of their order; at the same instant, the
    /// greater version wins.
    ///
    /// # Panics
    /// For columns whose length is not the number of devices.
    ///
    /// # Examples
    /// ```
    /// use groundswell_core::fleet::live::{Column, Devices};
    /// use groundswell_core::{CheckIns, CoreError, Fleet, FleetColumns, LiveFleet};
    ///
    /// let columns = FleetColumns {
    ///     uuids: vec![[1; 16]],
    ///     last_seen: vec![0],
    ///     groups: vec![-1],
    ///     tags: vec![-1],
    ///     production: vec![true],
    ///     target_versions: vec![-1],
    ///     ..FleetColumns::default()
    /// };
    /// let live = LiveFleet::new(&Fleet::new(columns)?);
    /// let now = 1_795_000_000;
    /// let check_in = |at, version| CheckIns {
    ///     devices: Devices::Ordinals(&[0]),
    ///     at: Column::One(at),
    ///     target_versions: Column::One(version),
    /// };
    /// assert_eq!(live.check_in(&check_in(now, 42), now).applied, 1);
    /// assert_eq!(live.check_in(&check_in(now - 1, 43), now).older, 1, "the later report wins");
    /// assert_eq!(live.freeze().target_version(0), Some(42));
    /// # Ok::<(), CoreError>(())
    /// ```
    pub fn check_in(&self, check_ins: &CheckIns<'_>, now: u32) -> Received {
        let CheckIns { devices, at, target_versions } = check_ins;
        let count = devices.len();
        assert!(at.fits(count) && target_versions.fits(count), "one value for each check-in");
        let mut received = Received::default();
        let mut batch: [Option<Position>; BATCH] = [None; BATCH];
        let mut done = 0;
        let mut filled = 0;
        let mut take = |found: Option<Position>, last: bool| {
            if let Some(position) = found {
                prefetch(&self.words, position as usize);
            }
            batch[filled] = found;
            filled += 1;
            if filled == BATCH || last {
                for (found, at_row) in batch[..filled].iter().zip(done..) {
                    self.apply(*found, at.get(at_row), target_versions.get(at_row), now, &mut received);
                }
                done += filled;
                filled = 0;
            }
        };
        let mut left = count;
        let mut tell = |found| {
            left -= 1;
            take(found, left == 0);
        };
        match devices {
            Devices::Uuids(uuids) => self.registry.for_each_position(uuids, tell),
            Devices::Ordinals(ordinals) => ordinals.iter().for_each(|&ordinal| tell(self.registry.position(ordinal))),
        }
        received
    }

    #[inline]
    fn apply(&self, found: Option<Position>, at: u32, version: i32, now: u32, received: &mut Received) {
        let Some(position) = found else {
            received.unknown += 1;
            return;
        };
        if at == 0 || at > now.saturating_add(MAX_CLOCK_SKEW) {
            received.refused += 1;
            return;
        }
        received.ahead += u64::from(at > now);
        let at = at.min(now);
        let word = &self.words[position as usize];
        let mut known = word.load(Relaxed);
        loop {
            // Seconds in the upper half, version in the lower half: the greater word is the later report.
            let told = join(at, if version < 0 { split(known).1 } else { version });
            if told <= known {
                received.older += 1;
                return;
            }
            match word.compare_exchange_weak(known, told, Relaxed, Relaxed) {
                Ok(_) => {
                    received.applied += 1;
                    return;
                }
                Err(meanwhile) => known = meanwhile,
            }
        }
    }
}

/// Packs a last-seen instant and a target version (negative if unknown) into one word.
#[inline]
fn join(last_seen: u32, version: i32) -> u64 {
    u64::from(last_seen) << 32 | u64::from(version.wrapping_add(1) as u32)
}

#[inline]
fn split(word: u64) -> (u32, i32) {
    ((word >> 32) as u32, (word as u32).wrapping_sub(1) as i32)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::fleet::columns::FleetColumns;

    const NOW: u32 = 1_795_000_000;

    fn fleet(devices: usize) -> Fleet {
        Fleet::new(FleetColumns {
            uuids: (0..devices as u128).map(|i| (i * i).to_be_bytes()).collect(),
            last_seen: (0..devices as u32).map(|i| if i % 3 == 0 { 0 } else { NOW - 1000 * i }).collect(),
            groups: (0..devices as i32).map(|i| i % 4 - 1).collect(),
            group_names: ["a", "b", "c"].map(String::from).to_vec(),
            tags: vec![-1; devices],
            production: vec![true; devices],
            target_versions: (0..devices as i32).map(|i| i % 5 - 1).collect(),
            present: Some((0..devices).map(|i| i != 7).collect()),
            ..FleetColumns::default()
        })
        .unwrap()
    }

    fn activity(fleet: &Fleet) -> Vec<(u32, Option<u32>)> {
        (0..fleet.rows() as u32).map(|o| (fleet.last_seen(o), fleet.target_version(o))).collect()
    }

    proptest! {
        #[test]
        fn the_latest_check_in_of_each_device_stands_in_whatever_order_they_come(
            check_ins in prop::collection::vec((0u32..60, 1u32..4000, 0i32..9), 0..200).prop_shuffle(),
            by_uuid in any::<bool>(),
        ) {
            let (fleet, rows) = (fleet(50), 50);
            let ordinals: Vec<u32> = check_ins.iter().map(|&(ordinal, _, _)| ordinal).collect();
            let uuids: Vec<Uuid> = ordinals.iter().map(|&o| (u128::from(o) * u128::from(o)).to_be_bytes()).collect();
            let at: Vec<u32> = check_ins.iter().map(|&(_, at, _)| NOW - 30_000 + 10 * at).collect();
            let versions: Vec<i32> = check_ins.iter().map(|&(_, _, version)| version).collect();
            let mut expected: HashMap<u32, (u32, i32)> = activity(&fleet)
                .into_iter()
                .zip(0..)
                .map(|((seen, version), o)| (o, (seen, version.map_or(-1, |v| v as i32))))
                .collect();
            let (mut unknown, mut ahead) = (0, 0);
            for ((&ordinal, &at), &version) in ordinals.iter().zip(&at).zip(&versions) {
                if ordinal as usize >= rows || ordinal == 7 {
                    unknown += 1;
                    continue;
                }
                ahead += u64::from(at > NOW);
                let known = expected.get_mut(&ordinal).unwrap();
                *known = (*known).max((at.min(NOW), version));
            }
            let live = LiveFleet::new(&fleet);
            let devices = if by_uuid { Devices::Uuids(&uuids) } else { Devices::Ordinals(&ordinals) };
            let told = CheckIns { devices, at: Column::Each(&at), target_versions: Column::Each(&versions) };
            let received = live.check_in(&told, NOW);
            prop_assert_eq!(received.unknown, unknown);
            prop_assert_eq!((received.ahead, received.refused), (ahead, 0));
            prop_assert_eq!(received.applied + received.older + unknown, check_ins.len() as u64);
            let frozen = live.freeze();
            for (ordinal, (seen, version)) in expected {
                prop_assert_eq!(frozen.last_seen(ordinal), seen);
                prop_assert_eq!(frozen.target_version(ordinal), u32::try_from(version).ok());
            }
            let again = live.check_in(&told, NOW);
            prop_assert_eq!((again.applied, activity(&live.freeze())), (0, activity(&frozen)));
        }
    }

    #[test]
    fn a_live_fleet_without_check_ins_is_the_fleet_it_began_as() {
        let fleet = fleet(200);
        let frozen = LiveFleet::new(&fleet).freeze();
        assert_eq!(activity(&frozen), activity(&fleet));
        assert!(frozen.version_counts().eq(fleet.version_counts()));
        assert_eq!(frozen.latest, fleet.latest);
        assert_eq!(frozen.to_columns().target_versions, fleet.to_columns().target_versions);
    }

    #[test]
    fn a_check_in_without_a_version_leaves_the_version() {
        let live = LiveFleet::new(&fleet(50));
        let told =
            CheckIns { devices: Devices::Ordinals(&[4]), at: Column::One(NOW), target_versions: Column::One(-1) };
        assert_eq!(live.check_in(&told, NOW).applied, 1);
        let frozen = live.freeze();
        assert_eq!((frozen.last_seen(4), frozen.target_version(4)), (NOW, Some(3)));
    }

    #[test]
    fn a_clock_that_is_days_ahead_is_not_believed() {
        let live = LiveFleet::new(&fleet(50));
        for (at, ahead, refused) in [(NOW + 86_400, 1, 0), (NOW + 86_401, 0, 1), (u32::MAX, 0, 1), (0, 0, 1)] {
            let told =
                CheckIns { devices: Devices::Ordinals(&[4]), at: Column::One(at), target_versions: Column::One(9) };
            let received = live.check_in(&told, NOW);
            assert_eq!((received.ahead, received.refused), (ahead, refused), "{at}");
        }
        assert_eq!(live.freeze().last_seen(4), NOW);
    }

    #[test]
    fn readers_see_each_device_before_or_after_each_check_in() {
        // The version is a function of the instant: a reader that sees one of a check-in and not the other finds out.
        let devices = 3_000u32;
        let version_of = |at: u32| (at % 1_000) as i32;
        let live = LiveFleet::new(&fleet(devices as usize));
        let ordinals: Vec<u32> = (0..devices).collect();
        // Later than any device of the fleet was seen.
        let first = NOW - 900;
        let tell = |at: u32| {
            let told = CheckIns {
                devices: Devices::Ordinals(&ordinals),
                at: Column::One(at),
                target_versions: Column::One(version_of(at)),
            };
            live.check_in(&told, NOW);
        };
        tell(first);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                scope.spawn(move || (0..200).for_each(|turn| tell(first + 1 + 3 * turn + thread)));
            }
            scope.spawn(|| {
                for _ in 0..50 {
                    let frozen = live.freeze();
                    for ordinal in (0..devices).filter(|&o| o != 7) {
                        let seen = frozen.last_seen(ordinal);
                        if seen >= first {
                            assert_eq!(frozen.target_version(ordinal), Some(version_of(seen) as u32));
                        }
                    }
                }
            });
        });
        let frozen = live.freeze();
        assert!((0..devices).filter(|&o| o != 7).all(|o| frozen.last_seen(o) == first + 600));
    }
}
