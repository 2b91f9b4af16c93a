//! UUIDs of devices.

use super::bad_cell::{BadCell, Reason};
use super::column::{TextColumn, present};
use crate::ids::Uuid;
use crate::uuid_list::column::parse_cell;

/// Reads a column of UUIDs, in every form that a UUID list accepts.
///
/// `are_bytes`: the source has a binary column, so that a cell of 16 bytes is a UUID.
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
