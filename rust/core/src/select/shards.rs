//! The answer of a whole fleet from those of its shards.
//!
//! A device's key depends on its UUID, its activity, the seed, the instant and the settings, and on nothing else. So the
//! k smallest keys of a fleet are the k smallest among the k smallest of each of its shards, however it was split.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::select::candidates::Counts;
use crate::select::sample::share;
use crate::select::selection::Selection;
use crate::select::selector::Limit;

/// A pick of a merged selection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MergedPick {
    /// The place of its shard among those that were merged.
    pub shard: u32,
    /// Its ordinal in that shard.
    pub ordinal: Ordinal,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its key.
    pub key: f64,
}

/// What the selections of several shards come to together.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The picks, in key order.
    pub picks: Vec<MergedPick>,
    /// What the limit came to.
    pub wanted: u64,
    /// The number of matching devices of all shards.
    pub matching: u64,
    /// The number of candidates of all shards.
    pub candidates: u64,
}

/// A pick on its way into the merged selection: the least comes first.
struct Head(MergedPick, usize);

impl Head {
    fn order(&self, other: &Self) -> Ordering {
        self.0.key.total_cmp(&other.0.key).then_with(|| self.0.uuid.cmp(&other.0.uuid))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(other)
    }
}

/// Merges the selections of shards of one fleet, each with the fleet that it was made from.
///
/// Costs the logarithm of the number of shards for each pick.
///
/// # Errors
/// Those of [`Limit::check`]. [`CoreError::UnlikeSelections`] where they differ in seed, instant or settings, or one was
/// not told to count what the limit is a part of; [`CoreError::ShortShard`] where one picked so few that a device that
/// belongs here may be missing; [`CoreError::RepeatedDevice`] where two picked the same device.
pub fn merge(shards: &[(&Fleet, &Selection)], limit: Limit) -> Result<Merged, CoreError> {
    limit.check()?;
    let mut counts = Counts::default();
    for (at, (fleet, selection)) in shards.iter().enumerate() {
        if let Some(what) = selection.differs_from(shards[0].1) {
            return Err(CoreError::UnlikeSelections { shard: at, what });
        }
        let scope = selection.scope(fleet);
        counts.matching += scope.matching;
        counts.remaining += scope.remaining;
        match (limit.counts_online(), scope.online) {
            (true, None) => return Err(CoreError::UnlikeSelections { shard: at, what: "count of online devices" }),
            (true, Some(online)) => counts.online += online,
            (false, _) => {}
        }
    }
    let wanted = match limit {
        Limit::All => counts.remaining,
        Limit::Count(count) => count,
        Limit::Percent(thousandths, of) => share(thousandths, of, &counts),
    };
    for (at, (fleet, selection)) in shards.iter().enumerate() {
        let (picked, needed) = (selection.ordinals.len() as u64, wanted.min(selection.scope(fleet).remaining));
        if picked < needed {
            return Err(CoreError::ShortShard { shard: at, picked, needed });
        }
    }
    let head = |shard: usize, place: usize| {
        let (fleet, selection) = shards[shard];
        let ordinal = *selection.ordinals.get(place)?;
        let pick =
            MergedPick { shard: shard as u32, ordinal, uuid: fleet.uuid(ordinal), key: selection.key(fleet, ordinal) };
        Some(Reverse(Head(pick, place)))
    };
    let mut heads: BinaryHeap<Reverse<Head>> = (0..shards.len()).filter_map(|shard| head(shard, 0)).collect();
    let mut picks: Vec<MergedPick> = Vec::with_capacity(wanted.min(counts.remaining) as usize);
    while (picks.len() as u64) < wanted {
        let Some(Reverse(Head(pick, place))) = heads.pop() else { break };
        // The same device has the same key in every shard, so that it would come twice in a row.
        if let Some(last) = picks.last().filter(|last| last.uuid == pick.uuid) {
            return Err(CoreError::RepeatedDevice { uuid: pick.uuid, shards: [last.shard, pick.shard] });
        }
        heads.extend(head(pick.shard as usize, place + 1));
        picks.push(pick);
    }
    Ok(Merged { picks, wanted, matching: counts.matching, candidates: counts.remaining })
}
