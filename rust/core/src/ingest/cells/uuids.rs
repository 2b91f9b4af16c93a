//! UUIDs of devices.

use super::bad_cell::{BadCell, Reason};
use super::column::{TextColumn, present};
use crate::ids::Uuid;
use crate::uuid_list::column::parse_cell;

/// Reads a column of UUIDs, in any form that a list accepts.
///
/// `are_bytes` says that the source calls the cells bytes: then 16 of them are a UUID, too.
pub fn read_uuids(column: TextColumn<'_>, are_bytes: bool) -> (Vec<Uuid>, Vec<BadCell>) {
    column.read(|cell| match <Uuid>::try_from(cell) {
        Ok(uuid) if are_bytes => Ok(uuid),
        _ => match parse_cell(cell) {
            Some(uuid) => Ok(uuid),
            None if present(cell).is_none() => Err((Reason::Empty, 0)),
            None => Err((Reason::NotUuid, 0)),
        },
    })
}
