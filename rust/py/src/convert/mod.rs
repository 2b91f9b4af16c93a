//! Between Python's values and the core's, for all rooms.

pub(crate) mod arrays;
pub(crate) mod effort;
pub(crate) mod errors;
pub(crate) mod limits;
