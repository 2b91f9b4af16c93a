//! Selection: which devices a selector matches, which are candidates, which are picked, and why.
//!
//! | module | contents |
//! | --- | --- |
//! | [`selector`], [`limit`] | what is requested; the check of listed devices |
//! | `candidates`, `coverage` | the requested sets, evaluated chunk by chunk |
//! | `scan` | the pass over the candidates |
//! | `sample` | algorithm 1 |
//! | [`selection`], [`explanation`] | the picks, and why a device is one |
//! | [`shards`] | the selection of a whole fleet from those of its shards |
//! | [`breakdown`] | picks and candidates by recency, group and hardware |
//! | [`nearest`] | similar names for errors |

pub mod breakdown;
pub(crate) mod candidates;
pub(crate) mod coverage;
pub mod explanation;
pub mod limit;
pub mod nearest;
pub(crate) mod sample;
pub(crate) mod scan;
pub mod selection;
pub mod selector;
pub mod shards;

#[cfg(test)]
mod tests;
