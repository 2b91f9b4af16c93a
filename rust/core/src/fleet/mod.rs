//! A fleet: devices in columns, their indexes, and the live fleet that accepts check-ins.

pub mod columns;
#[expect(clippy::module_inception, reason = "the module of the type `Fleet`, among those of its parts")]
pub mod fleet;
pub(crate) mod groups;
pub(crate) mod hardware;
pub(crate) mod identity;
pub mod live;
pub(crate) mod lookup;
pub(crate) mod registry;
pub(crate) mod uuid_column;
pub(crate) mod uuid_index;
pub(crate) mod versions;

#[cfg(test)]
mod tests;
