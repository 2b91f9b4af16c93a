//! Merging selections from the shards of a fleet.
//!
//! A device's key depends only on its UUID, its `last_seen`, the seed, the instant and the settings. So the k smallest
//! keys of a fleet are the k smallest among the k smallest keys of each shard, for any split.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::error::CoreError;
use crate::fleet::fleet::Fleet;
use crate::ids::{Ordinal, Uuid};
use crate::select::candidates::CandidateCounts;
use crate::select::limit::Limit;
use crate::select::selection::Selection;

/// A pick of a merged selection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MergedPick {
    /// The index of its shard.
    pub shard: u32,
    /// Its ordinal in that shard.
    pub ordinal: Ordinal,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its key.
    pub key: f64,
}

/// The selection from a whole fleet.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The picks, by ascending key.
    pub picks: Vec<MergedPick>,
    /// What the limit resolves to.
    pub wanted: u64,
    /// The number of matching devices of all shards.
    pub matching: u64,
    /// The number of candidates of all shards.
    pub candidates: u64,
}

/// The next pick of a shard and its index there, ordered by key, then UUID.
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

/// Merges selections from the shards of one fleet, each with its shard.
///
/// Cost: O(log n) per pick for n shards.
///
/// # Errors
/// Those of [`Limit::check`]. [`CoreError::UnlikeSelections`] if they differ in seed, instant or settings, or one lacks
/// the count of online devices that the limit needs; [`CoreError::ShortShard`] if one has fewer picks than the merged
/// selection may need; [`CoreError::RepeatedDevice`] if two contain the same device.
pub fn merge(shards: &[(&Fleet, &Selection)], limit: Limit) -> Result<Merged, CoreError> {
    limit.check()?;
    let mut counts = CandidateCounts::default();
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
    let wanted = limit.resolve(&counts);
    for (at, (fleet, selection)) in shards.iter().enumerate() {
        let (picked, needed) = (selection.ordinals.len() as u64, wanted.min(selection.scope(fleet).remaining));
        if picked < needed {
            return Err(CoreError::ShortShard { shard: at, picked, needed });
        }
    }
    let head = |shard: usize, index: usize| {
        let (fleet, selection) = shards[shard];
        let ordinal = *selection.ordinals.get(index)?;
        let pick =
            MergedPick { shard: shard as u32, ordinal, uuid: fleet.uuid(ordinal), key: selection.key(fleet, ordinal) };
        Some(Reverse(Head(pick, index)))
    };
    let mut heads: BinaryHeap<Reverse<Head>> = (0..shards.len()).filter_map(|shard| head(shard, 0)).collect();
    let mut picks: Vec<MergedPick> = Vec::with_capacity(wanted.min(counts.remaining) as usize);
    while (picks.len() as u64) < wanted {
        let Some(Reverse(Head(pick, index))) = heads.pop() else { break };
        // A device has the same key in every shard, so a repeated one comes twice in a row.
        if let Some(last) = picks.last().filter(|last| last.uuid == pick.uuid) {
            return Err(CoreError::RepeatedDevice { uuid: pick.uuid, shards: [last.shard, pick.shard] });
        }
        heads.extend(head(pick.shard as usize, index + 1));
        picks.push(pick);
    }
    Ok(Merged { picks, wanted, matching: counts.matching, candidates: counts.remaining })
}
