//! Room in a vector that several threads write to, each to a part of its own.

use std::mem::MaybeUninit;

use crate::ids::Uuid;

/// Where the UUIDs that are read go, one after the other.
pub(super) trait Push {
    fn push(&mut self, uuid: Uuid);
}

impl Push for Vec<Uuid> {
    #[inline(always)]
    fn push(&mut self, uuid: Uuid) {
        self.push(uuid);
    }
}

/// Some places of a vector, after what it has.
pub(super) struct Room<'a> {
    places: &'a mut [MaybeUninit<Uuid>],
    /// The first of these places, counted from the first that was free.
    start: usize,
    /// How many of them are written, from the first on.
    used: usize,
    /// What came when all of them were.
    beyond: Vec<Uuid>,
}

impl Push for Room<'_> {
    #[inline(always)]
    fn push(&mut self, uuid: Uuid) {
        if let Some(place) = self.places.get_mut(self.used) {
            place.write(uuid);
            self.used += 1;
        } else {
            self.beyond.push(uuid);
        }
    }
}

/// Appends to a vector what is pushed to so many rooms, one after the other; to those of them that `fill` says count,
/// which are the first. Returns how many of these were appended: the last of them may not fit into the capacity.
///
/// Nothing is copied where each of them is full in the end, the last that counts excepted.
pub(super) fn append(uuids: &mut Vec<Uuid>, sizes: &[usize], fill: impl FnOnce(&mut [Room<'_>]) -> usize) -> usize {
    let places = uuids.spare_capacity_mut();
    let mut rooms = split(places, sizes);
    let count = fill(&mut rooms);
    let mut parts: Vec<Part> = rooms.into_iter().take(count).map(Part::of).collect();
    let mut end = 0;
    for part in &mut parts {
        part.goes_to = end;
        end += part.used + part.beyond.len();
    }
    let fit = parts.iter().take_while(|part| part.end() <= places.len()).count();
    parts.truncate(fit);
    // None is written over before it has moved: they stay in order, so that those on the way to the left are out of the
    // way of those before them, and those on the way to the right out of the way of those after them.
    let (left, right): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.goes_to <= part.start);
    for part in left.into_iter().chain(right.into_iter().rev()) {
        places.copy_within(part.start..part.start + part.used, part.goes_to);
    }
    for part in &parts {
        for (place, uuid) in places[part.goes_to + part.used..].iter_mut().zip(&part.beyond) {
            place.write(*uuid);
        }
    }
    let written = parts.last().map_or(0, Part::end);
    #[allow(unsafe_code, reason = "benches/kernels.rs: what one of two threads has read need not be copied")]
    // SAFETY: so many places there are, and each is written: of a part `used` were, which only `push` counts, and they
    // are where the part goes now, with those beyond after them; and each part goes to where the one before it ends.
    unsafe {
        uuids.set_len(uuids.len() + written);
    }
    fit
}

/// Rooms of these sizes, as far as there are places.
fn split<'a>(mut places: &'a mut [MaybeUninit<Uuid>], sizes: &[usize]) -> Vec<Room<'a>> {
    let mut start = 0;
    let rooms = sizes.iter().map(|&size| {
        let size = size.min(places.len());
        let places = places.split_off_mut(..size).expect("no more than there are");
        start += size;
        Room { start: start - size, used: 0, beyond: Vec::new(), places }
    });
    rooms.collect()
}

/// What was pushed to a room.
struct Part {
    start: usize,
    used: usize,
    beyond: Vec<Uuid>,
    /// Where its first place is to be.
    goes_to: usize,
}

impl Part {
    fn of(room: Room<'_>) -> Self {
        Self { start: room.start, used: room.used, beyond: room.beyond, goes_to: 0 }
    }

    fn end(&self) -> usize {
        self.goes_to + self.used + self.beyond.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rooms_follow_each_other_whatever_their_sizes(
            before in 0usize..5,
            parts in prop::collection::vec((0usize..20, 0usize..20), 0..6),
            capacity in 0usize..120,
            count in 0usize..6,
        ) {
            let mut uuids: Vec<Uuid> = Vec::with_capacity(before + capacity);
            uuids.extend((0..before).map(|_| [0xFF; 16]));
            let spare = uuids.capacity() - before;
            let value = |part: usize, at: usize| [part as u8, at as u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
            let sizes: Vec<usize> = parts.iter().map(|&(size, _)| size).collect();
            let mut left = spare;
            let appended = append(&mut uuids, &sizes, |rooms| {
                for (part, (room, &(_, pushed))) in rooms.iter_mut().zip(&parts).enumerate() {
                    (0..pushed).for_each(|at| room.push(value(part, at)));
                    let size = sizes[part].min(left);
                    left -= size;
                    assert_eq!(room.beyond.len(), pushed.saturating_sub(size));
                }
                count
            });
            let mut expected = vec![[0xFF; 16]; before];
            let mut fit = 0;
            for (part, &(_, pushed)) in parts.iter().enumerate().take(count) {
                if expected.len() - before + pushed > spare {
                    break;
                }
                expected.extend((0..pushed).map(|at| value(part, at)));
                fit += 1;
            }
            prop_assert_eq!(appended, fit);
            prop_assert_eq!(uuids, expected);
        }
    }
}
