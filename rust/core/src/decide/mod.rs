//! Deciding how far a wave goes: gates, strategies, and the simulation of strategies.

pub mod fit;
pub mod gate;
pub mod simulate;
