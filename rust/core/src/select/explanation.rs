//! Why a device is in a selection or not.

use std::cmp::Ordering;

use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::offender::Reason;
use crate::sampling::clocks::{SeedKey, clock};
use crate::sampling::recency::{Step, weight};
use crate::sampling::top_k::compare;
use crate::select::selection::{RESOLVED, Selection};
use crate::select::selector::{OnMismatch, Resolved, Selector};
use crate::sets::layout::Position;

/// Why a device was picked or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Whether the device was picked, or the first reason why not.
    pub verdict: Verdict,
    /// The device; `None` if the fleet does not have it.
    pub known: Option<KnownDevice>,
}

/// The facts about a device that decide its rank.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownDevice {
    /// Its ordinal.
    pub ordinal: Ordinal,
    /// Its recency step.
    pub step: Step,
    /// The weight of that step.
    pub weight: f64,
    /// Its key.
    pub key: f64,
    /// Its rank among the candidates by key, from 1; `None` if it is not a candidate.
    pub rank: Option<u64>,
}

/// Whether a device was picked, or why not. If several reasons apply, the first in this order is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The fleet has no such device.
    Unknown,
    /// A test device, and the selector allows only production devices.
    Test,
    /// It does not listen to the selector's tag.
    WrongTag,
    /// It is not in the selector's group.
    WrongGroup,
    /// It is not in the list of devices.
    NotListed,
    /// It reports the target version or a later one.
    Updated,
    /// It is excluded.
    Excluded,
    /// It is a candidate whose rank exceeds the limit.
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
    /// Explains why a device is in the selection or not.
    ///
    /// Cost: a pass over the candidates.
    pub fn explain(&self, fleet: &Fleet, uuid: &Uuid) -> Explanation {
        let Some(position) = fleet.position_of(uuid) else {
            return Explanation { verdict: Verdict::Unknown, known: None };
        };
        let selector = Selector { on_mismatch: OnMismatch::Skip, ..self.selector.clone() };
        let mut resolved = selector.resolve(fleet).expect(RESOLVED);
        let candidates = resolved.candidates(fleet);
        let seed = SeedKey::new(self.seed);
        let own = clock(fleet, position, &seed, &self.recency);
        let (mut is_candidate, mut smaller) = (false, 0);
        candidates.for_each_candidate(|other| {
            is_candidate |= other == position;
            let other = clock(fleet, other, &seed, &self.recency);
            smaller += u64::from(compare(fleet, other, own) == Ordering::Less);
        });
        let rank = is_candidate.then_some(smaller + 1);
        let verdict = match rank {
            Some(rank) if rank <= self.wanted => Verdict::Picked,
            Some(_) => Verdict::BeyondLimit,
            None => reason_out(&resolved, position),
        };
        let ordinal = fleet.layout().ordinal(position);
        let step = self.recency.step(fleet.last_seen(ordinal));
        Explanation { verdict, known: Some(KnownDevice { ordinal, step, weight: weight(step), key: own.key, rank }) }
    }
}

/// The first reason why a device is not a candidate.
fn reason_out(resolved: &Resolved<'_>, position: Position) -> Verdict {
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
            // Unreachable: only waves have targets.
            Reason::NoTarget => Self::Excluded,
        }
    }
}
