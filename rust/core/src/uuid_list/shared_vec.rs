//! A vector that several threads write to, each to its own segment of the spare capacity.

use std::mem::MaybeUninit;

use crate::ids::Uuid;

/// A destination of UUIDs.
pub(super) trait Push {
    fn push(&mut self, uuid: Uuid);
}

impl Push for Vec<Uuid> {
    #[inline(always)]
    fn push(&mut self, uuid: Uuid) {
        self.push(uuid);
    }
}

/// A segment of a vector's spare capacity.
pub(super) struct Segment<'a> {
    slots: &'a mut [MaybeUninit<Uuid>],
    /// The offset of the first slot within the spare capacity.
    start: usize,
    /// The number of slots that are written, from the first on.
    used: usize,
    /// The UUIDs that did not fit.
    overflow: Vec<Uuid>,
}

impl Push for Segment<'_> {
    #[inline(always)]
    fn push(&mut self, uuid: Uuid) {
        if let Some(slot) = self.slots.get_mut(self.used) {
            slot.write(uuid);
            self.used += 1;
        } else {
            self.overflow.push(uuid);
        }
    }
}

/// Lets `fill` write to disjoint segments of the vector's spare capacity, then compacts the first `n`, where `n` is what
/// `fill` returns.
///
/// Returns how many segments were appended: fewer than `n` if their overflow exceeds the capacity. If every segment but
/// the last is full, nothing is copied.
pub(super) fn append(uuids: &mut Vec<Uuid>, sizes: &[usize], fill: impl FnOnce(&mut [Segment<'_>]) -> usize) -> usize {
    let slots = uuids.spare_capacity_mut();
    let mut segments = split(slots, sizes);
    let count = fill(&mut segments);
    let mut parts: Vec<Part> = segments.into_iter().take(count).map(Part::of).collect();
    let mut end = 0;
    for part in &mut parts {
        part.target = end;
        end += part.used + part.overflow.len();
    }
    let fit = parts.iter().take_while(|part| part.end() <= slots.len()).count();
    parts.truncate(fit);
    // No part is overwritten before it has moved: parts that move left are copied in ascending order, then parts that
    // move right in descending order.
    let (left, right): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.target <= part.start);
    for part in left.into_iter().chain(right.into_iter().rev()) {
        slots.copy_within(part.start..part.start + part.used, part.target);
    }
    for part in &parts {
        for (slot, uuid) in slots[part.target + part.used..].iter_mut().zip(&part.overflow) {
            slot.write(*uuid);
        }
    }
    let written = parts.last().map_or(0, Part::end);
    #[allow(unsafe_code, reason = "benches/kernels.rs: what one of two threads has read need not be copied")]
    // SAFETY: the capacity suffices, because `fit` counts only parts that end within it. Every slot is initialised: the
    // parts are adjacent, and of each part `push` wrote `used` slots, which were moved to its target, followed by its
    // overflow.
    unsafe {
        uuids.set_len(uuids.len() + written);
    }
    fit
}

/// Splits slots into segments of these sizes; the last ones are shorter if there are too few slots.
fn split<'a>(mut slots: &'a mut [MaybeUninit<Uuid>], sizes: &[usize]) -> Vec<Segment<'a>> {
    let mut start = 0;
    let segments = sizes.iter().map(|&size| {
        let size = size.min(slots.len());
        let slots = slots.split_off_mut(..size).expect("at most the length");
        start += size;
        Segment { start: start - size, used: 0, overflow: Vec::new(), slots }
    });
    segments.collect()
}

/// What was pushed to a segment.
struct Part {
    start: usize,
    used: usize,
    overflow: Vec<Uuid>,
    /// The offset that it moves to.
    target: usize,
}

impl Part {
    fn of(segment: Segment<'_>) -> Self {
        Self { start: segment.start, used: segment.used, overflow: segment.overflow, target: 0 }
    }

    fn end(&self) -> usize {
        self.target + self.used + self.overflow.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn segments_are_adjacent_after_compaction(
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
            let appended = append(&mut uuids, &sizes, |segments| {
                for (part, (segment, &(_, pushed))) in segments.iter_mut().zip(&parts).enumerate() {
                    (0..pushed).for_each(|at| segment.push(value(part, at)));
                    let size = sizes[part].min(left);
                    left -= size;
                    assert_eq!(segment.overflow.len(), pushed.saturating_sub(size));
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
