//! A selection: the devices that a selector, a limit and a seed pick from a fleet.

use std::sync::OnceLock;

use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::ids::Ordinal;
use crate::machine::effort::Effort;
use crate::sampling::clocks::{SeedKey, clock};
use crate::sampling::recency::Recency;
use crate::select::breakdown::{Breakdown, Counter};
use crate::select::limit::Limit;
use crate::select::sample::{Sample, count, sample};
use crate::select::selector::{OnMismatch, Scope, Selector};

/// Why resolving a selection's selector cannot fail.
pub(super) const RESOLVED: &str = "the selector was resolved when the selection was made";

/// The devices that a selector and a limit pick from a fleet.
///
/// Methods that take a fleet need the one that the selection was made from.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The picked devices, by ascending key.
    pub ordinals: Vec<Ordinal>,
    /// What the limit resolves to. The selection has fewer devices if there are fewer candidates.
    pub wanted: u64,
    pub(super) selector: Selector,
    pub(super) seed: u64,
    pub(super) recency: Recency,
    effort: Effort,
    /// Computed on first use if sampling did not count the candidates.
    pub(super) scope: OnceLock<Scope>,
}

impl Selection {
    /// Selects from a fleet.
    ///
    /// # Errors
    /// Those of [`Limit::check`]; [`CoreError::UnknownGroup`], [`CoreError::UnknownTag`], [`CoreError::EmptyList`],
    /// [`CoreError::MismatchedDevices`].
    ///
    /// # Examples
    /// ```
    /// # use groundswell_core::FleetColumns;
    /// use groundswell_core::{CoreError, Effort, Fleet, Limit, Recency, Selection, Selector};
    ///
    /// # let n = 100;
    /// # let columns = FleetColumns {
    /// #     uuids: (0..n).map(|i| [i as u8; 16]).collect(),
    /// #     last_seen: vec![1_795_000_000; n],
    /// #     groups: vec![-1; n],
    /// #     tags: vec![-1; n],
    /// #     production: vec![true; n],
    /// #     target_versions: vec![-1; n],
    /// #     ..FleetColumns::default()
    /// # };
    /// let fleet = Fleet::new(columns)?; // 100 production devices
    /// let recency = Recency::new(1_795_000_000, 4 * 3600, 24 * 3600)?;
    /// let seed = 7;
    /// let select = |limit| Selection::new(&fleet, Selector::default(), limit, seed, recency, Effort::default());
    /// let (ten, twenty) = (select(Limit::Count(10))?, select(Limit::Count(20))?);
    /// assert_eq!(ten.ordinals, twenty.ordinals[..10], "a larger limit extends the selection");
    /// # Ok::<(), CoreError>(())
    /// ```
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
        let mut candidates = resolved.candidates(fleet);
        if let Limit::Count(count) = limit {
            candidates.defer_sparse(count);
        }
        let Sample { ordinals, counts, wanted } =
            sample(fleet, &mut candidates, limit, &SeedKey::new(seed), &recency, &effort);
        drop(candidates);
        let scope = OnceLock::new();
        if let Some(counts) = counts {
            scope.get_or_init(|| resolved.scope(&counts, limit));
        }
        Ok(Self { ordinals, wanted, selector, seed, recency, effort, scope })
    }

    /// The sizes of the selector's sets.
    ///
    /// Cost: at most one pass over the sets, in the first call.
    pub fn scope(&self, fleet: &Fleet) -> &Scope {
        if let Some(scope) = self.scope.get() {
            return scope;
        }
        let mut resolved = self.selector.resolve(fleet).expect(RESOLVED);
        let counts = count(fleet, &resolved.candidates(fleet), false, &self.recency, &self.effort);
        // Only a selection of a count does not count the candidates.
        let scope = resolved.scope(&counts, Limit::Count(self.wanted));
        // Computed outside of `get_or_init`: a child that is forked inside it would wait forever for a thread it lacks.
        self.scope.get_or_init(|| scope)
    }

    /// The key of a device.
    ///
    /// # Panics
    /// For an ordinal beyond the last row.
    pub fn key(&self, fleet: &Fleet, ordinal: Ordinal) -> f64 {
        clock(fleet, fleet.layout().position(ordinal), &SeedKey::new(self.seed), &self.recency).key
    }

    /// The keys of the picked devices, ascending.
    pub fn keys(&self, fleet: &Fleet) -> Vec<f64> {
        let seed = SeedKey::new(self.seed);
        let position = |&ordinal: &Ordinal| fleet.layout().position(ordinal);
        self.ordinals.iter().map(|ordinal| clock(fleet, position(ordinal), &seed, &self.recency).key).collect()
    }

    /// What makes the keys of two selections incomparable, if anything.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<&'static str> {
        if self.seed != other.seed {
            Some("seed")
        } else if self.recency != other.recency {
            Some("instant, online threshold or half-life")
        } else {
            None
        }
    }

    /// The digest of the picked devices; see [`Fleet::digest`].
    pub fn digest(&self, fleet: &Fleet) -> [u8; 32] {
        fleet.digest(self.ordinals.iter().copied())
    }

    /// The picked devices and the candidates by recency band, group and hardware.
    ///
    /// Cost: a pass over the candidates.
    pub fn breakdown(&self, fleet: &Fleet) -> Breakdown {
        let selector = Selector { on_mismatch: OnMismatch::Skip, ..self.selector.clone() };
        let mut counter = Counter::new(fleet, self.recency.now());
        counter.count_picked(&self.ordinals);
        let candidates = selector.resolve(fleet).expect(RESOLVED).candidates(fleet);
        candidates.for_each_candidate(|position| counter.count_candidate(position));
        counter.finish()
    }
}
