//! The hardware ids of a fleet's devices, as codes by position.

use std::collections::BTreeSet;

use crate::error::CoreError;
use crate::sets::fleet_set::FleetSet;
use crate::sets::layout::Position;

/// Hardware ids by position: 0 for an unknown one, otherwise 1 + the place of its name.
#[derive(Clone, Debug)]
pub(crate) struct Hardware {
    names: Vec<String>,
    codes: Codes,
}

/// Two bytes a device suffice for any fleet with fewer than 2¹⁶ hardware ids.
#[derive(Clone, Debug)]
enum Codes {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Hardware {
    /// The hardware of devices by position; each code is the place of a name, or negative if it is not known.
    ///
    /// # Errors
    /// [`CoreError::BadColumns`] for a code without a name.
    pub(crate) fn new(names: Vec<String>, by_position: &[i32]) -> Result<Self, CoreError> {
        if by_position.iter().any(|&code| code >= 0 && code as usize >= names.len()) {
            return Err(CoreError::BadColumns { column: "hardware" });
        }
        let codes = by_position.iter().map(|&code| (code.max(-1) + 1) as u32);
        let codes = if names.len() < usize::from(u16::MAX) {
            Codes::Narrow(codes.map(|code| code as u16).collect())
        } else {
            Codes::Wide(codes.collect())
        };
        Ok(Self { names, codes })
    }

    /// The names, in the order in which they were given.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of the name of a device's hardware among the names; none if it is not known.
    #[inline]
    pub(crate) fn code(&self, position: Position) -> Option<usize> {
        let code = match &self.codes {
            Codes::Narrow(codes) => u32::from(codes[position as usize]),
            Codes::Wide(codes) => codes[position as usize],
        };
        (code as usize).checked_sub(1)
    }

    /// The name of a device's hardware, if it is known.
    pub(crate) fn name_of(&self, position: Position) -> Option<&str> {
        self.code(position).map(|code| self.names[code].as_str())
    }

    /// One code a position; −1 if the hardware is not known.
    pub(crate) fn column(&self) -> Vec<i32> {
        match &self.codes {
            Codes::Narrow(codes) => codes.iter().map(|&code| i32::from(code) - 1).collect(),
            Codes::Wide(codes) => codes.iter().map(|&code| code as i32 - 1).collect(),
        }
    }

    /// The devices whose hardware is known and not among the supported ids; none if every known id is supported.
    ///
    /// Costs a pass over the codes, unless every known id is supported.
    pub(crate) fn others_than(&self, supported: &BTreeSet<String>) -> Option<FleetSet> {
        let mut is_other = vec![false];
        is_other.extend(self.names.iter().map(|name| !supported.contains(name)));
        if !is_other.contains(&true) {
            return None;
        }
        let others = match &self.codes {
            Codes::Narrow(codes) => FleetSet::from_column(codes.iter().map(|&code| is_other[usize::from(code)])),
            Codes::Wide(codes) => FleetSet::from_column(codes.iter().map(|&code| is_other[code as usize])),
        };
        (others.len() > 0).then_some(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_and_wide_codes_say_the_same() {
        let column = [-1, 0, 1, 1, -7, 2];
        for spare in [0, 70_000] {
            let names: Vec<String> = (0..3 + spare).map(|i| format!("hw-{i}")).collect();
            let hardware = Hardware::new(names, &column).unwrap();
            assert_eq!(hardware.column(), [-1, 0, 1, 1, -1, 2]);
            assert_eq!((hardware.name_of(0), hardware.name_of(3)), (None, Some("hw-1")));
            let others = |supported: &[&str]| {
                let supported = supported.iter().copied().map(String::from).collect();
                let mut found = Vec::new();
                if let Some(others) = hardware.others_than(&supported) {
                    others.for_each(|position| found.push(position));
                }
                found
            };
            assert_eq!(others(&["hw-1", "hw-9"]), [1, 5]);
            assert_eq!(others(&[]), [1, 2, 3, 5], "unknown hardware is not another one");
            assert!(others(&["hw-0", "hw-1", "hw-2"]).is_empty());
        }
    }

    #[test]
    fn a_code_without_a_name_is_refused() {
        assert!(Hardware::new(vec!["a".into()], &[0, 1]).is_err());
    }
}
