//! The core of Groundswell: which devices a selector means, and which of them a sample picks.
//!
//! Pure computation: no Python, no clock, no file, no network. Time, seeds and settings are arguments.
//! The design page `domain` defines the words and rules, the page `selection` the sampling algorithm.
//!
//! | room | contents |
//! | --- | --- |
//! | [`ids`] | UUIDs, ordinals, the identity hash |
//! | [`digest`](mod@digest) | the digest of a set of devices |
//! | [`error`], [`offender`] | every error of the core; why a listed device cannot be selected |
//! | [`machine`] | CPU instructions, threads, memory, sorting |
//! | [`sets`] | sets of devices: roaring bitmaps, bit vectors, position lists |
//! | [`fleet`] | a fleet in columns, its indexes, and the live fleet that accepts check-ins |
//! | [`sampling`] | the arithmetic of the sampling algorithm: recency, keys, thresholds, the k smallest keys |
//! | [`select`] | selectors, candidates, the pass over a fleet, selections |
//! | [`decide`] | gates, strategies, and their simulation |
//! | [`waves`] | waves, rollouts, status, which metadata a device is served |
//! | [`uuid_list`] | lists of UUIDs in text |
//! | [`ingest`] | readers of CSV and JSON, and the rules for each cell |

#![deny(unsafe_code)]

pub mod decide;
pub mod digest;
pub mod error;
pub mod fleet;
pub mod ids;
pub mod ingest;
pub mod machine;
pub mod offender;
pub mod sampling;
pub mod select;
pub mod sets;
pub mod uuid_list;
pub mod waves;

pub use error::CoreError;
pub use fleet::columns::FleetColumns;
pub use fleet::fleet::Fleet;
pub use fleet::live::{CheckIns, LiveFleet, Received};
pub use ids::{Ordinal, Uuid};
pub use machine::effort::Effort;
pub use machine::kernel::Kernel;
pub use sampling::recency::{Recency, Step};
pub use select::breakdown::{Breakdown, Part};
pub use select::explanation::Explanation;
pub use select::limit::{Denominator, Limit};
pub use select::selection::Selection;
pub use select::selector::{OnMismatch, Selector};
pub use sets::device_set::DeviceSet;
pub use sets::portable_set::PortableSet;
pub use sets::words::WordSet;
pub use waves::request::RolloutRequest;
pub use waves::rollout::PlanCheck;
pub use waves::staging::Staging;
pub use waves::status::{Counts, CoverageKind, Covering, Status, Subset};
pub use waves::wave::{Membership, Wave, WaveSets, WaveState};
