//! Which devices a selector means: `matching`, `candidates`, and the offenders of a list.
//!
//! - matching   = (production, or all devices if test devices are included) ∩ tag? ∩ group? ∩ listed?
//! - candidates = matching − updated − excluded
//! - updated    = { target version ≥ V }; an unknown version counts as older

use std::fmt;

use foldhash::{HashSet, HashSetExt};

use crate::device_set::{DeviceSet, WordSet};
use crate::error::CoreError;
use crate::fleet::{Fleet, FleetSet, NamedSets};
use crate::ids::{Ordinal, Uuid};
use crate::nearest::nearest;
use crate::recency::Recency;

/// How many near spellings an error carries.
const NEAREST: usize = 3;

/// What to do about listed devices that the selector does not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// One offender refuses the whole selection.
    #[default]
    Refuse,
    /// Offenders are skipped and reported.
    Skip,
}

/// What a selection asks for, apart from how many.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// Only devices of this group.
    pub group: Option<String>,
    /// Only devices that listen to this tag.
    pub tag: Option<String>,
    /// Only these devices, each of them checked.
    pub listed: Option<Vec<Uuid>>,
    /// None of these devices; UUIDs that the fleet does not have are counted.
    pub excluded: Option<Vec<Uuid>>,
    /// No devices that report this target version or a later one.
    pub not_updated: Option<u32>,
    /// Test devices, too.
    pub include_test: bool,
    /// What to do about offenders.
    pub on_mismatch: OnMismatch,
}

/// How many of the candidates are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// All of them.
    All,
    /// At most this many.
    Count(u64),
    /// Thousandths of a percent (1 … 100 000) of a denominator, rounded up.
    Percent(u32, Denominator),
}

/// What a percentage is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denominator {
    /// The matching devices, those already updated or excluded among them.
    Matching,
    /// The candidates.
    Remaining,
    /// The matching devices that were seen within the online threshold.
    Online,
}

/// Why a listed device cannot be selected. Reasons are checked in this order, and the first that holds is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The fleet has no such device.
    Unknown,
    /// It is a test device.
    Test,
    /// It does not listen to the tag.
    WrongTag,
    /// It is not in the group.
    WrongGroup,
}

impl Reason {
    /// The reason as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Test => "test",
            Self::WrongTag => "wrong-tag",
            Self::WrongGroup => "wrong-group",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "not in the fleet",
            Self::Test => "a test device",
            Self::WrongTag => "on another tag",
            Self::WrongGroup => "in another group or none",
        })
    }
}

/// A listed device that the selector does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offender {
    /// The device.
    pub uuid: Uuid,
    /// Why it cannot be selected.
    pub reason: Reason,
}

/// What a selector comes to in a fleet.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The matching devices that are neither updated nor excluded.
    pub candidates: WordSet,
    /// The number of candidates.
    pub remaining: u64,
    /// The number of matching devices.
    pub matching: u64,
    /// The number of matching devices that were seen within the online threshold, if the limit asked for it.
    pub online: Option<u64>,
    /// The number of matching devices that are updated.
    pub updated: u64,
    /// The number of matching devices that are excluded and not updated.
    pub excluded: u64,
    /// Excluded UUIDs that the fleet does not have.
    pub excluded_unknown: u64,
    /// Offenders that were skipped, in list order.
    pub skipped: Vec<Offender>,
}

/// A selector whose names and UUIDs have been found in a fleet.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    pub(crate) group: Option<&'a FleetSet>,
    pub(crate) tag: Option<&'a FleetSet>,
    pub(crate) production: Option<&'a FleetSet>,
    pub(crate) updated: Vec<&'a FleetSet>,
    pub(crate) listed: Option<DeviceSet>,
    excluded: Vec<Ordinal>,
    excluded_unknown: u64,
    skipped: Vec<Offender>,
}

impl Selector {
    /// Finds the names and UUIDs, and checks the listed devices one by one.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`], [`CoreError::UnknownTag`]; [`CoreError::EmptyList`] for a list without UUIDs:
    /// absent is not empty; [`CoreError::MismatchedDevices`] for offenders, unless they are to be skipped.
    pub(crate) fn resolve<'a>(&self, fleet: &'a Fleet) -> Result<Resolved<'a>, CoreError> {
        let find = |sets: &'a NamedSets, name: &Option<String>, unknown: fn(String, Vec<String>) -> CoreError| {
            let Some(name) = name else { return Ok(None) };
            sets.find(name).map(Some).ok_or_else(|| {
                let near = nearest(name, sets.names().iter().map(String::as_str), NEAREST);
                unknown(name.clone(), near.into_iter().map(String::from).collect())
            })
        };
        let mut resolved = Resolved {
            group: find(fleet.groups(), &self.group, |name, nearest| CoreError::UnknownGroup { name, nearest })?,
            tag: find(fleet.tags(), &self.tag, |name, nearest| CoreError::UnknownTag { name, nearest })?,
            production: (!self.include_test).then(|| fleet.production_set()),
            updated: self.not_updated.map_or_else(Vec::new, |version| fleet.versions_from(version).collect()),
            listed: None,
            excluded: Vec::new(),
            excluded_unknown: 0,
            skipped: Vec::new(),
        };
        if let Some(listed) = &self.listed {
            let (found, offenders) = resolved.check_listed(fleet, listed)?;
            if !offenders.is_empty() && self.on_mismatch == OnMismatch::Refuse {
                return Err(CoreError::MismatchedDevices { listed: listed.len(), offenders });
            }
            resolved.listed = Some(found);
            resolved.skipped = offenders;
        }
        if let Some(excluded) = &self.excluded {
            if excluded.is_empty() {
                return Err(CoreError::EmptyList { what: "of devices to exclude" });
            }
            resolved.excluded = fleet.ordinals(excluded).flatten().collect();
            resolved.excluded_unknown = (excluded.len() - resolved.excluded.len()) as u64;
        }
        Ok(resolved)
    }
}

impl Resolved<'_> {
    fn check_listed(&self, fleet: &Fleet, listed: &[Uuid]) -> Result<(DeviceSet, Vec<Offender>), CoreError> {
        if listed.is_empty() {
            return Err(CoreError::EmptyList { what: "of devices" });
        }
        let (mut found, mut offenders) = (Vec::with_capacity(listed.len()), Vec::new());
        let mut named = HashSet::new();
        for (&uuid, ordinal) in listed.iter().zip(fleet.ordinals(listed)) {
            match ordinal.ok_or(Reason::Unknown).and_then(|o| self.mismatch(o).map_or(Ok(o), Err)) {
                Ok(ordinal) => found.push(ordinal),
                Err(reason) if named.insert(uuid) => offenders.push(Offender { uuid, reason }),
                Err(_) => {}
            }
        }
        Ok((DeviceSet::from_ordinals(&found), offenders))
    }

    /// Why this device does not match, the list apart.
    pub(crate) fn mismatch(&self, ordinal: Ordinal) -> Option<Reason> {
        let outside = |set: Option<&FleetSet>| set.is_some_and(|s| !s.set.contains(ordinal));
        if outside(self.production) {
            Some(Reason::Test)
        } else if outside(self.tag) {
            Some(Reason::WrongTag)
        } else if outside(self.group) {
            Some(Reason::WrongGroup)
        } else {
            None
        }
    }

    /// Works the sets out and counts them, as far as the limit needs the counts.
    pub(crate) fn scope(self, fleet: &Fleet, recency: &Recency, limit: Limit) -> Scope {
        let mut devices = match &self.listed {
            Some(listed) => WordSet::from_set(fleet.rows(), listed),
            None => fleet.everyone(),
        };
        for set in [self.group, self.tag, self.production].into_iter().flatten() {
            set.restrict(&mut devices);
        }
        let matching = devices.count();
        let online = matches!(limit, Limit::Percent(_, Denominator::Online)).then(|| {
            let is_online = |&ordinal: &Ordinal| recency.is_online(fleet.last_seen[ordinal as usize]);
            devices.iter().filter(is_online).count() as u64
        });
        for version in &self.updated {
            version.exclude_from(&mut devices);
        }
        let not_updated = devices.count();
        for &ordinal in &self.excluded {
            devices.remove(ordinal);
        }
        let remaining = devices.count();
        Scope {
            candidates: devices,
            remaining,
            matching,
            online,
            updated: matching - not_updated,
            excluded: not_updated - remaining,
            excluded_unknown: self.excluded_unknown,
            skipped: self.skipped,
        }
    }
}

impl Scope {
    /// What a limit comes to: a number of devices, or as many as there are.
    ///
    /// p% = ⌈p · denominator / 100⌉, in whole numbers.
    ///
    /// # Errors
    /// [`CoreError::ZeroLimit`], [`CoreError::BadPercentage`].
    pub fn wanted(&self, limit: Limit) -> Result<u64, CoreError> {
        const HUNDRED_PERCENT: u32 = 100_000;
        match limit {
            Limit::All => Ok(self.remaining),
            Limit::Count(0) => Err(CoreError::ZeroLimit),
            Limit::Count(count) => Ok(count),
            Limit::Percent(thousandths @ 1..=HUNDRED_PERCENT, of) => {
                let denominator = match of {
                    Denominator::Matching => self.matching,
                    Denominator::Remaining => self.remaining,
                    Denominator::Online => self.online.expect("the scope was worked out for this limit"),
                };
                Ok((denominator * u64::from(thousandths)).div_ceil(u64::from(HUNDRED_PERCENT)))
            }
            Limit::Percent(thousandths, _) => Err(CoreError::BadPercentage { thousandths }),
        }
    }
}
