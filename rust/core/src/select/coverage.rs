//! The devices that a wave has reached, as a set that a scan can exclude.

use crate::fleet::fleet::Fleet;
use crate::fleet::groups::Group;
use crate::ids::Ordinal;
use crate::sets::device_set::DeviceSet;
use crate::sets::layout::{Layout, Position};
use crate::sets::portable_set::PortableSet;
use crate::sets::words::{WORD, clear_run};

/// staged ∪ whole groups, whether or not the devices match.
#[derive(Debug)]
pub(crate) struct Coverage<'a> {
    staged: &'a DeviceSet,
    portable: PortableSet,
    groups: Vec<Group<'a>>,
}

impl<'a> Coverage<'a> {
    /// The coverage of a staged set and of groups that were rolled out whole. Copies the staged set.
    pub(crate) fn new(staged: &'a DeviceSet, groups: Vec<Group<'a>>) -> Self {
        Self { staged, portable: staged.into(), groups }
    }

    /// Clears the bits of covered devices in `words`, which begin at word `first` of the fleet and lie in one chunk.
    #[inline(always)]
    pub(crate) fn exclude_from(&self, layout: &Layout, first: usize, words: &mut [u64]) {
        let positions = (first * WORD) as Position..((first + words.len()) * WORD) as Position;
        for group in &self.groups {
            for run in group.within(positions.clone()) {
                clear_run(first, words, run);
            }
        }
        self.portable.exclude_from(layout, first, words);
    }

    /// Whether a device is now in a group that was rolled out whole.
    pub(crate) fn is_in_whole_group(&self, fleet: &Fleet, ordinal: Ordinal) -> bool {
        fleet.position(ordinal).is_some_and(|position| self.groups.iter().any(|group| group.contains(position)))
    }

    /// Whether a device is covered.
    pub(crate) fn contains(&self, fleet: &Fleet, ordinal: Ordinal) -> bool {
        self.staged.contains(ordinal) || self.is_in_whole_group(fleet, ordinal)
    }
}
