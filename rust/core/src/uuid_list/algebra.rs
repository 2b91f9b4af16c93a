//! Union, intersection and difference of lists. A result has each UUID once, in the order of first appearance.

use crate::ids::Uuid;
use crate::uuid_list::uuid_table::{BATCH, UuidTable};

/// The UUIDs that are in any of the lists: those of the first list, then the new ones of the second, and so on.
///
/// # Examples
/// ```
/// use groundswell_core::uuid_list::{intersect, subtract, union};
///
/// let (a, b) = ([[1; 16], [2; 16]], [[2; 16], [3; 16]]);
/// assert_eq!(union(&[&a, &b]), [[1; 16], [2; 16], [3; 16]]);
/// assert_eq!(intersect(&[&a, &b]), [[2; 16]]);
/// assert_eq!(subtract(&[&a, &b]), [[1; 16]]);
/// ```
pub fn union(lists: &[&[Uuid]]) -> Vec<Uuid> {
    let mut united = DistinctUuids::with_capacity(lists.iter().map(|list| list.len()).max().unwrap_or(0));
    for list in lists {
        united.add(list);
    }
    united.uuids
}

/// The UUIDs that are in all lists, in the order of the first. Empty if there are no lists.
pub fn intersect(lists: &[&[Uuid]]) -> Vec<Uuid> {
    let Some((first, others)) = lists.split_first() else {
        return Vec::new();
    };
    let mut common = DistinctUuids::from(first);
    // found[row] = the number of lists, from the second on, that contain the UUID without interruption.
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

/// The UUIDs of the first list that are in no other, in its order. Empty if there are no lists.
pub fn subtract(lists: &[&[Uuid]]) -> Vec<Uuid> {
    let Some((first, others)) = lists.split_first() else {
        return Vec::new();
    };
    let mut remaining = DistinctUuids::from(first);
    let mut dropped = vec![false; remaining.uuids.len()];
    for list in others {
        remaining.for_each_row(list, |row| {
            if let Some(row) = row {
                dropped[row] = true;
            }
        });
    }
    let mut dropped = dropped.into_iter();
    remaining.uuids.retain(|_| dropped.next() == Some(false));
    remaining.uuids
}

/// Distinct UUIDs with their hash table.
struct DistinctUuids {
    uuids: Vec<Uuid>,
    table: UuidTable,
}

impl DistinctUuids {
    fn with_capacity(expected: usize) -> Self {
        Self { uuids: Vec::with_capacity(expected), table: UuidTable::with_capacity(expected) }
    }

    fn from(list: &[Uuid]) -> Self {
        let mut distinct = Self::with_capacity(list.len());
        distinct.add(list);
        distinct
    }

    /// Adds the UUIDs that are new.
    fn add(&mut self, list: &[Uuid]) {
        let mut hashes = [0; BATCH];
        for chunk in list.chunks(BATCH) {
            self.table.hash_all(chunk, &mut hashes);
            for (uuid, &hash) in chunk.iter().zip(&hashes) {
                self.uuids.push(*uuid);
                if self.table.insert(hash, self.uuids.len() - 1, &self.uuids).is_some() {
                    self.uuids.pop();
                }
            }
        }
    }

    /// Calls `each` with the row of every UUID of a list, or `None`.
    fn for_each_row(&self, list: &[Uuid], mut each: impl FnMut(Option<usize>)) {
        let mut hashes = [0; BATCH];
        for chunk in list.chunks(BATCH) {
            self.table.hash_all(chunk, &mut hashes);
            for (uuid, &hash) in chunk.iter().zip(&hashes) {
                each(self.table.row(hash, uuid, &self.uuids));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lists_give_an_empty_result() {
        assert!(union(&[]).is_empty() && intersect(&[]).is_empty() && subtract(&[]).is_empty());
    }

    #[test]
    fn one_list_gives_its_distinct_uuids() {
        let list = [[1; 16], [2; 16], [1; 16]];
        for operation in [union, intersect, subtract] {
            assert_eq!(operation(&[&list]), [[1; 16], [2; 16]]);
        }
    }

    #[test]
    fn a_repeat_within_one_list_does_not_count_twice() {
        let (first, second, third) = ([[1; 16], [2; 16]], [[1; 16], [1; 16]], [[2; 16]]);
        assert!(intersect(&[&first, &second, &third]).is_empty());
    }
}
