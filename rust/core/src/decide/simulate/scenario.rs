//! Scenarios: what goes wrong, how often, and for which devices.

use crate::decide::simulate::simulation::Simulation;
use crate::decide::simulate::world::threshold;
use crate::sets::layout::Position;

/// Which devices can have the defect. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Where {
    /// Devices with this hardware id.
    pub hardware: Option<String>,
    /// Devices of this group.
    pub group: Option<String>,
    /// Devices that report an older target version than this one, or none.
    pub below: Option<u32>,
    /// Devices that were not seen for longer than this many seconds when the run started, or never.
    pub away: Option<u32>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The probability that a device with the defect conditions has the defect.
    pub defect: f64,
    /// The probability that any other device fails.
    pub base: f64,
    /// Which devices can have the defect.
    pub devices: Where,
    /// The defect shows this many seconds after the good report; 0: during the installation.
    pub after: u32,
    /// A device with the defect never checks in again. Otherwise it reports a failure.
    pub brick: bool,
    /// The shortest and the longest time from the first check-in to the end of the installation, in seconds.
    pub install: (u32, u32),
}

/// A fault with its devices in one fleet.
#[derive(Debug)]
pub struct Scenario {
    pub(crate) fault: Fault,
    /// By position: whether the device can have the defect.
    pub(crate) exposed: Vec<bool>,
    pub(crate) defect: u64,
    pub(crate) base: u64,
    devices: u64,
}

impl Scenario {
    /// Finds the devices of a fault.
    ///
    /// Cost: a pass over the fleet.
    pub fn new(simulation: &Simulation, fault: Fault) -> Self {
        let fleet = &simulation.fleet;
        let Where { hardware, group, below, away } = &fault.devices;
        let versions = below.map(|below| (below, fleet.version_column()));
        let can_have = |position: usize| {
            let at = position as Position;
            simulation.matching[position]
                && hardware.as_deref().is_none_or(|name| fleet.hardware().and_then(|all| all.name_of(at)) == Some(name))
                && group.as_deref().is_none_or(|name| fleet.groups().name_of(at) == Some(name))
                && versions.as_ref().is_none_or(|(below, own)| i64::from(own[position]) < i64::from(*below))
                && away.is_none_or(|away| {
                    let seen = fleet.last_seen[position];
                    seen == 0 || simulation.settings.now - i64::from(seen) > i64::from(away)
                })
        };
        let exposed: Vec<bool> = (0..fleet.rows()).map(can_have).collect();
        Self {
            devices: exposed.iter().filter(|&&exposed| exposed).count() as u64,
            defect: threshold(fault.defect),
            base: threshold(fault.base),
            exposed,
            fault,
        }
    }

    /// How many matching devices can have the defect.
    pub fn devices(&self) -> u64 {
        self.devices
    }
}
