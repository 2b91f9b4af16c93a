//! The groups of a fleet: runs of positions.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;

use crate::error::CoreError;
use crate::sets::layout::{Position, Run};

/// Groups by name. The devices of each are runs of positions, one for each chunk that has any.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    names: Vec<String>,
    by_name: HashMap<String, usize, RandomState>,
    /// The runs of each group, ascending, one group after another.
    runs: Vec<Range<Position>>,
    /// Where the runs of each group begin among them, and where the last one's end.
    first_runs: Vec<u32>,
    /// The number of devices of each group.
    sizes: Vec<u64>,
    /// All runs by position, those of devices without a group among them.
    by_position: Vec<Run>,
}

impl Groups {
    /// The groups of these names, each code of a run being the place of one; negative for none.
    ///
    /// # Errors
    /// [`CoreError::BadColumns`] for a code without a name, or a name that stands twice.
    pub(crate) fn new(names: Vec<String>, by_position: Vec<Run>) -> Result<Self, CoreError> {
        let bad = CoreError::BadColumns { column: "groups" };
        let by_name: HashMap<_, _, _> = names.iter().cloned().zip(0..).collect();
        if by_name.len() != names.len() {
            return Err(bad);
        }
        let mut of_groups: Vec<&Run> = by_position.iter().filter(|run| run.code >= 0).collect();
        of_groups.sort_by_key(|run| run.code);
        let mut first_runs = vec![0u32; names.len() + 1];
        let mut sizes = vec![0u64; names.len()];
        for run in &of_groups {
            let code = run.code as usize;
            *sizes.get_mut(code).ok_or(bad.clone())? += run.positions.len() as u64;
            first_runs[code + 1] += 1;
        }
        for code in 0..names.len() {
            first_runs[code + 1] += first_runs[code];
        }
        let runs = of_groups.into_iter().map(|run| run.positions.clone()).collect();
        Ok(Self { names, by_name, runs, first_runs, sizes, by_position })
    }

    /// The names, in the order in which they were given.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Each name with its number of devices.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(String::as_str).zip(self.sizes.iter().copied())
    }

    /// The devices of a group, if there is one of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Group<'_>> {
        let &code = self.by_name.get(name)?;
        let runs = &self.runs[self.first_runs[code] as usize..self.first_runs[code + 1] as usize];
        Some(Group { runs })
    }

    /// The code of the group of the device at a position; negative for none.
    pub(crate) fn code(&self, position: Position) -> i32 {
        self.by_position[self.by_position.partition_point(|run| run.positions.end <= position)].code
    }

    /// The name of the group of the device at a position.
    pub(crate) fn name_of(&self, position: Position) -> Option<&str> {
        usize::try_from(self.code(position)).ok().map(|code| self.names[code].as_str())
    }

    /// All runs by position, those of devices without a group among them.
    pub(crate) fn by_position(&self) -> &[Run] {
        &self.by_position
    }
}

/// The devices of one group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    /// Ascending; each within a chunk.
    pub(crate) runs: &'a [Range<Position>],
}

impl Group<'_> {
    /// Whether the device at a position is in the group.
    pub(crate) fn contains(&self, position: Position) -> bool {
        let at = self.runs.partition_point(|run| run.end <= position);
        self.runs.get(at).is_some_and(|run| run.contains(&position))
    }

    /// The parts of its runs that lie within these positions.
    #[inline]
    pub(crate) fn within(&self, positions: Range<Position>) -> impl Iterator<Item = Range<Position>> {
        let first = self.runs.partition_point(|run| run.end <= positions.start);
        let overlapping = self.runs[first..].iter().take_while(move |run| run.start < positions.end);
        overlapping.map(move |run| run.start.max(positions.start)..run.end.min(positions.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    fn groups(codes: &[i32], names: &[&str]) -> Result<Groups, CoreError> {
        let names: Vec<String> = names.iter().copied().map(String::from).collect();
        let (_, runs) = Layout::by_group(codes, names.len());
        Groups::new(names, runs)
    }

    #[test]
    fn a_device_is_in_its_group_and_in_no_other() {
        let codes: Vec<i32> = (0..200_000i64).map(|i| (i * i % 5) as i32 - 1).collect();
        let (layout, _) = Layout::by_group(&codes, 5);
        let names = ["a", "b", "c", "d", "nobody"];
        let groups = groups(&codes, &names).unwrap();
        for (ordinal, &code) in (0..).zip(&codes).step_by(97) {
            let position = layout.position(ordinal);
            assert_eq!(groups.code(position), code);
            assert_eq!(groups.name_of(position), usize::try_from(code).ok().map(|code| names[code]));
            for (of, name) in (0..).zip(names) {
                assert_eq!(groups.find(name).unwrap().contains(position), of == code);
            }
        }
        for (name, devices) in groups.counts() {
            let group = groups.find(name).unwrap();
            assert_eq!(group.runs.iter().map(|run| run.len() as u64).sum::<u64>(), devices);
            let cut = 1_000..150_000;
            let inside: Vec<Position> = group.runs.iter().cloned().flatten().filter(|p| cut.contains(p)).collect();
            assert_eq!(group.within(cut).flatten().collect::<Vec<_>>(), inside);
        }
        assert!(groups.find("stranger").is_none());
    }

    #[test]
    fn codes_without_a_name_and_names_that_stand_twice_are_refused() {
        assert!(groups(&[0], &["a", "a"]).is_err());
        let unnamed = Run { code: 1, positions: 0..1 };
        assert!(Groups::new(vec!["a".into()], vec![unnamed]).is_err());
    }
}
