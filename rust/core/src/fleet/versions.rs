//! Which devices of a loaded fleet report which target version.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use foldhash::fast::RandomState;

use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::Position;

/// Target versions, as a set for each of them or as a column from which sets are made when they are asked for.
#[derive(Clone, Debug)]
pub(crate) enum Versions {
    /// What a frozen fleet keeps: selections read whole sets.
    Sets(BTreeMap<u32, FleetSet>),
    /// What a moment of a live fleet keeps, which may be asked for one selection and no more.
    Column {
        /// By position; negative if unknown.
        versions: Vec<i32>,
        sets: OnceLock<BTreeMap<u32, FleetSet>>,
    },
}

impl Versions {
    /// The sets of a column by position.
    pub(crate) fn sets_of(column: &[i32]) -> Self {
        Self::Sets(sets_of(column))
    }

    /// A set for each target version that occurs.
    pub(crate) fn sets(&self) -> &BTreeMap<u32, FleetSet> {
        match self {
            Self::Sets(sets) => sets,
            Self::Column { versions, sets } => {
                // Computed first: a child that is forked during `get_or_init` would wait for the parent's thread forever.
                match sets.get() {
                    Some(sets) => sets,
                    None => {
                        let computed = sets_of(versions);
                        sets.get_or_init(|| computed)
                    }
                }
            }
        }
    }

    /// The target version of the device at a position, if it is known.
    pub(crate) fn of(&self, position: Position) -> Option<u32> {
        match self {
            Self::Sets(sets) => {
                sets.iter().find(|(_, devices)| devices.contains(position)).map(|(&version, _)| version)
            }
            Self::Column { versions, .. } => u32::try_from(versions[position as usize]).ok(),
        }
    }

    /// Sets that together are the devices at a target version or above it.
    pub(crate) fn from(&self, version: u32) -> Vec<Cow<'_, FleetSet>> {
        match self {
            Self::Sets(sets) => sets.range(version..).map(|(_, devices)| Cow::Borrowed(devices)).collect(),
            Self::Column { versions, .. } => {
                let reached = |&own: &i32| u32::try_from(own).is_ok_and(|own| own >= version);
                vec![Cow::Owned(FleetSet::from_column(versions.iter().map(reached)))]
            }
        }
    }

    /// One version for each of so many positions; negative if unknown.
    pub(crate) fn column(&self, rows: usize) -> Vec<i32> {
        match self {
            Self::Sets(sets) => {
                let mut column = vec![-1; rows];
                for (&version, devices) in sets {
                    devices.for_each(|position| column[position as usize] = version as i32);
                }
                column
            }
            Self::Column { versions, .. } => versions.clone(),
        }
    }
}

fn sets_of(column: &[i32]) -> BTreeMap<u32, FleetSet> {
    let mut members: HashMap<u32, Vec<Position>, RandomState> = HashMap::default();
    for (position, &version) in (0..).zip(column) {
        if let Ok(version) = u32::try_from(version) {
            members.entry(version).or_default().push(position);
        }
    }
    let rows = column.len();
    members.into_iter().map(|(version, members)| (version, FleetSet::from_ascending(rows, members))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_and_columns_say_the_same(column in prop::collection::vec(-1i32..6, 0..400), from in 0u32..8) {
            let sets = Versions::sets_of(&column);
            let lazy = Versions::Column { versions: column.clone(), sets: OnceLock::new() };
            for versions in [&sets, &lazy] {
                prop_assert_eq!(versions.column(column.len()), column.clone());
                let counts: Vec<(u32, u64)> = versions.sets().iter().map(|(&v, devices)| (v, devices.len())).collect();
                let expected: Vec<(u32, u64)> = (0..6)
                    .map(|v| (v, column.iter().filter(|&&own| own == v as i32).count() as u64))
                    .filter(|&(_, devices)| devices > 0)
                    .collect();
                prop_assert_eq!(counts, expected);
                let reached = versions.from(from);
                for (position, &own) in (0..).zip(&column) {
                    prop_assert_eq!(versions.of(position), u32::try_from(own).ok());
                    let is_reached = reached.iter().any(|set| set.contains(position));
                    prop_assert_eq!(is_reached, own >= from as i32);
                }
            }
        }
    }
}
