//! A roaring set that is read directly from its serialised bytes (the portable Roaring format).
//!
//! The `roaring` crate iterates over ordinals one by one, but a scan reads words, and most containers of a large set
//! are words already. Callers have sets in the portable format, which never changes. So a scan can exclude half a fleet
//! for the price of one bit test per position.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::error::CoreError;
use crate::ids::Ordinal;
use crate::machine::prefetch::prefetch;
use crate::sets::containers::{Container, WORDS};
use crate::sets::device_set::DeviceSet;
use crate::sets::layout::{CHUNK, Layout, Position};

/// The cookie of a set without run containers; the number of containers follows.
const NO_RUNS: u32 = 12346;

/// The lower half of the cookie of a set with run containers; the upper half is the number of containers, less one.
const RUNS: u32 = 12347;

/// From this many containers on, a set with run containers also has offsets.
const OFFSETS_FROM: usize = 4;

/// A container without runs is an array up to this many ordinals, and a bitmap above.
const MAX_ARRAY: usize = 4096;

/// A set of ordinals in the portable Roaring format. Cloning shares the bytes.
#[derive(Clone)]
pub struct PortableSet {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    /// Ascending by chunk.
    places: Arc<[Place]>,
    len: u64,
}

/// The location of a container in the bytes.
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

impl fmt::Debug for PortableSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortableSet({} ordinals)", self.len)
    }
}

impl From<&DeviceSet> for PortableSet {
    /// Cost: a copy of the set.
    fn from(set: &DeviceSet) -> Self {
        Self::read(set.serialized()).expect("a set writes what can be read")
    }
}

impl PortableSet {
    /// Parses the header of the portable Roaring format, and keeps the bytes.
    ///
    /// Checks that arrays and runs ascend. Does not check the cardinalities that the header gives for bitmaps and runs;
    /// no pick depends on them.
    ///
    /// # Errors
    /// [`CoreError::BadDeviceSet`] if the bytes are not such a set, are truncated, or have trailing bytes.
    pub fn read(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Self, CoreError> {
        let bad = |reason: String| CoreError::BadDeviceSet { reason };
        let (places, len) = places(bytes.as_ref()).map_err(bad)?;
        let end = places.last().map_or(HEAD_OF_NOTHING, |last| last.end);
        let after = bytes.as_ref().len() - end;
        if after > 0 {
            return Err(bad(format!("{after} bytes follow its end")));
        }
        let set = Self { bytes: Arc::new(bytes), places: places.into(), len };
        let ascend = set.places.is_sorted_by(|one, next| one.chunk < next.chunk)
            && set.places.iter().all(|place| set.container_at(place).ascends());
        if ascend { Ok(set) } else { Err(bad("its ordinals do not ascend".to_owned())) }
    }

    /// The number of ordinals in the set.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether no ordinal is in the set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether an ordinal is in the set.
    pub fn contains(&self, ordinal: Ordinal) -> bool {
        self.container(ordinal as usize / CHUNK).is_some_and(|container| container.contains(ordinal as u16))
    }

    /// Calls `each` with the ordinals from a chunk on, ascending.
    pub(crate) fn for_each_from(&self, chunk: usize, mut each: impl FnMut(Ordinal)) {
        let first = self.places.partition_point(|place| usize::from(place.chunk) < chunk);
        for place in &self.places[first..] {
            let upper = Ordinal::from(place.chunk) << 16;
            self.container_at(place).for_each(|low| each(upper | Ordinal::from(low)));
        }
    }

    fn container(&self, chunk: usize) -> Option<Container<'_>> {
        // Usually every chunk up to the last one has a container.
        let at = match self.places.get(chunk) {
            Some(place) if usize::from(place.chunk) == chunk => chunk,
            _ => self.places.binary_search_by_key(&chunk, |place| usize::from(place.chunk)).ok()?,
        };
        Some(self.container_at(&self.places[at]))
    }

    fn container_at(&self, place: &Place) -> Container<'_> {
        let bytes = &(*self.bytes).as_ref()[place.start..place.end];
        let lows = bytes.as_chunks::<2>().0;
        match place.kind {
            Kind::Array => Container::Array(lows),
            Kind::Bitmap => Container::Bitmap(bytes.as_chunks::<8>().0),
            Kind::Runs => Container::Runs(lows.as_chunks::<2>().0),
        }
    }

    /// Prefetches what excluding the set from a span needs.
    #[inline(always)]
    pub(crate) fn prefetch(&self, layout: &Layout, span: &Range<Position>) {
        let chunk = span.start as usize / CHUNK;
        let (tables, container) = (layout.tables(), self.container(chunk));
        let (Some((_, positions)), Some(Container::Array(lows))) = (tables, container) else { return };
        if lows.len() <= span.len() {
            for low in lows {
                prefetch(positions, chunk * CHUNK + usize::from(u16::from_le_bytes(*low)));
            }
        }
    }

    /// Subtracts the set from words of a fleet, all in one chunk. The set may contain ordinals that the fleet does not
    /// have.
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

/// The length of a set without containers.
const HEAD_OF_NOTHING: usize = 8;

/// Parses the header of the portable format: the location of each container, within the bytes, and its number of
/// ordinals. The error says what is wrong.
fn places(portable: &[u8]) -> Result<(Vec<Place>, u64), String> {
    let mut head = Bytes(portable);
    let cookie = head.u32()?;
    let (containers, run_flags) = if cookie == NO_RUNS {
        (head.u32()? as usize, None)
    } else if cookie & 0xFFFF == RUNS {
        let containers = (cookie >> 16) as usize + 1;
        (containers, Some(head.take(containers.div_ceil(8))?))
    } else {
        return Err(format!("it begins with {cookie}, not with {NO_RUNS} or {RUNS}"));
    };
    if containers > CHUNK {
        return Err(format!("it has {containers} containers; there are no more than {CHUNK}"));
    }
    let mut descriptions = Bytes(head.take(4 * containers)?);
    if run_flags.is_none() || containers >= OFFSETS_FROM {
        head.take(4 * containers)?;
    }
    let mut len = 0;
    let mut start = portable.len() - head.0.len();
    let places = (0..containers).map(|container| {
        let chunk = descriptions.u16()?;
        let devices = usize::from(descriptions.u16()?) + 1;
        len += devices as u64;
        let (kind, length) = if run_flags.is_some_and(|flags| flags[container / 8] >> (container % 8) & 1 == 1) {
            let runs = usize::from(head.u16()?);
            start += 2;
            (Kind::Runs, 4 * runs)
        } else if devices > MAX_ARRAY {
            (Kind::Bitmap, 8 * WORDS)
        } else {
            (Kind::Array, 2 * devices)
        };
        head.take(length)?;
        let place = Place { chunk, kind, start, end: start + length };
        start = place.end;
        Ok(place)
    });
    Ok((places.collect::<Result<_, String>>()?, len))
}

/// A reader of little-endian numbers.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("it ends early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.take(N)?.try_into().expect("as many as were taken"))
    }

    fn u16(&mut self) -> Result<u16, String> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::ids::fmix64;
    use crate::sets::words::WORD;
    use crate::sets::words::{clear_run, for_each_position};

    /// Two chunks and a part of a third, by position; in groups that lie in disorder, or in one group.
    fn layout(in_groups: bool) -> Layout {
        let code = |i: u64| if in_groups { (fmix64(i) % 6) as i32 - 1 } else { 0 };
        Layout::by_group(&(0..150_000).map(code).collect::<Vec<_>>(), 5).0
    }

    /// Combs of one tooth in 1 are runs, in few are bitmaps, in many are arrays; some go on past the fleet.
    fn combs() -> impl Strategy<Value = BTreeSet<Ordinal>> {
        prop::collection::vec((0u32..3 * 65_536, 1u32..70_000, 1u32..60), 0..5).prop_map(|combs| {
            combs.into_iter().flat_map(|(start, length, gap)| (start..start + length).step_by(gap as usize)).collect()
        })
    }

    /// The bytes of a set, with run containers or without.
    fn portable(plain: &BTreeSet<Ordinal>, optimized: bool) -> Vec<u8> {
        let set = DeviceSet::from_ordinals(&plain.iter().copied().collect::<Vec<_>>());
        if optimized { set.to_portable() } else { set.serialized() }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn containers_of_every_kind_are_taken_out_of_any_words_of_a_chunk(
            plain in combs(),
            optimized in any::<bool>(),
            in_groups in any::<bool>(),
            (first, words) in (0usize..2344).prop_flat_map(|first| (Just(first), 1..=2344 - first)),
        ) {
            let set = PortableSet::read(portable(&plain, optimized)).unwrap();
            let layout = layout(in_groups);
            let words = words.min(WORDS - first % WORDS);
            let mut scope = vec![u64::MAX; words];
            clear_run(first, &mut scope, (layout.rows().max(first * WORD) as Position)..((first + words) * WORD) as Position);
            let mut before = Vec::new();
            for_each_position(first, &scope, |position| before.push(position));
            set.exclude_from(&layout, first, &mut scope);
            let mut left = Vec::new();
            for_each_position(first, &scope, |position| left.push(position));
            before.retain(|&position| !plain.contains(&layout.ordinal(position)));
            prop_assert_eq!(left, before);
        }

        #[test]
        fn a_set_is_read_as_it_was_written(plain in combs(), optimized in any::<bool>()) {
            let set = PortableSet::read(portable(&plain, optimized)).unwrap();
            prop_assert_eq!((set.len(), set.is_empty()), (plain.len() as u64, plain.is_empty()));
            for chunk in 0..4 {
                let mut ordinals = Vec::new();
                set.for_each_from(chunk, |ordinal| ordinals.push(ordinal));
                prop_assert!(plain.range((chunk * CHUNK) as Ordinal..).copied().eq(ordinals));
            }
            let near = plain.iter().flat_map(|&ordinal| [ordinal.saturating_sub(1), ordinal, ordinal + 1]);
            prop_assert!(near.chain([0, u32::MAX]).all(|ordinal| set.contains(ordinal) == plain.contains(&ordinal)));
        }

        #[test]
        fn bytes_that_end_early_or_go_on_are_refused(
            plain in combs(),
            optimized in any::<bool>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = portable(&plain, optimized);
            prop_assert!(PortableSet::read(bytes[..cut.index(bytes.len())].to_vec()).is_err());
            bytes.push(0);
            let error = PortableSet::read(bytes).unwrap_err();
            prop_assert!(error.to_string().ends_with("1 bytes follow its end"), "{}", error);
        }

        #[test]
        fn any_bytes_are_a_set_or_refused(
            plain in combs(),
            optimized in any::<bool>(),
            flaws in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            ordinals in prop::collection::vec(0u32..4 * 65_536, 20),
        ) {
            // What is read of changed bytes must do no harm: none of this panics.
            let mut bytes = portable(&plain, optimized);
            for (at, byte) in flaws {
                let at = at.index(bytes.len().min(64));
                bytes[at] = byte;
            }
            if let Ok(set) = PortableSet::read(bytes) {
                ordinals.iter().for_each(|&ordinal| _ = set.contains(ordinal));
                let mut last = None;
                set.for_each_from(0, |ordinal| {
                    assert!(last < Some(ordinal), "it ascends");
                    last = Some(ordinal);
                });
                set.exclude_from(&layout(true), WORDS, &mut [u64::MAX; WORDS]);
            }
        }
    }

    #[test]
    fn what_does_not_ascend_is_refused() {
        let plain: BTreeSet<Ordinal> = (0..1000).map(|i| i * 7).collect();
        let mut bytes = portable(&plain, false);
        let last = bytes.len() - 2;
        bytes[last..].copy_from_slice(&[1, 0]);
        assert!(PortableSet::read(bytes).unwrap_err().to_string().ends_with("its ordinals do not ascend"));
    }
}
