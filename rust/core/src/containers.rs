//! The containers of a roaring set, each the ordinals of one chunk, taken out of words of positions.
//!
//! The `roaring` crate hands out one ordinal after another; a scan wants words, and most containers of a big set are
//! words already. They lie open in the portable Roaring format, which is fixed for ever, and writing it is little more
//! than copying the set. So a rollout can leave out half a fleet at the price of a copy of its bits and one look at them
//! for each position that is in question.

use std::ops::Range;

use crate::device_set::{Bits, DeviceSet};
use crate::fleet::WORD;
use crate::fleet_set::{clear_run, fill_run};
use crate::ids::Ordinal;
use crate::layout::{CHUNK, Layout, Position};
use crate::prefetch::prefetch;

/// The cookie of a set without run containers; the number of containers follows.
const NO_RUNS: u32 = 12346;

/// The lower half of the cookie of a set with run containers; the upper half is the number of containers, less one.
const RUNS: u32 = 12347;

/// From this many containers on, a set with run containers has offsets, too.
const OFFSETS_FROM: usize = 4;

/// Up to this many ordinals a container that is no run container is an array of them.
const LONGEST_ARRAY: usize = 4096;

/// The words of a container.
const WORDS: usize = CHUNK / WORD;

/// A roaring set, container by container.
#[derive(Debug)]
pub(crate) struct Containers {
    bytes: Vec<u8>,
    len: u64,
    /// Ascending by chunk.
    places: Vec<Place>,
}

/// Where a container lies in the bytes.
#[derive(Debug)]
struct Place {
    chunk: u16,
    kind: Kind,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Array,
    Bitmap,
    Runs,
}

/// The lower halves of the ordinals of a chunk, in the form in which they are stored: little-endian.
enum Container<'a> {
    Array(&'a [[u8; 2]]),
    Bitmap(&'a [[u8; 8]]),
    /// The first of each run, and how many follow it.
    Runs(&'a [[[u8; 2]; 2]]),
}

impl Containers {
    /// The containers of a set. Costs a copy of it.
    pub(crate) fn of(set: &DeviceSet) -> Self {
        let bytes = set.serialized();
        let places = places(&bytes);
        Self { bytes, len: set.len(), places }
    }

    /// The number of ordinals in the set.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether an ordinal is in the set.
    pub(crate) fn contains(&self, ordinal: Ordinal) -> bool {
        let low = ordinal as u16;
        match self.container(ordinal as usize / CHUNK) {
            None => false,
            Some(Container::Array(lows)) => lows.binary_search_by_key(&low, |own| u16::from_le_bytes(*own)).is_ok(),
            Some(Container::Bitmap(words)) => {
                u64::from_le_bytes(words[usize::from(low) / WORD]) >> (usize::from(low) % WORD) & 1 == 1
            }
            Some(Container::Runs(runs)) => {
                let at = runs.partition_point(|run| positions_of(*run).end <= Position::from(low));
                runs.get(at).is_some_and(|run| positions_of(*run).contains(&Position::from(low)))
            }
        }
    }

    fn container(&self, chunk: usize) -> Option<Container<'_>> {
        let at = self.places.binary_search_by_key(&chunk, |place| usize::from(place.chunk)).ok()?;
        let Place { kind, start, end, .. } = self.places[at];
        let bytes = &self.bytes[start..end];
        let lows = bytes.as_chunks::<2>().0;
        Some(match kind {
            Kind::Array => Container::Array(lows),
            Kind::Bitmap => Container::Bitmap(bytes.as_chunks::<8>().0),
            Kind::Runs => Container::Runs(lows.as_chunks::<2>().0),
        })
    }

    /// Asks for what it takes to take the devices of the set out of a span, soon.
    #[inline(always)]
    pub(crate) fn ask_for(&self, layout: &Layout, span: &Range<Position>) {
        let chunk = span.start as usize / CHUNK;
        let (tables, container) = (layout.tables(), self.container(chunk));
        let (Some((_, positions)), Some(Container::Array(lows))) = (tables, container) else { return };
        if lows.len() <= span.len() {
            for low in lows {
                prefetch(positions, chunk * CHUNK + usize::from(u16::from_le_bytes(*low)));
            }
        }
    }

    /// Takes the devices of the set out of some words of a fleet, all of one chunk. The set may have ordinals that the
    /// fleet has not.
    #[inline(always)]
    pub(crate) fn exclude_from(&self, layout: &Layout, first: usize, scope: &mut [u64]) {
        if let Some(container) = self.container(first / WORDS) {
            match layout.tables() {
                None => container.exclude_as_it_is(first % WORDS, scope),
                Some((ordinals, positions)) => container.exclude_by(ordinals, positions, first, scope),
            }
        }
    }
}

/// Reads the head of the portable format.
///
/// # Panics
/// For bytes that are no set in that format.
fn places(portable: &[u8]) -> Vec<Place> {
    let mut head = Bytes(portable);
    let cookie = head.u32();
    let (containers, run_flags) = if cookie == NO_RUNS {
        (head.u32() as usize, None)
    } else {
        assert_eq!(cookie & 0xFFFF, RUNS, "a portable set begins with one of two cookies");
        let containers = (cookie >> 16) as usize + 1;
        (containers, Some(head.take(containers.div_ceil(8))))
    };
    let mut descriptions = Bytes(head.take(4 * containers));
    if run_flags.is_none() || containers >= OFFSETS_FROM {
        head.take(4 * containers);
    }
    let mut start = portable.len() - head.0.len();
    (0..containers)
        .map(|container| {
            let chunk = descriptions.u16();
            let devices = usize::from(descriptions.u16()) + 1;
            let (kind, length) = if run_flags.is_some_and(|flags| flags[container / 8] >> (container % 8) & 1 == 1) {
                let runs = usize::from(Bytes(&portable[start..]).u16());
                start += 2;
                (Kind::Runs, 4 * runs)
            } else if devices > LONGEST_ARRAY {
                (Kind::Bitmap, 8 * WORDS)
            } else {
                (Kind::Array, 2 * devices)
            };
            let place = Place { chunk, kind, start, end: start + length };
            start = place.end;
            place
        })
        .collect()
}

impl Container<'_> {
    /// Where positions are ordinals. `first` is the place of the first word in the chunk.
    #[inline(always)]
    fn exclude_as_it_is(&self, first: usize, scope: &mut [u64]) {
        match self {
            Self::Array(lows) => {
                let word_of = |low: &[u8; 2]| usize::from(u16::from_le_bytes(*low)) / WORD;
                let place_of = |word: usize| lows.partition_point(|low| word_of(low) < word);
                for low in &lows[place_of(first)..place_of(first + scope.len())] {
                    scope[word_of(low) - first] &= !(1 << (u16::from_le_bytes(*low) % WORD as u16));
                }
            }
            Self::Bitmap(words) => {
                for (word, own) in scope.iter_mut().zip(&words[first..]) {
                    *word &= !u64::from_le_bytes(*own);
                }
            }
            Self::Runs(runs) => {
                let (low, high) = ((first * WORD) as Position, ((first + scope.len()) * WORD) as Position);
                for run in runs.iter().map(|run| positions_of(*run)) {
                    let inside = run.start.max(low)..run.end.min(high);
                    clear_run(first, scope, inside);
                }
            }
        }
    }

    /// Where positions differ from ordinals; the tables are those of the layout. `first` is the first word's number in
    /// the fleet.
    #[inline(always)]
    fn exclude_by(&self, ordinals: &[u16], positions: &[u16], first: usize, scope: &mut [u64]) {
        let chunk = first / WORDS * CHUNK;
        let in_scope = &ordinals[first * WORD..ordinals.len().min((first + scope.len()) * WORD)];
        match self {
            // Few ordinals: where is each of them?
            Self::Array(lows) if lows.len() <= in_scope.len() => {
                let positions = &positions[chunk..];
                for low in lows.iter().map(|low| u16::from_le_bytes(*low)) {
                    let Some(&change) = positions.get(usize::from(low)) else { break };
                    let position = low ^ change;
                    if let Some(word) = scope.get_mut((usize::from(position) / WORD).wrapping_sub(first % WORDS)) {
                        *word &= !(1 << (usize::from(position) % WORD));
                    }
                }
            }
            // Few positions: is the ordinal at each of them among the many?
            Self::Array(lows) if in_scope.len() * FEW <= lows.len() => {
                for (at, (word, changes)) in scope.iter_mut().zip(in_scope.chunks(WORD)).enumerate() {
                    for bit in Bits(*word) {
                        let sought = (((first + at) * WORD) as u16 + bit as u16) ^ changes[bit as usize];
                        if lows.binary_search_by_key(&sought, |low| u16::from_le_bytes(*low)).is_ok() {
                            *word &= !(1 << bit);
                        }
                    }
                }
            }
            _ => {
                let words = self.words();
                for (at, (word, changes)) in scope.iter_mut().zip(in_scope.chunks(WORD)).enumerate() {
                    if *word != 0 {
                        *word &= !gather(&words, ((first + at) * WORD) as u16, changes);
                    }
                }
            }
        }
    }

    /// One bit for each ordinal of the chunk.
    fn words(&self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        match self {
            Self::Array(lows) => {
                for low in lows.iter().map(|low| usize::from(u16::from_le_bytes(*low))) {
                    words[low / WORD] |= 1 << (low % WORD);
                }
            }
            Self::Bitmap(bitmap) => {
                for (word, bits) in words.iter_mut().zip(*bitmap) {
                    *word = u64::from_le_bytes(*bits);
                }
            }
            Self::Runs(runs) => runs.iter().for_each(|run| fill_run(0, &mut words, positions_of(*run))),
        }
        words
    }
}

/// Up to this many ordinals for each position, they are expanded to words; of more, each position's is sought.
const FEW: usize = 16;

fn positions_of([start, more]: [[u8; 2]; 2]) -> std::ops::Range<Position> {
    let start = Position::from(u16::from_le_bytes(start));
    start..start + Position::from(u16::from_le_bytes(more)) + 1
}

/// The bits of the ordinals at no more than 64 positions from `first` on.
#[inline(always)]
fn gather(words: &[u64; WORDS], first: u16, changes: &[u16]) -> u64 {
    let bit = |ordinal: u16| words[usize::from(ordinal) / WORD] >> (ordinal % WORD as u16) & 1;
    let mut gathered = 0;
    for (lane, &change) in (0..).zip(changes) {
        gathered |= bit((first + lane) ^ change) << lane;
    }
    gathered
}

/// Little-endian numbers, one after another.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().expect("as many as were taken")
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::fleet_set::for_each_position;
    use crate::ids::fmix64;

    /// Two chunks and a part of a third, by position; in groups that lie in disorder, or in one group.
    fn layout(in_groups: bool) -> Layout {
        let code = |i: u64| if in_groups { (fmix64(i) % 6) as i32 - 1 } else { 0 };
        Layout::by_group(&(0..150_000).map(code).collect::<Vec<_>>(), 5).0
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn containers_of_every_kind_are_taken_out_of_any_words_of_a_chunk(
            parts in prop::collection::vec((0u32..3 * 65_536, 1u32..70_000, 1u32..60), 0..5),
            optimized in any::<bool>(),
            in_groups in any::<bool>(),
            (first, words) in (0usize..2344).prop_flat_map(|first| (Just(first), 1..=2344 - first)),
        ) {
            // Combs of one tooth in 1 are runs, in few are bitmaps, in many are arrays; some go on past the fleet.
            let plain: BTreeSet<u32> = parts
                .into_iter()
                .flat_map(|(start, length, gap)| (start..start + length).step_by(gap as usize))
                .collect();
            let mut set = DeviceSet::from_ordinals(&plain.iter().copied().collect::<Vec<_>>());
            if optimized {
                set = DeviceSet::from_portable(&set.to_portable()).unwrap();
            }
            let layout = layout(in_groups);
            let words = words.min(WORDS - first % WORDS);
            let mut scope = vec![u64::MAX; words];
            clear_run(first, &mut scope, (layout.rows().max(first * WORD) as Position)..((first + words) * WORD) as Position);
            let mut before = Vec::new();
            for_each_position(first, &scope, |position| before.push(position));
            Containers::of(&set).exclude_from(&layout, first, &mut scope);
            let mut left = Vec::new();
            for_each_position(first, &scope, |position| left.push(position));
            before.retain(|&position| !plain.contains(&layout.ordinal(position)));
            prop_assert_eq!(left, before);
        }
    }
}
