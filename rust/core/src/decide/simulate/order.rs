//! The served order of a run, with the stop rules that test its prefixes.
//!
//! Devices enter at the first tick that finds them seen, so a prefix ends at a tick. A rule stops when any prefix of k
//! devices has E(k, x) ≥ 1/α, where x counts the bad ones among them that are known by now. For a given x, E falls with
//! k; so the rule compares k with the greatest number of devices at which x bad ones stop.

use crate::decide::gate;

/// For each number of bad devices: the greatest number of served devices at which the rule stops.
#[derive(Clone, Debug)]
pub(crate) struct Boundary {
    /// By the number of bad devices; the last entry holds for all greater ones.
    pub(super) greatest: Vec<u64>,
}

impl Boundary {
    /// The boundary of a limit at α, for up to `devices` served devices.
    pub(super) fn new(limit: f64, alpha: f64, devices: u64) -> Self {
        Self { greatest: gate::stop_boundary(limit, alpha, devices) }
    }

    /// Whether x bad ones of n served devices stop.
    #[inline(always)]
    pub(super) fn stops(&self, n: u32, x: u32) -> bool {
        let greatest = self.greatest.get(x as usize).or(self.greatest.last()).copied().unwrap_or(0);
        u64::from(n) <= greatest && x > 0
    }
}

/// Counts of one served order by tick: of all devices, or of the devices with one value.
#[derive(Debug, Default)]
pub(super) struct ServedOrder {
    /// Devices that enter at each tick.
    entering: Vec<u32>,
    /// Devices in the prefix that ends at each tick, up to now.
    served: Vec<u32>,
    /// Bad devices in the prefix that are known by now.
    bad: Vec<u32>,
}

impl ServedOrder {
    pub(super) fn reset(&mut self, ticks: usize) {
        self.entering.clear();
        self.entering.resize(ticks + 1, 0);
        self.served.clear();
        self.bad.clear();
    }

    pub(super) fn enter(&mut self, tick: usize) {
        self.entering[tick] += 1;
    }

    /// Extends the prefixes to the next tick.
    pub(super) fn advance(&mut self) {
        let tick = self.served.len();
        self.served.push(self.served.last().copied().unwrap_or(0) + self.entering[tick]);
        self.bad.push(self.bad.last().copied().unwrap_or(0));
    }

    /// Adds a bad device that entered at a tick; whether the rule stops.
    pub(super) fn add_bad(&mut self, entered: usize, boundary: &Boundary) -> bool {
        let mut stops = false;
        for (bad, &served) in self.bad[entered..].iter_mut().zip(&self.served[entered..]) {
            *bad += 1;
            stops |= boundary.stops(served, *bad);
        }
        stops
    }
}
