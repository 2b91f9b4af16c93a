//! Sets of devices over ordinals, in the two forms that they take.
//!
//! A [`DeviceSet`] is a roaring bitmap: what is kept, exchanged and stored. A [`WordSet`] is one bit a device of the
//! whole fleet, in 64-bit words: what a scan reads. Sets are exchanged in the portable Roaring format, byte for byte
//! the same as CRoaring and pyroaring write.

use std::ops::{BitAnd, BitOr, BitXor, Sub};

use roaring::RoaringBitmap;

use crate::containers::for_each_word;
use crate::error::CoreError;
use crate::ids::Ordinal;

/// A set of ordinals as a roaring bitmap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceSet(RoaringBitmap);

impl DeviceSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The set of these ordinals, in any order, repeated or not.
    pub fn from_ordinals(ordinals: &[Ordinal]) -> Self {
        if ordinals.is_sorted_by(|a, b| a < b) {
            return Self::from_ascending(ordinals);
        }
        let mut sorted = ordinals.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        Self::from_ascending(&sorted)
    }

    fn from_ascending(ordinals: &[Ordinal]) -> Self {
        Self(RoaringBitmap::from_sorted_iter(ordinals.iter().copied()).expect("strictly ascending"))
    }

    /// Reads the portable Roaring format.
    ///
    /// # Errors
    /// [`CoreError::BadDeviceSet`] for bytes that are no such set, end early or go on after its end.
    pub fn from_portable(bytes: &[u8]) -> Result<Self, CoreError> {
        let mut rest = bytes;
        let set = RoaringBitmap::deserialize_from(&mut rest)
            .map_err(|error| CoreError::BadDeviceSet { reason: error.to_string() })?;
        if !rest.is_empty() {
            return Err(CoreError::BadDeviceSet { reason: format!("{} bytes follow its end", rest.len()) });
        }
        Ok(Self(set))
    }

    /// Writes the portable Roaring format, with run containers wherever they are shorter.
    pub fn to_portable(&self) -> Vec<u8> {
        let mut set = self.0.clone();
        set.optimize();
        let mut bytes = Vec::with_capacity(set.serialized_size());
        set.serialize_into(&mut bytes).expect("a Vec takes every write");
        bytes
    }

    /// The number of devices in the set.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether no device is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the device of this ordinal is in the set.
    pub fn contains(&self, ordinal: Ordinal) -> bool {
        self.0.contains(ordinal)
    }

    /// The greatest ordinal, if there is any.
    pub fn max(&self) -> Option<Ordinal> {
        self.0.max()
    }

    /// The ordinals, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Ordinal> + '_ {
        self.0.iter()
    }

    /// Calls `each` with the number of a word and those of its bits that are in the set: every device once.
    fn for_each_word(&self, each: impl FnMut(usize, u64)) {
        let mut bytes = Vec::with_capacity(self.0.serialized_size());
        self.0.serialize_into(&mut bytes).expect("a Vec takes every write");
        for_each_word(&bytes, each);
    }
}

impl BitAnd for &DeviceSet {
    type Output = DeviceSet;
    fn bitand(self, other: Self) -> DeviceSet {
        DeviceSet(&self.0 & &other.0)
    }
}

impl BitOr for &DeviceSet {
    type Output = DeviceSet;
    fn bitor(self, other: Self) -> DeviceSet {
        DeviceSet(&self.0 | &other.0)
    }
}

impl BitXor for &DeviceSet {
    type Output = DeviceSet;
    fn bitxor(self, other: Self) -> DeviceSet {
        DeviceSet(&self.0 ^ &other.0)
    }
}

impl Sub for &DeviceSet {
    type Output = DeviceSet;
    fn sub(self, other: Self) -> DeviceSet {
        DeviceSet(&self.0 - &other.0)
    }
}

/// One bit for each device of a fleet: device `o` is bit `o % 64` of word `o / 64`.
///
/// Bits past the fleet's last row are always zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordSet {
    devices: usize,
    words: Vec<u64>,
}

impl WordSet {
    /// No device of a fleet of this many rows.
    pub fn none(devices: usize) -> Self {
        Self { devices, words: vec![0; devices.div_ceil(64)] }
    }

    /// Every row of a fleet of this many.
    pub fn all(devices: usize) -> Self {
        let mut words = vec![u64::MAX; devices.div_ceil(64)];
        if let (Some(last), rest @ 1..) = (words.last_mut(), devices % 64) {
            *last = (1 << rest) - 1;
        }
        Self { devices, words }
    }

    /// The devices of a roaring set, all of which must belong to the fleet.
    pub fn from_set(devices: usize, set: &DeviceSet) -> Self {
        let mut words = Self::none(devices);
        set.for_each_word(|at, bits| words.words[at] |= bits);
        words
    }

    /// The devices of these ordinals, in any order, repeated or not, all of which must belong to the fleet.
    pub fn from_ordinals(devices: usize, ordinals: &[Ordinal]) -> Self {
        let mut words = Self::none(devices);
        for &ordinal in ordinals {
            words.insert(ordinal);
        }
        words
    }

    /// The same set as roaring.
    pub fn to_set(&self) -> DeviceSet {
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        DeviceSet(RoaringBitmap::from_lsb0_bytes(0, &bytes))
    }

    /// Puts a device into the set.
    ///
    /// # Panics
    /// For an ordinal that is not in the fleet.
    #[inline]
    pub fn insert(&mut self, ordinal: Ordinal) {
        self.words[ordinal as usize / 64] |= 1 << (ordinal % 64);
    }

    /// Takes a device out of the set; one beyond the fleet is not in it.
    #[inline]
    pub fn remove(&mut self, ordinal: Ordinal) {
        if let Some(word) = self.words.get_mut(ordinal as usize / 64) {
            *word &= !(1 << (ordinal % 64));
        }
    }

    /// Whether no device is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Whether the device of this ordinal is in the set; false for one beyond the fleet.
    #[inline]
    pub fn contains(&self, ordinal: Ordinal) -> bool {
        self.words.get(ordinal as usize / 64).is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    /// The number of devices in the set.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The number of rows of the fleet that the set is over.
    pub fn devices(&self) -> usize {
        self.devices
    }

    /// The words.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Keeps what is in the other set, too.
    pub fn intersect(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Takes out what is in the other set.
    pub fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// Keeps what is in a roaring set, too.
    pub fn intersect_set(&mut self, set: &DeviceSet) {
        let mut kept = Self::none(self.devices);
        set.for_each_word(|at, bits| {
            if let Some(word) = self.words.get(at) {
                kept.words[at] |= word & bits;
            }
        });
        *self = kept;
    }

    /// Takes out the devices of a roaring set: costs in proportion to that set, not to the fleet.
    pub fn subtract_set(&mut self, set: &DeviceSet) {
        set.for_each_word(|at, bits| {
            if let Some(word) = self.words.get_mut(at) {
                *word &= !bits;
            }
        });
    }

    /// The ordinals, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Ordinal> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| Bits(word).map(move |bit| (i * 64) as Ordinal + bit))
    }
}

/// The positions of a word's set bits, ascending.
#[derive(Clone, Copy, Debug)]
pub struct Bits(pub u64);

impl Iterator for Bits {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ordinals() -> impl Strategy<Value = Vec<u32>> {
        prop_oneof![
            prop::collection::vec(0u32..200_000, 0..300),
            (0u32..100_000, 1u32..70_000).prop_map(|(from, n)| (from..from + n).collect()),
            prop::collection::vec(any::<u32>(), 0..50),
        ]
    }

    proptest! {
        #[test]
        fn algebra_is_that_of_plain_sets(a in ordinals(), b in ordinals()) {
            let (x, y) = (DeviceSet::from_ordinals(&a), DeviceSet::from_ordinals(&b));
            let (a, b): (BTreeSet<u32>, BTreeSet<u32>) = (a.into_iter().collect(), b.into_iter().collect());
            prop_assert!((&x & &y).iter().eq(a.intersection(&b).copied()));
            prop_assert!((&x | &y).iter().eq(a.union(&b).copied()));
            prop_assert!((&x - &y).iter().eq(a.difference(&b).copied()));
            prop_assert!((&x ^ &y).iter().eq(a.symmetric_difference(&b).copied()));
            prop_assert_eq!(x.len(), a.len() as u64);
        }

        #[test]
        fn portable_bytes_come_back_as_the_same_set(a in ordinals()) {
            let set = DeviceSet::from_ordinals(&a);
            prop_assert_eq!(DeviceSet::from_portable(&set.to_portable()).unwrap(), set);
        }

        #[test]
        fn words_hold_what_the_roaring_set_holds(
            devices in 1usize..3000,
            a in prop::collection::btree_set(0u32..3000, 0..400),
            b in prop::collection::btree_set(0u32..3000, 0..400),
        ) {
            let keep = |set: &BTreeSet<u32>| -> Vec<u32> {
                set.iter().copied().filter(|&o| (o as usize) < devices).collect()
            };
            let (a, b) = (keep(&a), keep(&b));
            let (x, y) = (DeviceSet::from_ordinals(&a), DeviceSet::from_ordinals(&b));
            let words = |set: &DeviceSet| WordSet::from_set(devices, set);
            prop_assert!(words(&x).iter().eq(a.iter().copied()));
            prop_assert_eq!(words(&x).count(), x.len());
            prop_assert_eq!(words(&x).is_empty(), x.is_empty());
            prop_assert_eq!(words(&x).to_set(), x.clone());
            prop_assert_eq!(WordSet::from_ordinals(devices, &a.iter().rev().copied().collect::<Vec<_>>()), words(&x));
            let mut both = words(&x);
            both.intersect(&words(&y));
            prop_assert_eq!(&both, &words(&(&x & &y)));
            let mut less = words(&x);
            less.subtract(&words(&y));
            prop_assert_eq!(&less, &words(&(&x - &y)));
            let mut less = words(&x);
            less.subtract_set(&y);
            prop_assert_eq!(&less, &words(&(&x - &y)));
            let mut both = words(&x);
            both.intersect_set(&(&y | &DeviceSet::from_ordinals(&[3_000, 1 << 20, u32::MAX])));
            prop_assert_eq!(&both, &words(&(&x & &y)));
            let mut others = WordSet::all(devices);
            // What lies beyond the fleet is not in the set: taking it out changes nothing.
            others.subtract_set(&(&x | &DeviceSet::from_ordinals(&[3_000, 1 << 20, u32::MAX])));
            prop_assert_eq!(others.count(), devices as u64 - x.len());
        }
    }

    proptest! {
        #[test]
        fn containers_of_every_kind_hold_the_same_devices_as_words(
            parts in prop::collection::vec((0u32..6 * 65_536, 1u32..70_000, 1u32..40), 0..6),
            optimized in any::<bool>(),
        ) {
            // Combs of one tooth in 1 are runs, in few are bitmaps, in many are arrays.
            let plain: BTreeSet<u32> = parts
                .into_iter()
                .flat_map(|(start, length, gap)| (start..start + length).step_by(gap as usize))
                .collect();
            let mut set = DeviceSet::from_ordinals(&plain.iter().copied().collect::<Vec<_>>());
            if optimized {
                set = DeviceSet::from_portable(&set.to_portable()).unwrap();
            }
            let devices = 8 * 65_536;
            let words = WordSet::from_set(devices, &set);
            prop_assert!(words.iter().eq(plain.iter().copied()));
            let mut rest = WordSet::all(devices);
            rest.subtract_set(&set);
            prop_assert_eq!(rest.count(), (devices - plain.len()) as u64);
            rest.intersect_set(&set);
            prop_assert!(rest.is_empty());
            prop_assert_eq!(words.to_set(), set);
        }
    }

    #[test]
    fn bytes_that_are_no_set_are_refused() {
        let good = DeviceSet::from_ordinals(&[1, 2, 3, 1 << 20]).to_portable();
        assert!(DeviceSet::from_portable(&[]).is_err());
        assert!(DeviceSet::from_portable(&good[..good.len() - 1]).is_err());
        let longer: Vec<u8> = good.iter().copied().chain([0]).collect();
        assert!(DeviceSet::from_portable(&longer).is_err());
        assert!(DeviceSet::from_portable(b"not a roaring bitmap").is_err());
    }
}
