//! Readers of devices in text: CSV, JSON, and the rules for the cells of every format.

pub mod cells;
pub mod csv;
pub mod json;
