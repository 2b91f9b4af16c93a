//! The core of Groundswell: which devices a selector means, and which of them a sample picks.
//!
//! Pure computation: no Python, no clock, no file, no network. Time, seeds and settings are arguments.
//! Words and rules are those of the design page `domain`; the sampling algorithm is defined on the page `selection`.
//!
//! | module | what it decides |
//! | --- | --- |
//! | [`ids`] | what a UUID and an ordinal are; the identity hash |
//! | [`digest`](mod@digest) | the digest of a set of devices |
//! | [`device_set`] | sets of devices: roaring to keep and exchange, words to scan |
//! | [`portable_set`] | a set of devices as it was handed over |
//! | [`fleet`] | a frozen set of devices in columns |
//! | [`live`] | a fleet that takes check-ins |
//! | [`recency`] | how recently active a device is, in steps |
//! | [`selector`] | matching and candidate devices, what a percentage comes to, who is an offender |
//! | [`sample`] | algorithm 1: the picks |
//! | [`effort`] | how much of the machine a selection may use |
//! | [`kernel`] | which instructions the inner loops use |
//! | [`selection`] | a selector and a sample put together, and why a device is in or not |
//! | [`merge`] | the answer of a fleet from those of its shards |
//! | [`wave`] | the sets of a wave, and where it puts one device |
//! | [`rollout`] | what a rollout asks for, and the devices that it takes in |
//! | [`status`] | how far a wave has come, and the devices behind each count |
//! | [`breakdown`] | picked devices by recency band, group and hardware, next to the candidates |
//! | [`audience`] | which metadata a device is served |
//! | [`uuid_list`] | lists of UUIDs in text |
//! | [`json`] | devices in JSON |
//! | [`csv`] | the records of CSV |
//! | [`cells`] | what a cell of each column may hold |

#![deny(unsafe_code)]

pub mod audience;
pub mod breakdown;
pub mod cells;
mod clock;
mod containers;
pub mod csv;
pub mod device_set;
pub mod digest;
pub mod effort;
pub mod error;
pub mod fleet;
mod fleet_set;
mod groups;
mod hardware;
mod horizon;
pub mod huge_pages;
mod identity;
pub mod ids;
mod index;
pub mod json;
pub mod kernel;
mod layout;
pub mod live;
pub mod merge;
pub mod nearest;
mod nearly_even;
mod order;
pub mod portable_set;
mod prefetch;
pub mod recency;
pub mod rollout;
pub mod sample;
mod scan;
pub mod selection;
pub mod selector;
pub mod status;
mod survivors;
mod terms;
mod uuid_column;
pub mod uuid_list;
mod versions;
pub mod wave;
mod workers;

pub use breakdown::{Breakdown, Part};
pub use device_set::{DeviceSet, WordSet};
pub use effort::Effort;
pub use error::CoreError;
pub use fleet::{Fleet, FleetColumns};
pub use ids::{Ordinal, Uuid};
pub use kernel::Kernel;
pub use live::{CheckIns, LiveFleet, Received};
pub use portable_set::PortableSet;
pub use recency::{Recency, Step};
pub use rollout::{PlanCheck, Rollout, Staging};
pub use selection::{Explanation, Selection};
pub use selector::{Denominator, Limit, OnMismatch, Selector};
pub use status::{Covering, Reach, Status, Subset, Tally};
pub use wave::{Standing, Wave, WaveSets, WaveState};
