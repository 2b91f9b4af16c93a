//! Selectors: the matching devices, the candidates, and the offenders of a list.
//!
//! - matching   = production (or all devices, with `include_test`) ∩ tag? ∩ group? ∩ listed?
//! - candidates = matching − updated − excluded
//! - updated    = { target version ≥ V }; an unknown version counts as older

use std::borrow::Cow;

use foldhash::{HashSet, HashSetExt};

use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::fleet::groups::Group;
use crate::ids::Uuid;
use crate::offender::{Offender, Reason};
use crate::select::candidates::{CandidateCounts, Candidates, Excluded};
use crate::select::limit::Limit;
use crate::select::nearest::nearest;
use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::Position;
use crate::sets::portable_set::PortableSet;
use crate::sets::words::WordSet;

/// The number of similar names in an error.
const MAX_NEAREST: usize = 3;

/// What to do about offenders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// Refuse the whole selection.
    #[default]
    Refuse,
    /// Skip the offenders and report them.
    Skip,
}

/// Which devices a selection considers.
///
/// # Examples
/// ```
/// use groundswell_core::Selector;
///
/// // Production devices of group `canary` that are not yet at version 42.
/// let selector = Selector { group: Some("canary".to_owned()), not_updated: Some(42), ..Selector::default() };
/// assert!(!selector.include_test);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// Only devices of this group.
    pub group: Option<String>,
    /// Only devices that listen to this tag.
    pub tag: Option<String>,
    /// Only these devices. Each is checked.
    pub listed: Option<Vec<Uuid>>,
    /// Not these devices. UUIDs that the fleet does not have are counted.
    pub excluded: Option<Vec<Uuid>>,
    /// Not these devices. Ordinals that the fleet does not have are counted.
    pub excluded_set: Option<PortableSet>,
    /// Only devices below this target version.
    pub not_updated: Option<u32>,
    /// Also test devices.
    pub include_test: bool,
    /// What to do about offenders.
    pub on_mismatch: OnMismatch,
}

/// The sizes of a selector's sets in one fleet.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The number of candidates.
    pub remaining: u64,
    /// The number of matching devices.
    pub matching: u64,
    /// The number of matching devices that are online; `None` unless the limit is a percentage of them.
    pub online: Option<u64>,
    /// The number of matching devices that are updated.
    pub updated: u64,
    /// The number of matching devices that are excluded and not updated.
    pub excluded: u64,
    /// The number of excluded UUIDs and ordinals that the fleet does not have.
    pub excluded_unknown: u64,
    /// The skipped offenders, in list order.
    pub skipped: Vec<Offender>,
}

/// production? ∩ tag? ∩ group?
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eligible<'a> {
    pub(crate) production: Option<&'a FleetSet>,
    pub(crate) tag: Option<&'a FleetSet>,
    pub(crate) group: Option<Group<'a>>,
}

impl Eligible<'_> {
    /// Why a device is not eligible; `None` if it is.
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

    /// Checks listed devices one by one. Returns the positions of the eligible devices and the offenders, each once, in
    /// list order. An eligible device that is `unsupported` is in both.
    pub(crate) fn check(
        &self,
        fleet: &Fleet,
        listed: &[Uuid],
        unsupported: impl Fn(Position) -> bool,
    ) -> (Vec<Position>, Vec<Offender>) {
        let (mut found, mut offenders) = (Vec::with_capacity(listed.len()), Vec::new());
        let (mut seen, mut reported) = (WordSet::none(fleet.rows()), HashSet::new());
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
                Err(reason) if reported.insert(uuid) => offenders.push(Offender { uuid, reason }),
                Err(_) => {}
            }
        });
        (found, offenders)
    }
}

/// Finds a group.
///
/// # Errors
/// [`CoreError::UnknownGroup`] with similar names.
pub(crate) fn find_group<'a>(fleet: &'a Fleet, name: &str) -> Result<Group<'a>, CoreError> {
    let unknown = |nearest| CoreError::UnknownGroup { name: name.to_owned(), nearest };
    fleet.groups().find(name).ok_or_else(|| unknown(near_names(fleet.groups().names(), name)))
}

fn find_tag<'a>(fleet: &'a Fleet, name: &str) -> Result<&'a FleetSet, CoreError> {
    let unknown = |nearest| CoreError::UnknownTag { name: name.to_owned(), nearest };
    fleet.tags().find(name).ok_or_else(|| unknown(near_names(fleet.tags().names(), name)))
}

fn near_names(names: &[String], name: &str) -> Vec<String> {
    nearest(name, names.iter().map(String::as_str), MAX_NEAREST).into_iter().map(String::from).collect()
}

/// A selector whose names and UUIDs are resolved in one fleet.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    pub(crate) eligible: Eligible<'a>,
    pub(crate) updated: Vec<Cow<'a, FleetSet>>,
    /// The eligible listed devices, each once, in list order.
    pub(crate) listed: Option<Vec<Position>>,
    pub(crate) excluded: Vec<Excluded<'a>>,
    excluded_unknown: u64,
    pub(crate) skipped: Vec<Offender>,
}

impl Selector {
    /// Looks up names and UUIDs, and checks the listed devices one by one.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`], [`CoreError::UnknownTag`]; [`CoreError::EmptyList`] for a list without UUIDs, because
    /// absent is not empty; [`CoreError::MismatchedDevices`] for offenders with [`OnMismatch::Refuse`].
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
    /// A selector without list, target version and exclusions.
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

    /// Restricts the selector to listed devices. An `unsupported` device is an offender.
    ///
    /// # Errors
    /// [`CoreError::EmptyList`]; [`CoreError::MismatchedDevices`] for offenders with [`OnMismatch::Refuse`].
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

    /// The sets that define the matching devices and the candidates. Takes `excluded` out of `self`.
    pub(crate) fn candidates(&mut self, fleet: &'a Fleet) -> Candidates<'a> {
        let Eligible { production, tag, group } = self.eligible;
        let mut candidates = Candidates::new(fleet.layout(), fleet.present().into_iter().collect());
        match &self.listed {
            // Each listed device was found to be present and eligible.
            Some(listed) => {
                candidates.within.clear();
                candidates.listed = Some(FleetSet::from_positions(fleet.rows(), listed.clone()));
            }
            None => candidates.within.extend([tag, production].into_iter().flatten()),
        }
        if let Some(group) = group {
            candidates.spans = Cow::Borrowed(group.runs);
        }
        candidates.updated.clone_from(&self.updated);
        candidates.excluded = std::mem::take(&mut self.excluded);
        candidates
    }

    /// The scope of the selector, from the counts of a pass.
    pub(crate) fn scope(self, counts: &CandidateCounts, limit: Limit) -> Scope {
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
