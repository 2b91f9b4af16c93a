//! The UUIDs of a fleet, in 16 bytes a device that the scan reads half of.
//!
//! A scan reads identity hashes, 8 bytes a device. They need not be kept beside the UUIDs: for a given upper half of the
//! UUID the identity hash is a bijection of the lower half. So the upper half and the hash are the UUID.

use crate::fleet::identity::IdentityColumn;
use crate::ids::{Uuid, halves, identity_hash, lower_half};
use crate::machine::huge_pages;
use crate::machine::prefetch::prefetch;
use crate::sets::layout::Position;

/// One UUID a device, by position.
#[derive(Clone, Debug)]
pub(crate) struct UuidColumn {
    /// The upper halves.
    upper: Vec<u64>,
    /// The identity hashes, padded.
    identity: IdentityColumn,
}

impl UuidColumn {
    /// The column of these UUIDs, padded to a multiple of so many devices.
    pub(crate) fn new(uuids: impl ExactSizeIterator<Item = Uuid> + Clone, multiple: usize) -> Self {
        Self {
            upper: huge_pages::collected(uuids.clone().map(|uuid| halves(&uuid).0)),
            identity: IdentityColumn::new(uuids.map(|uuid| identity_hash(&uuid)), multiple),
        }
    }

    /// The UUID at a position.
    #[inline]
    pub(crate) fn get(&self, position: Position) -> Uuid {
        let upper = self.upper[position as usize];
        let lower = lower_half(upper, self.identity.get(position as usize));
        (u128::from(upper) << 64 | u128::from(lower)).to_be_bytes()
    }

    /// Whether this is the UUID at a position.
    #[inline]
    pub(crate) fn is(&self, position: Position, uuid: &Uuid) -> bool {
        self.upper[position as usize] == halves(uuid).0 && self.identity.get(position as usize) == identity_hash(uuid)
    }

    /// Asks for what tells the UUID at a position.
    #[inline]
    pub(crate) fn prefetch(&self, position: Position) {
        prefetch(&self.upper, position as usize);
        self.identity.prefetch(position as usize);
    }

    /// The identity hashes.
    #[inline]
    pub(crate) fn identity(&self) -> &IdentityColumn {
        &self.identity
    }
}
