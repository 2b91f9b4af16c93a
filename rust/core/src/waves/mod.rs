//! Waves: their sets, rollouts, status, and which metadata a device is served.

pub mod request;
pub mod rollout;
pub mod serving;
pub mod staging;
pub mod status;
pub mod wave;
