//! Sorting what is nearly even: each is put where it probably belongs, and what is near is set right.

use std::cmp::Ordering;

/// An element that is farther from its place than this is in a crowd. To compare all neighbours of crowds would take the
/// square of their number.
const FAR: usize = 16;

/// Sorts elements into as many others. `covered` is how much of the way from the least to the greatest that there may be
/// an element has covered, in parts of 2⁻³²; `comes_before` is their order where that is the same, and else agrees with
/// it, as theirs as elements does. It tells any two different elements apart.
///
/// Costs a few passes over elements that are nearly even, and no more than sorting does over others. `places` is memory
/// that is used again.
#[inline]
pub(crate) fn sort_nearly_even<T: Copy + Ord>(
    elements: &[T],
    sorted: &mut [T],
    places: &mut Vec<u32>,
    covered: impl Fn(T) -> u32,
    comes_before: impl Fn(T, T) -> bool,
) {
    let count = elements.len();
    // As many places as elements. How many go into each; then, where those of each place begin.
    let place = |element: T| ((u64::from(covered(element)) * count as u64) >> 32) as usize;
    places.clear();
    places.resize(count, 0);
    for &element in elements {
        places[place(element)] += 1;
    }
    let mut before = 0;
    for place in &mut *places {
        before += std::mem::replace(place, before);
    }
    for &element in elements {
        let next = &mut places[place(element)];
        sorted[*next as usize] = element;
        *next += 1;
    }
    // One place holds one element on average, and seldom more than four.
    for _ in 0..2 {
        exchange_neighbours(sorted);
        exchange_neighbours(sorted.get_mut(1..).unwrap_or_default());
    }
    insertion_sort(sorted, comes_before);
}

/// Puts every second element and the one that follows it in order, whether they were or not: without a decision that a
/// CPU would guess wrong every other time.
#[inline]
fn exchange_neighbours<T: Copy + Ord>(elements: &mut [T]) {
    let (pairs, _) = elements.as_chunks_mut::<2>();
    for [one, next] in pairs {
        (*one, *next) = ((*one).min(*next), (*one).max(*next));
    }
}

/// Sorts what is nearly sorted; what turns out not to be, as quickly as sorting is.
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
        if at - to > FAR {
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
        sort_nearly_even(elements, &mut sorted, &mut Vec::new(), |element| (element >> 32) as u32, |a, b| a < b);
        assert_eq!(sorted, expected);
    }

    proptest! {
        #[test]
        fn elements_are_sorted_however_they_are_spread(
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
    fn a_crowd_takes_no_square_of_its_number() {
        // A million in one place, the last first: it would take minutes.
        check(&(0..1_000_000).rev().collect::<Vec<u64>>());
    }
}
