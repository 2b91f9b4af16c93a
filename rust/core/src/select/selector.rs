//! Which devices a selector means: `matching`, `candidates`, and the offenders of a list.
//!
//! - matching   = (production, or all devices if test devices are included) ∩ tag? ∩ group? ∩ listed?
//! - candidates = matching − updated − excluded
//! - updated    = { target version ≥ V }; an unknown version counts as older

use std::borrow::Cow;

use foldhash::{HashSet, HashSetExt};

use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::fleet::groups::Group;
use crate::ids::Uuid;
use crate::offender::{Offender, Reason};
use crate::select::candidates::{Counts, Excluded, Terms};
use crate::select::nearest::nearest;
use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::Position;
use crate::sets::portable_set::PortableSet;
use crate::sets::words::WordSet;

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
    /// None of these devices, either; ordinals that the fleet does not have are counted with them.
    pub excluded_set: Option<PortableSet>,
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

/// All of a denominator, in the unit of [`Limit::Percent`].
pub(crate) const HUNDRED_PERCENT: u32 = 100_000;

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

/// What a selector comes to in a fleet.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The number of candidates: the matching devices that are neither updated nor excluded.
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

/// The devices that a selector allows, its lists apart: production? ∩ tag? ∩ group?.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eligible<'a> {
    pub(crate) production: Option<&'a FleetSet>,
    pub(crate) tag: Option<&'a FleetSet>,
    pub(crate) group: Option<Group<'a>>,
}

impl Eligible<'_> {
    /// Why the device at this position is not among them.
    pub(crate) fn mismatch(&self, position: Position) -> Option<Reason> {
        let outside = |set: Option<&FleetSet>| set.is_some_and(|set| !set.contains(position));
        if outside(self.production) {
            Some(Reason::Test)
        } else if outside(self.tag) {
            Some(Reason::WrongTag)
        } else if self.group.is_some_and(|group| !group.contains(position)) {
            Some(Reason::WrongGroup)
        } else {
            None
        }
    }

    /// Checks listed devices one by one: the positions of those that match, each once and in list order, and the
    /// offenders likewise. A matching device that is `unsupported` is in both.
    pub(crate) fn check(
        &self,
        fleet: &Fleet,
        listed: &[Uuid],
        unsupported: impl Fn(Position) -> bool,
    ) -> (Vec<Position>, Vec<Offender>) {
        let (mut found, mut offenders) = (Vec::with_capacity(listed.len()), Vec::new());
        let (mut seen, mut named) = (WordSet::none(fleet.rows()), HashSet::new());
        let mut listed = listed.iter();
        fleet.for_each_position(listed.as_slice(), |position| {
            let &uuid = listed.next().expect("one for each UUID");
            match position.ok_or(Reason::Unknown).and_then(|p| self.mismatch(p).map_or(Ok(p), Err)) {
                Ok(position) => {
                    if !seen.contains(position) {
                        seen.insert(position);
                        found.push(position);
                        if unsupported(position) {
                            offenders.push(Offender { uuid, reason: Reason::NoTarget });
                        }
                    }
                }
                Err(reason) if named.insert(uuid) => offenders.push(Offender { uuid, reason }),
                Err(_) => {}
            }
        });
        (found, offenders)
    }
}

/// The devices of a group.
///
/// # Errors
/// [`CoreError::UnknownGroup`], with the names that are spelled like it.
pub(crate) fn find_group<'a>(fleet: &'a Fleet, name: &str) -> Result<Group<'a>, CoreError> {
    let unknown = |nearest| CoreError::UnknownGroup { name: name.to_owned(), nearest };
    fleet.groups().find(name).ok_or_else(|| unknown(near_names(fleet.groups().names(), name)))
}

fn find_tag<'a>(fleet: &'a Fleet, name: &str) -> Result<&'a FleetSet, CoreError> {
    let unknown = |nearest| CoreError::UnknownTag { name: name.to_owned(), nearest };
    fleet.tags().find(name).ok_or_else(|| unknown(near_names(fleet.tags().names(), name)))
}

fn near_names(names: &[String], name: &str) -> Vec<String> {
    nearest(name, names.iter().map(String::as_str), NEAREST).into_iter().map(String::from).collect()
}

/// A selector whose names and UUIDs have been found in a fleet.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    pub(crate) eligible: Eligible<'a>,
    pub(crate) updated: Vec<Cow<'a, FleetSet>>,
    /// The positions of the listed devices that fit, each once, in list order.
    pub(crate) listed: Option<Vec<Position>>,
    pub(crate) excluded: Vec<Excluded<'a>>,
    excluded_unknown: u64,
    pub(crate) skipped: Vec<Offender>,
}

impl Selector {
    /// Finds the names and UUIDs, and checks the listed devices one by one.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`], [`CoreError::UnknownTag`]; [`CoreError::EmptyList`] for a list without UUIDs:
    /// absent is not empty; [`CoreError::MismatchedDevices`] for offenders, unless they are to be skipped.
    pub(crate) fn resolve<'a>(&self, fleet: &'a Fleet) -> Result<Resolved<'a>, CoreError> {
        let eligible = Eligible {
            production: (!self.include_test).then(|| fleet.production_set()),
            tag: self.tag.as_deref().map(|name| find_tag(fleet, name)).transpose()?,
            group: self.group.as_deref().map(|name| find_group(fleet, name)).transpose()?,
        };
        let mut resolved = Resolved::new(eligible);
        resolved.updated = self.not_updated.map_or_else(Vec::new, |version| fleet.updated_to(version));
        if let Some(listed) = &self.listed {
            resolved.restrict_to(fleet, listed, self.on_mismatch, |_| false)?;
        }
        if let Some(excluded) = &self.excluded {
            if excluded.is_empty() {
                return Err(CoreError::EmptyList { what: "of devices to exclude" });
            }
            let positions = fleet.positions_of(excluded);
            resolved.excluded_unknown = (excluded.len() - positions.len()) as u64;
            resolved.excluded.push(Excluded::Positions(FleetSet::from_positions(fleet.rows(), positions)));
        }
        if let Some(excluded) = &self.excluded_set {
            if excluded.is_empty() {
                return Err(CoreError::EmptyList { what: "of devices to exclude" });
            }
            resolved.excluded_unknown += fleet.count_unknown(excluded);
            resolved.excluded.push(Excluded::Ordinals(excluded.clone()));
        }
        Ok(resolved)
    }
}

impl<'a> Resolved<'a> {
    /// All eligible devices: no list, nobody updated or excluded.
    pub(crate) fn new(eligible: Eligible<'a>) -> Self {
        Self {
            eligible,
            updated: Vec::new(),
            listed: None,
            excluded: Vec::new(),
            excluded_unknown: 0,
            skipped: Vec::new(),
        }
    }

    /// Checks listed devices and keeps those that match. One that is `unsupported` is an offender, too.
    ///
    /// # Errors
    /// [`CoreError::EmptyList`]; [`CoreError::MismatchedDevices`] for offenders, unless they are to be skipped.
    pub(crate) fn restrict_to(
        &mut self,
        fleet: &Fleet,
        listed: &[Uuid],
        on_mismatch: OnMismatch,
        unsupported: impl Fn(Position) -> bool,
    ) -> Result<(), CoreError> {
        if listed.is_empty() {
            return Err(CoreError::EmptyList { what: "of devices" });
        }
        let (found, offenders) = self.eligible.check(fleet, listed, unsupported);
        if !offenders.is_empty() && on_mismatch == OnMismatch::Refuse {
            return Err(CoreError::MismatchedDevices { listed: listed.len(), offenders });
        }
        self.listed = Some(found);
        self.skipped = offenders;
        Ok(())
    }

    /// The sets of the matching devices and of the candidates.
    pub(crate) fn terms(&mut self, fleet: &'a Fleet) -> Terms<'a> {
        let Eligible { production, tag, group } = self.eligible;
        let mut terms = Terms::everywhere(fleet.layout(), fleet.present().into_iter().collect());
        match &self.listed {
            // Each of them was found to be there and eligible.
            Some(listed) => {
                terms.within.clear();
                terms.listed = Some(FleetSet::from_positions(fleet.rows(), listed.clone()));
            }
            None => terms.within.extend([tag, production].into_iter().flatten()),
        }
        if let Some(group) = group {
            terms.spans = Cow::Borrowed(group.runs);
        }
        terms.updated.clone_from(&self.updated);
        terms.excluded = std::mem::take(&mut self.excluded);
        terms
    }

    /// What the counts of a pass come to.
    pub(crate) fn scope(self, counts: &Counts, limit: Limit) -> Scope {
        Scope {
            remaining: counts.remaining,
            matching: counts.matching,
            online: limit.counts_online().then_some(counts.online),
            updated: counts.matching - counts.not_updated,
            excluded: counts.not_updated - counts.remaining,
            excluded_unknown: self.excluded_unknown,
            skipped: self.skipped,
        }
    }
}

impl Limit {
    /// Whether it is a part of the devices that are online.
    pub(crate) fn counts_online(self) -> bool {
        matches!(self, Self::Percent(_, Denominator::Online))
    }

    /// Refuses what can be no limit.
    ///
    /// # Errors
    /// [`CoreError::ZeroLimit`], [`CoreError::BadPercentage`].
    pub fn check(self) -> Result<(), CoreError> {
        match self {
            Self::All | Self::Count(1..) | Self::Percent(1..=HUNDRED_PERCENT, _) => Ok(()),
            Self::Count(0) => Err(CoreError::ZeroLimit),
            Self::Percent(thousandths, _) => Err(CoreError::BadPercentage { thousandths }),
        }
    }
}
