//! The progress of a wave: counts for the whole tag, for each group, and for the devices without a group.
//!
//! - total       = updated + scheduled + unsupported + unscheduled
//! - updated     = on the wave's version + newer
//! - older       = total − updated; an unknown version counts as older
//! - covered     = the wave's covered devices; all matching ones once it is complete, none once it is canceled
//! - scheduled   = covered − updated − unsupported
//! - unsupported = (covered ∩ unsupported) − updated
//! - unscheduled = matching − covered − updated
//! - silent      = scheduled, and not seen since the rollout that covers it

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::fleet::columns::NEVER;
use crate::fleet::fleet::Fleet;
use crate::sampling::recency::Recency;
use crate::sets::device_set::DeviceSet;
use crate::sets::layout::Position;
use crate::sets::words::WordSet;
use crate::waves::wave::{Wave, WaveState};

/// The devices that one act covers.
#[derive(Clone, Debug, PartialEq)]
pub enum CoverageKind {
    /// A sampled or listed rollout: the devices that it staged.
    Devices(DeviceSet),
    /// A whole-group rollout: the devices that are now in the group.
    Group(String),
    /// The completion of the wave: all matching devices.
    Everyone,
}

/// A rollout or completion that covers devices.
#[derive(Clone, Debug, PartialEq)]
pub struct Covering {
    /// Which devices it covers.
    pub kind: CoverageKind,
    /// Its instant, in seconds since 1970.
    pub at: i64,
}

/// Counts of the matching devices, or of those in one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Matching devices.
    pub total: u64,
    /// Seen within the online threshold.
    pub online: u64,
    /// On the wave's version.
    pub on_version: u64,
    /// On a later version.
    pub newer: u64,
    /// On an earlier or unknown version.
    pub older: u64,
    /// Covered; all of them once the wave is complete, none once it is canceled.
    pub covered: u64,
    /// Chosen by a sampled or listed rollout.
    pub staged: u64,
    /// Covered, and neither updated nor unsupported.
    pub scheduled: u64,
    /// Covered and unsupported, and not updated.
    pub unsupported: u64,
    /// Neither updated nor covered.
    pub unscheduled: u64,
    /// Scheduled, and not seen since the rollout that covers them.
    pub silent: u64,
    /// Each reported target version with its number of devices, latest first; `None`, for unknown, is last.
    pub by_version: Vec<(Option<u32>, u64)>,
}

impl Counts {
    /// On the wave's version or a later one.
    pub fn updated(&self) -> u64 {
        self.on_version + self.newer
    }
}

/// The devices behind one count of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subset {
    /// All matching devices.
    Matching,
    /// Seen within the online threshold.
    Online,
    /// On the wave's version.
    OnVersion,
    /// On a later version.
    Newer,
    /// On an earlier or unknown version.
    Older,
    /// On the wave's version or a later one.
    Updated,
    /// Covered.
    Covered,
    /// Chosen by a sampled or listed rollout.
    Staged,
    /// Covered, and neither updated nor unsupported.
    Scheduled,
    /// Scheduled, and not seen since the rollout that covers them.
    Silent,
    /// Covered and unsupported, and not updated.
    Unsupported,
    /// Neither updated nor covered.
    Unscheduled,
}

impl Subset {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Matching,
        Self::Online,
        Self::OnVersion,
        Self::Newer,
        Self::Older,
        Self::Updated,
        Self::Covered,
        Self::Staged,
        Self::Scheduled,
        Self::Silent,
        Self::Unsupported,
        Self::Unscheduled,
    ];

    /// The subset as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Matching => "matching",
            Self::Online => "online",
            Self::OnVersion => "on-version",
            Self::Newer => "newer",
            Self::Older => "older",
            Self::Updated => "updated",
            Self::Covered => "covered",
            Self::Staged => "staged",
            Self::Scheduled => "scheduled",
            Self::Silent => "silent",
            Self::Unsupported => "unsupported",
            Self::Unscheduled => "unscheduled",
        }
    }

    /// The subset of a slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subset| subset.slug() == slug)
    }
}

/// The progress of a wave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// All matching devices.
    pub tag: Counts,
    /// The groups that the caller named, in that order, also without devices.
    pub rolled_out: Vec<(String, Counts)>,
    /// The other groups that have matching devices, in the order of the fleet.
    pub others: Vec<(String, Counts)>,
    /// Devices without a group.
    pub groupless: Counts,
}

impl Wave {
    /// Counts the devices of the wave.
    ///
    /// `rolled_out` are the groups to list first. `coverings` are the acts that covered devices, oldest first: the
    /// first act that covers a device decides whether the device is silent.
    ///
    /// Cost: a few passes over the matching devices.
    pub fn status(
        &self,
        fleet: &Fleet,
        state: WaveState,
        rolled_out: &[String],
        coverings: &[Covering],
        recency: &Recency,
    ) -> Status {
        let sets = self.sets(fleet);
        let scheduled = sets.scheduled(state);
        let mut parts = Parts::new(fleet);
        for position in sets.matching.iter() {
            let part = parts.of(position);
            part.total += 1;
            part.online += u64::from(recency.is_online(fleet.last_seen[position as usize]));
        }
        let staged = self.staged.iter().filter_map(|ordinal| fleet.position(ordinal));
        for position in staged.filter(|&position| sets.matching.contains(position)) {
            parts.of(position).staged += 1;
        }
        for position in sets.covered_in(state).iter() {
            parts.of(position).covered += 1;
        }
        for position in sets.unsupported_in(state).iter() {
            parts.of(position).unsupported += 1;
        }
        for position in sets.unscheduled(state).iter() {
            parts.of(position).unscheduled += 1;
        }
        for position in scheduled.iter() {
            parts.of(position).scheduled += 1;
        }
        for position in silent(fleet, scheduled, coverings).iter() {
            parts.of(position).silent += 1;
        }
        for (version, devices) in fleet.by_version() {
            devices.for_each(|position| {
                if sets.matching.contains(position) {
                    parts.of(position).count_version(version);
                }
            });
        }
        parts.status(fleet, rolled_out, self.target_version)
    }

    /// The devices of one count of [`Self::status`] for the whole tag. Only [`Subset::Silent`] uses `coverings`.
    ///
    /// Cost: a few passes over the matching devices.
    pub fn devices_in(
        &self,
        fleet: &Fleet,
        state: WaveState,
        subset: Subset,
        coverings: &[Covering],
        recency: &Recency,
    ) -> DeviceSet {
        let sets = self.sets(fleet);
        let those = |holds: &dyn Fn(Position) -> bool| {
            let mut found = WordSet::none(fleet.rows());
            sets.matching.iter().filter(|&position| holds(position)).for_each(|position| found.insert(position));
            found
        };
        let own = fleet.by_version().find(|&(version, _)| version == self.target_version);
        let on_version = |position| own.is_some_and(|(_, devices)| devices.contains(position));
        fleet.device_set(&match subset {
            Subset::Matching => sets.matching,
            Subset::Online => those(&|position| recency.is_online(fleet.last_seen[position as usize])),
            Subset::OnVersion => those(&on_version),
            Subset::Newer => those(&|position| sets.updated.contains(position) && !on_version(position)),
            Subset::Older => those(&|position| !sets.updated.contains(position)),
            Subset::Updated => sets.updated,
            Subset::Covered => sets.covered_in(state),
            Subset::Staged => those(&|position| self.staged.contains(fleet.layout().ordinal(position))),
            Subset::Scheduled => sets.scheduled(state),
            Subset::Silent => silent(fleet, sets.scheduled(state), coverings),
            Subset::Unsupported => sets.unsupported_in(state),
            Subset::Unscheduled => sets.unscheduled(state),
        })
    }
}

/// One [`Counts`] for the devices without a group, then one for each group of the fleet.
struct Parts {
    groups: Vec<i32>,
    counts: Vec<Counts>,
}

impl Parts {
    fn new(fleet: &Fleet) -> Self {
        let mut groups = vec![-1; fleet.rows()];
        for run in fleet.groups().by_position() {
            groups[run.positions.start as usize..run.positions.end as usize].fill(run.code);
        }
        Self { groups, counts: vec![Counts::default(); fleet.groups().names().len() + 1] }
    }

    fn of(&mut self, position: Position) -> &mut Counts {
        // The code −1 means no group, and has the first counts.
        &mut self.counts[(self.groups[position as usize] + 1) as usize]
    }

    fn status(mut self, fleet: &Fleet, rolled_out: &[String], target_version: u32) -> Status {
        let mut tag = Counts::default();
        for counts in &mut self.counts {
            counts.finish(target_version);
            tag.add(counts);
        }
        let groupless = self.counts.remove(0);
        let names = fleet.groups().names().iter().cloned();
        let mut groups: Vec<(String, Counts)> = names.zip(self.counts).collect();
        let places: HashMap<&String, usize, RandomState> = rolled_out.iter().zip(0..).collect();
        let mut first: Vec<(String, Counts)> = rolled_out.iter().cloned().map(|n| (n, Counts::default())).collect();
        groups.retain_mut(|(name, counts)| match places.get(name) {
            Some(&place) => {
                first[place].1 = std::mem::take(counts);
                false
            }
            None => counts.total > 0,
        });
        Status { tag, rolled_out: first, others: groups, groupless }
    }
}

impl Counts {
    /// Counts a device by its version. The caller passes versions in ascending order.
    fn count_version(&mut self, version: u32) {
        match self.by_version.last_mut() {
            Some((Some(last), devices)) if *last == version => *devices += 1,
            _ => self.by_version.push((Some(version), 1)),
        }
    }

    /// Computes the counts that follow from the versions, and sorts the versions, latest first.
    fn finish(&mut self, target_version: u32) {
        self.by_version.reverse();
        let known: u64 = self.by_version.iter().map(|(_, devices)| devices).sum();
        for &(version, devices) in &self.by_version {
            match version.map(|version| version.cmp(&target_version)) {
                Some(std::cmp::Ordering::Equal) => self.on_version += devices,
                Some(std::cmp::Ordering::Greater) => self.newer += devices,
                Some(std::cmp::Ordering::Less) | None => {}
            }
        }
        self.older = self.total - self.on_version - self.newer;
        if known < self.total {
            self.by_version.push((None, self.total - known));
        }
    }

    /// Adds another part of the same wave.
    fn add(&mut self, part: &Self) {
        self.total += part.total;
        self.online += part.online;
        self.on_version += part.on_version;
        self.newer += part.newer;
        self.older += part.older;
        self.covered += part.covered;
        self.staged += part.staged;
        self.scheduled += part.scheduled;
        self.unsupported += part.unsupported;
        self.unscheduled += part.unscheduled;
        self.silent += part.silent;
        for &(version, devices) in &part.by_version {
            // Sorted descending; `None` is the least.
            match self.by_version.binary_search_by(|(known, _)| version.cmp(known)) {
                Ok(at) => self.by_version[at].1 += devices,
                Err(at) => self.by_version.insert(at, (version, devices)),
            }
        }
    }
}

/// The scheduled devices that were not seen since the first act that covers them.
fn silent(fleet: &Fleet, scheduled: WordSet, coverings: &[Covering]) -> WordSet {
    let mut silent = WordSet::none(scheduled.rows());
    let mut waiting = scheduled;
    for Covering { kind, at } in coverings {
        let reached: Vec<Position> = match kind {
            CoverageKind::Devices(devices) => {
                let positions = devices.iter().filter_map(|ordinal| fleet.position(ordinal));
                positions.filter(|&position| waiting.contains(position)).collect()
            }
            CoverageKind::Group(name) => {
                let members = fleet.groups().find(name).into_iter().flat_map(|group| group.runs.iter().cloned());
                members.flatten().filter(|&position| waiting.contains(position)).collect()
            }
            CoverageKind::Everyone => waiting.iter().collect(),
        };
        for position in reached {
            waiting.remove(position);
            let last_seen = fleet.last_seen[position as usize];
            if last_seen == NEVER || i64::from(last_seen) < *at {
                silent.insert(position);
            }
        }
    }
    silent
}
