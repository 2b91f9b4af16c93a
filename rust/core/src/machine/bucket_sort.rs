//! Bucket sort for elements whose keys are nearly uniform: one pass puts each near its place, a second corrects.

use std::cmp::Ordering;

/// Insertion sort gives up when an element is farther than this from its place: many equal keys would make it quadratic.
const MAX_SHIFT: usize = 16;

/// Sorts `elements` into `sorted`, which has the same length.
///
/// `key` maps an element to its place in the range of the elements, in units of 2⁻³². `comes_before` is a strict total
/// order that agrees with `key`, and with `Ord` where two keys differ. Allocates nothing if `starts` is reused.
///
/// Cost: a few passes for nearly uniform keys, a comparison sort otherwise.
#[inline]
pub(crate) fn bucket_sort<T: Copy + Ord>(
    elements: &[T],
    sorted: &mut [T],
    starts: &mut Vec<u32>,
    key: impl Fn(T) -> u32,
    comes_before: impl Fn(T, T) -> bool,
) {
    let count = elements.len();
    // As many buckets as elements: first the size of each bucket, then its start.
    let bucket = |element: T| ((u64::from(key(element)) * count as u64) >> 32) as usize;
    starts.clear();
    starts.resize(count, 0);
    for &element in elements {
        starts[bucket(element)] += 1;
    }
    let mut before = 0;
    for start in &mut *starts {
        before += std::mem::replace(start, before);
    }
    for &element in elements {
        let next = &mut starts[bucket(element)];
        sorted[*next as usize] = element;
        *next += 1;
    }
    // A bucket has one element on average, and rarely more than four.
    for _ in 0..2 {
        exchange_neighbours(sorted);
        exchange_neighbours(sorted.get_mut(1..).unwrap_or_default());
    }
    insertion_sort(sorted, comes_before);
}

/// Orders the elements 0 and 1, 2 and 3, and so on. Branchless, because the branch would be mispredicted half of the time.
#[inline]
fn exchange_neighbours<T: Copy + Ord>(elements: &mut [T]) {
    let (pairs, _) = elements.as_chunks_mut::<2>();
    for [one, next] in pairs {
        (*one, *next) = ((*one).min(*next), (*one).max(*next));
    }
}

/// Sorts elements that are nearly sorted; falls back to a comparison sort if they are not.
#[inline]
fn insertion_sort<T: Copy + Ord>(elements: &mut [T], comes_before: impl Fn(T, T) -> bool) {
    for at in 1..elements.len() {
        let element = elements[at];
        let mut to = at;
        while to > 0 && comes_before(element, elements[to - 1]) {
            elements[to] = elements[to - 1];
            to -= 1;
        }
        elements[to] = element;
        if at - to > MAX_SHIFT {
            elements.sort_unstable_by(|&a, &b| match comes_before(a, b) {
                true => Ordering::Less,
                false if a == b => Ordering::Equal,
                false => Ordering::Greater,
            });
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(elements: &[u64]) {
        let (mut sorted, mut expected) = (vec![0; elements.len()], elements.to_vec());
        expected.sort();
        bucket_sort(elements, &mut sorted, &mut Vec::new(), |element| (element >> 32) as u32, |a, b| a < b);
        assert_eq!(sorted, expected);
    }

    proptest! {
        #[test]
        fn elements_of_any_distribution_are_sorted(
            elements in prop_oneof![
                prop::collection::vec(any::<u64>(), 0..300),
                prop::collection::vec((0u64..4, any::<u8>()).prop_map(|(most, least)| most << 62 | u64::from(least)), 0..300),
                prop::collection::vec(0u64..100, 0..300),
            ],
        ) {
            check(&elements);
        }
    }

    #[test]
    fn equal_keys_do_not_take_quadratic_time() {
        // A million elements in one bucket, in descending order. Quadratic time would be minutes.
        check(&(0..1_000_000).rev().collect::<Vec<u64>>());
    }
}
