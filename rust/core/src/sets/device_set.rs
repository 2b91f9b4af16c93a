//! Sets of devices by ordinal.
//!
//! A [`DeviceSet`] is a roaring bitmap, for storing and exchanging sets. A [`WordSet`] has one bit per device of a
//! fleet, for scans. The portable Roaring format has the same bytes as CRoaring and pyroaring write.

use std::ops::{BitAnd, BitOr, BitXor, Sub};

use roaring::RoaringBitmap;

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

    /// The set of these ordinals, in any order, with or without repeats.
    ///
    /// # Examples
    /// ```
    /// use groundswell_core::{CoreError, DeviceSet};
    ///
    /// let (canary, europe) = (DeviceSet::from_ordinals(&[3, 1, 3]), DeviceSet::from_ordinals(&[3, 7]));
    /// assert_eq!((&canary & &europe).iter().collect::<Vec<_>>(), [3]);
    /// assert_eq!(DeviceSet::from_portable(&canary.to_portable())?, canary);
    /// # Ok::<(), CoreError>(())
    /// ```
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
    /// [`CoreError::BadDeviceSet`] if the bytes are not such a set, are truncated, or have trailing bytes.
    pub fn from_portable(bytes: &[u8]) -> Result<Self, CoreError> {
        let mut rest = bytes;
        let set = RoaringBitmap::deserialize_from(&mut rest)
            .map_err(|error| CoreError::BadDeviceSet { reason: error.to_string() })?;
        if !rest.is_empty() {
            return Err(CoreError::BadDeviceSet { reason: format!("{} bytes follow its end", rest.len()) });
        }
        Ok(Self(set))
    }

    /// Serialises to the portable Roaring format, with run containers where they are shorter.
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

    /// The greatest ordinal; `None` if the set is empty.
    pub fn max(&self) -> Option<Ordinal> {
        self.0.max()
    }

    /// The ordinals, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Ordinal> + '_ {
        self.0.iter()
    }

    /// Serialises to the portable Roaring format, without the search for run containers, which costs time.
    pub(crate) fn serialized(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.serialized_size());
        self.0.serialize_into(&mut bytes).expect("a Vec takes every write");
        bytes
    }

    /// Appends the ordinals of one chunk, given as ascending lower halves. All ordinals in the set are in earlier
    /// chunks.
    pub(crate) fn append_chunk(&mut self, chunk: usize, lows: &[u16]) {
        let first = (chunk as Ordinal) << 16;
        self.0.append(lows.iter().map(|&low| first | Ordinal::from(low))).expect("ascending");
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
        fn chunks_are_put_together_in_order(a in ordinals()) {
            let plain: BTreeSet<u32> = a.iter().copied().collect();
            let plain: Vec<u32> = plain.into_iter().collect();
            let mut set = DeviceSet::new();
            for chunk in plain.chunk_by(|a, b| a >> 16 == b >> 16) {
                let lows: Vec<u16> = chunk.iter().map(|&ordinal| ordinal as u16).collect();
                set.append_chunk(chunk[0] as usize >> 16, &lows);
            }
            prop_assert_eq!(set, DeviceSet::from_ordinals(&a));
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
