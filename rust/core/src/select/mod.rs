//! Selection: what a selector matches, the candidates, the sample, and the explanation of a pick.

pub mod breakdown;
pub(crate) mod candidates;
pub mod nearest;
pub mod sample;
pub(crate) mod scan;
pub mod selection;
pub mod selector;
pub mod shards;
