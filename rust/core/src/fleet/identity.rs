//! The identity hashes of a fleet, laid out so that a scan reads one cache line for eight devices.

use crate::machine::huge_pages;
use crate::machine::prefetch::prefetch;

/// Devices whose identity hashes lie in one line.
pub(crate) const LANES: usize = 8;

/// The identity hashes of eight devices: their lower halves, then their upper halves, in one cache line of 64 bytes.
///
/// The sampling algorithm mixes the halves in 32-bit lanes, so a vector register takes either half of a line as it is.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Line {
    pub(crate) low: [u32; LANES],
    pub(crate) high: [u32; LANES],
}

impl Line {
    /// The hash in a lane.
    #[inline(always)]
    pub(crate) fn hash(&self, lane: usize) -> u64 {
        (u64::from(self.high[lane]) << 32) | u64::from(self.low[lane])
    }
}

/// One identity hash a device. Lanes past the last device are zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdentityColumn(Vec<Line>);

impl IdentityColumn {
    /// The hashes in order, padded with zeros to a multiple of `multiple` devices, itself a multiple of the lanes.
    pub(crate) fn new(hashes: impl ExactSizeIterator<Item = u64>, multiple: usize) -> Self {
        let mut lines = huge_pages::filled(Line::default(), hashes.len().next_multiple_of(multiple) / LANES);
        for (at, hash) in hashes.enumerate() {
            let line = &mut lines[at / LANES];
            line.low[at % LANES] = hash as u32;
            line.high[at % LANES] = (hash >> 32) as u32;
        }
        Self(lines)
    }

    /// The hash of one device.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> u64 {
        self.0[at / LANES].hash(at % LANES)
    }

    /// Asks for the line of a device.
    #[inline]
    pub(crate) fn prefetch(&self, at: usize) {
        prefetch(&self.0, at / LANES);
    }

    /// All lines.
    #[inline]
    pub(crate) fn lines(&self) -> &[Line] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_come_back_and_padding_is_zero() {
        let hashes: Vec<u64> = (1..=77u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        let column = IdentityColumn::new(hashes.iter().copied(), 64);
        assert_eq!(column.lines().len(), 128 / LANES);
        assert!(hashes.iter().enumerate().all(|(at, &hash)| column.get(at) == hash));
        assert!((77..128).all(|at| column.get(at) == 0));
    }
}
