//! Sets of devices.
//!
//! - Over ordinals: [`DeviceSet`](device_set::DeviceSet), a roaring bitmap that callers store and exchange.
//! - Over positions: [`WordSet`](words::WordSet), one bit per device, and `FleetSet`, which is sparse where that is
//!   smaller. A scan reads these.
//!
//! `layout` maps ordinals to positions.

pub(crate) mod containers;
pub mod device_set;
pub(crate) mod fleet_set;
pub(crate) mod layout;
pub mod portable_set;
pub mod words;
