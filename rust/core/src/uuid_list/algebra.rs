//! Union, intersection and difference of lists. Every result has each UUID once, in order of first appearance.

use super::seen::{BATCH, Seen};
use crate::ids::Uuid;

/// The UUIDs that are in any of the lists: those of the first in its order, then the new ones of the next, and so on.
pub fn union(lists: &[&[Uuid]]) -> Vec<Uuid> {
    let mut united = Gathered::with_room_for(lists.iter().map(|list| list.len()).max().unwrap_or(0));
    for list in lists {
        united.add(list);
    }
    united.uuids
}

/// The UUIDs that are in all of the lists, in the order of the first. Of no lists: none.
pub fn intersect(lists: &[&[Uuid]]) -> Vec<Uuid> {
    let Some((first, others)) = lists.split_first() else {
        return Vec::new();
    };
    let mut common = Gathered::from(first);
    // In how many lists, one after another, each UUID was found: one that misses a list is left behind.
    let mut found = vec![0; common.uuids.len()];
    for (round, list) in others.iter().enumerate() {
        common.for_each_row(list, |row| {
            if let Some(row) = row.filter(|&row| found[row] == round) {
                found[row] += 1;
            }
        });
    }
    let mut rounds = found.into_iter();
    common.uuids.retain(|_| rounds.next() == Some(others.len()));
    common.uuids
}

/// The UUIDs of the first list that are in none of the others, in its order. Of no lists: none.
pub fn subtract(lists: &[&[Uuid]]) -> Vec<Uuid> {
    let Some((first, others)) = lists.split_first() else {
        return Vec::new();
    };
    let mut left = Gathered::from(first);
    let mut dropped = vec![false; left.uuids.len()];
    for list in others {
        left.for_each_row(list, |row| {
            if let Some(row) = row {
                dropped[row] = true;
            }
        });
    }
    let mut dropped = dropped.into_iter();
    left.uuids.retain(|_| dropped.next() == Some(false));
    left.uuids
}

/// Distinct UUIDs that can be looked up.
struct Gathered {
    uuids: Vec<Uuid>,
    seen: Seen,
}

impl Gathered {
    fn with_room_for(expected: usize) -> Self {
        Self { uuids: Vec::with_capacity(expected), seen: Seen::with_room_for(expected) }
    }

    fn from(list: &[Uuid]) -> Self {
        let mut gathered = Self::with_room_for(list.len());
        gathered.add(list);
        gathered
    }

    /// Adds those that are new.
    fn add(&mut self, list: &[Uuid]) {
        let mut hashes = [0; BATCH];
        for chunk in list.chunks(BATCH) {
            self.seen.hash_all(chunk, &mut hashes);
            for (uuid, &hash) in chunk.iter().zip(&hashes) {
                self.uuids.push(*uuid);
                if self.seen.see(hash, self.uuids.len() - 1, &self.uuids).is_some() {
                    self.uuids.pop();
                }
            }
        }
    }

    /// Tells the row of each UUID of a list, if it is here.
    fn for_each_row(&self, list: &[Uuid], mut tell: impl FnMut(Option<usize>)) {
        let mut hashes = [0; BATCH];
        for chunk in list.chunks(BATCH) {
            self.seen.hash_all(chunk, &mut hashes);
            for (uuid, &hash) in chunk.iter().zip(&hashes) {
                tell(self.seen.row(hash, uuid, &self.uuids));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_no_lists_there_is_nothing() {
        assert!(union(&[]).is_empty() && intersect(&[]).is_empty() && subtract(&[]).is_empty());
    }

    #[test]
    fn of_one_list_all_three_are_that_list_without_repeats() {
        let list = [[1; 16], [2; 16], [1; 16]];
        for operation in [union, intersect, subtract] {
            assert_eq!(operation(&[&list]), [[1; 16], [2; 16]]);
        }
    }

    #[test]
    fn a_uuid_repeated_in_one_list_is_not_in_two() {
        let (first, second, third) = ([[1; 16], [2; 16]], [[1; 16], [1; 16]], [[2; 16]]);
        assert!(intersect(&[&first, &second, &third]).is_empty());
    }
}
