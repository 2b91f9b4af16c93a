//! Waves, rollouts and status, compared with plain sets: what domain.md says, in loops over devices.

mod listed_and_whole;
mod requests;
mod samples;
mod serving;
mod sets;
mod status;
mod support;
