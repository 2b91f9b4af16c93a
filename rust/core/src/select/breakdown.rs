//! A breakdown of picked devices and candidates by recency band, group and hardware id.

use crate::fleet::columns::NEVER;
use crate::fleet::fleet::Fleet;
use crate::ids::Ordinal;
use crate::sets::layout::Position;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The recency bands: ≤ 4 h, < 1 d, < 7 d, < 30 d, more, never seen.
pub const BANDS: [&str; 6] = ["4h", "1d", "7d", "30d", "more", "never"];

/// The numbers of picked devices and candidates in one part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Picked devices.
    pub picked: u64,
    /// Candidates.
    pub candidates: u64,
}

/// Picked devices and candidates in three partitions. Each adds up to all devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakdown {
    /// In the order of [`BANDS`].
    pub bands: [Part; BANDS.len()],
    /// Groups with a picked device or a candidate, by descending picks, descending candidates, name. `None` is the
    /// devices without a group.
    pub groups: Vec<(Option<String>, Part)>,
    /// Hardware ids in the same order. `None` is the devices with unknown hardware.
    pub hardware: Vec<(Option<String>, Part)>,
}

/// The index in [`BANDS`] of a device's recency band. A device that was seen after `now` counts as seen now.
///
/// # Examples
/// ```
/// use groundswell_core::select::breakdown::{BANDS, band};
///
/// assert_eq!(BANDS[band(1_795_000_000 - 3600, 1_795_000_000)], "4h");
/// ```
pub fn band(last_seen: u32, now: i64) -> usize {
    if last_seen == NEVER {
        return BANDS.len() - 1;
    }
    let age = now.saturating_sub(i64::from(last_seen));
    [age <= 4 * HOUR, age < DAY, age < 7 * DAY, age < 30 * DAY, true].iter().position(|&within| within).unwrap_or(0)
}

/// Counts devices into a breakdown.
pub(crate) struct Counter<'a> {
    fleet: &'a Fleet,
    now: i64,
    bands: [Part; BANDS.len()],
    /// By group code + 1; the first is the devices without a group.
    groups: Vec<Part>,
    /// By hardware code + 1; the first is the devices with unknown hardware.
    hardware: Vec<Part>,
    /// The index of the run that contains the last candidate.
    run: usize,
}

impl<'a> Counter<'a> {
    pub(crate) fn new(fleet: &'a Fleet, now: i64) -> Self {
        let hardware = fleet.hardware().map_or(0, |hardware| hardware.names().len());
        Self {
            fleet,
            now,
            bands: [Part::default(); BANDS.len()],
            groups: vec![Part::default(); fleet.groups().names().len() + 1],
            hardware: vec![Part::default(); hardware + 1],
            run: 0,
        }
    }

    /// Counts picked devices, in any order.
    pub(crate) fn count_picked(&mut self, ordinals: &[Ordinal]) {
        for &ordinal in ordinals {
            if let Some(position) = self.fleet.position(ordinal) {
                let group = self.fleet.groups().code(position);
                self.count(position, group, |part| part.picked += 1);
            }
        }
    }

    /// Counts a candidate. The caller passes candidates in ascending order.
    pub(crate) fn count_candidate(&mut self, position: Position) {
        let runs = self.fleet.groups().by_position();
        while runs[self.run].positions.end <= position {
            self.run += 1;
        }
        let group = runs[self.run].code;
        self.count(position, group, |part| part.candidates += 1);
    }

    fn count(&mut self, position: Position, group: i32, change: impl Fn(&mut Part)) {
        let hardware = self.fleet.hardware().and_then(|hardware| hardware.code(position));
        change(&mut self.bands[band(self.fleet.last_seen[position as usize], self.now)]);
        change(&mut self.groups[(group.max(-1) + 1) as usize]);
        change(&mut self.hardware[hardware.map_or(0, |code| code + 1)]);
    }

    pub(crate) fn finish(self) -> Breakdown {
        let hardware_names = self.fleet.hardware().map_or(&[][..], |hardware| hardware.names());
        Breakdown {
            bands: self.bands,
            groups: named(self.fleet.groups().names(), self.groups),
            hardware: named(hardware_names, self.hardware),
        }
    }
}

fn named(names: &[String], parts: Vec<Part>) -> Vec<(Option<String>, Part)> {
    let names = std::iter::once(None).chain(names.iter().cloned().map(Some));
    let mut named: Vec<_> = names.zip(parts).filter(|(_, part)| *part != Part::default()).collect();
    named.sort_by(|(a, one), (b, other)| {
        (other.picked, other.candidates).cmp(&(one.picked, one.candidates)).then_with(|| a.cmp(b))
    });
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_end_where_the_rule_says() {
        let now = 1_795_000_000;
        for (age, name) in [
            (-5, "4h"),
            (14_400, "4h"),
            (14_401, "1d"),
            (86_399, "1d"),
            (86_400, "7d"),
            (7 * 86_400, "30d"),
            (30 * 86_400, "more"),
            (now - 1, "more"),
        ] {
            assert_eq!(BANDS[band((now - age) as u32, now)], name, "age {age}");
        }
        assert_eq!(BANDS[band(NEVER, now)], "never");
    }
}
