//! The part of a fleet that check-ins do not change: UUIDs, groups, tags, production, hardware.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::error::CoreError;
use crate::fleet::columns::FleetColumns;
use crate::fleet::groups::Groups;
use crate::fleet::hardware::Hardware;
use crate::fleet::uuid_column::UuidColumn;
use crate::fleet::uuid_index::{Place, UuidIndex};
use crate::ids::{Ordinal, Uuid};
use crate::sets::fleet_set::{FleetSet, PositionList};
use crate::sets::layout::{Layout, Position};
use crate::sets::words::WORD;

/// Disjoint sets with names: tags.
#[derive(Clone, Debug)]
pub(crate) struct NamedSets {
    names: Vec<String>,
    sets: Vec<FleetSet>,
    by_name: HashMap<String, usize, RandomState>,
}

impl NamedSets {
    /// Builds one set per name. `codes` has one code per position: the index of a name, or a negative number.
    ///
    /// # Errors
    /// [`CoreError::BadColumns`] with `column` for a code without a name, or a repeated name.
    fn new(column: &'static str, names: Vec<String>, codes: &[i32]) -> Result<Self, CoreError> {
        let mut members = vec![Vec::new(); names.len()];
        for (position, &code) in (0..).zip(codes) {
            if let Ok(code) = usize::try_from(code) {
                members.get_mut(code).ok_or(CoreError::BadColumns { column })?.push(position);
            }
        }
        let by_name: HashMap<_, _, _> = names.iter().cloned().zip(0..).collect();
        if by_name.len() != names.len() {
            return Err(CoreError::BadColumns { column });
        }
        let sets = members.into_iter().map(|members| FleetSet::from_ascending(codes.len(), members)).collect();
        Ok(Self { names, sets, by_name })
    }

    /// The names, in their original order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Each name with its number of devices.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(String::as_str).zip(self.sets.iter().map(FleetSet::len))
    }

    /// The devices of a name.
    pub(crate) fn find(&self, name: &str) -> Option<&FleetSet> {
        self.by_name.get(name).map(|&at| &self.sets[at])
    }

    /// The name of the set that contains a device.
    pub(crate) fn name_of(&self, position: Position) -> Option<&str> {
        self.sets.iter().position(|set| set.contains(position)).map(|at| self.names[at].as_str())
    }

    /// One code per position: the index of its name, or −1.
    pub(crate) fn codes(&self, rows: usize) -> Vec<i32> {
        let mut codes = vec![-1; rows];
        for (code, set) in (0..).zip(&self.sets) {
            set.for_each(|position| codes[position as usize] = code);
        }
        codes
    }
}

/// The part of a fleet that check-ins do not change. Moments of one live fleet share it.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(super) layout: Layout,
    pub(super) uuids: UuidColumn,
    pub(super) index: UuidIndex,
    /// The devices that are not deleted; `None` if every row is a device.
    pub(super) present: Option<FleetSet>,
    pub(super) groups: Groups,
    pub(super) tags: NamedSets,
    pub(super) production: FleetSet,
    /// `None` if no device's hardware is known.
    pub(super) hardware: Option<Hardware>,
    pub(super) empty: FleetSet,
}

impl Registry {
    /// Builds the registry from columns of equal length, whose deleted rows are cleared.
    ///
    /// # Errors
    /// [`CoreError::RepeatedUuid`]; [`CoreError::BadColumns`] for a code without a name, or a repeated name.
    pub(super) fn new(columns: FleetColumns) -> Result<Self, CoreError> {
        let rows = columns.uuids.len();
        if columns.groups.iter().any(|&code| code >= columns.group_names.len() as i32) {
            return Err(CoreError::BadColumns { column: "groups" });
        }
        let (layout, runs) = Layout::by_group(&columns.groups, columns.group_names.len());
        let groups = Groups::new(columns.group_names, runs)?;
        drop(columns.groups);
        let given = &columns.uuids;
        let by_position = (0..rows).map(|position| given[layout.ordinal(position as Position) as usize]);
        let uuids = UuidColumn::new(by_position, WORD);
        let index = UuidIndex::build(&uuids, &layout).map_err(|(first, second)| CoreError::RepeatedUuid {
            uuid: given[first as usize],
            first: first as usize,
            second: second as usize,
        })?;
        drop(columns.uuids);
        let set_of = |column: Vec<bool>| FleetSet::from_column(layout.by_position(column).into_iter());
        Ok(Self {
            tags: NamedSets::new("tags", columns.tag_names, &layout.by_position(columns.tags))?,
            production: set_of(columns.production),
            present: columns.present.map(set_of),
            hardware: match columns.hardware {
                Some(codes) => Some(Hardware::new(columns.hardware_names, &layout.by_position(codes))?),
                None => None,
            },
            empty: FleetSet::List(PositionList::default()),
            groups,
            uuids,
            index,
            layout,
        })
    }

    /// Whether the row at a position is a device; false for a deleted one.
    pub(super) fn is_present(&self, position: Position) -> bool {
        self.present.as_ref().is_none_or(|present| present.contains(position))
    }

    /// The position of a device, if the fleet has it.
    pub(crate) fn position(&self, ordinal: Ordinal) -> Option<Position> {
        let in_range = (ordinal as usize) < self.layout.rows();
        in_range.then(|| self.layout.position(ordinal)).filter(|&position| self.is_present(position))
    }

    /// Calls `each` with the position of every UUID, in order; `None` for a UUID that the fleet does not have.
    pub(crate) fn for_each_position(&self, uuids: &[Uuid], mut each: impl FnMut(Option<Position>)) {
        self.for_each_place(uuids, |found| each(found.map(|place| place.position)));
    }

    /// Calls `each` with the place of every UUID, in order; `None` for a UUID that the fleet does not have.
    pub(super) fn for_each_place(&self, uuids: &[Uuid], mut each: impl FnMut(Option<Place>)) {
        self.index.for_each(uuids, &self.uuids, |found| {
            each(found.filter(|place| self.is_present(place.position)));
        });
    }
}
