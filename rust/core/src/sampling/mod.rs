//! The arithmetic of algorithm 1: a device's recency, its key, and the k smallest of many keys.
//!
//! Nothing here reads a set of candidates: `select::scan` does, and calls these functions.

pub mod clocks;
pub(crate) mod exponential;
pub(crate) mod prefilter;
pub mod recency;
pub(crate) mod threshold;
pub(crate) mod top_k;
