//! Counts of a run by tick.

/// A bad device: when it is known, when it entered the served order, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BadDevice {
    pub(super) known: u32,
    pub(super) entered: u32,
    pub(super) value: u16,
}

/// Bad devices in the order in which they are known.
#[derive(Debug, Default)]
pub(super) struct BadDevices {
    all: Vec<BadDevice>,
    next: usize,
}

impl BadDevices {
    pub(super) fn reset(&mut self) {
        self.all.clear();
        self.next = 0;
    }

    pub(super) fn push(&mut self, bad: BadDevice) {
        self.all.push(bad);
    }

    /// Orders the devices that are not known yet; call it after a step.
    pub(super) fn sort(&mut self) {
        self.all[self.next..].sort_unstable();
    }

    /// The next device that is known at a tick.
    #[inline(always)]
    pub(super) fn take(&mut self, tick: u32) -> Option<BadDevice> {
        let bad = self.all.get(self.next).filter(|bad| bad.known <= tick).copied();
        self.next += usize::from(bad.is_some());
        bad
    }

    /// How many are known.
    pub(super) fn known(&self) -> u64 {
        self.next as u64
    }
}

/// Counts by tick; each entry is the change at that tick.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) served: Vec<u32>,
    pub(super) harmed: Vec<u32>,
    pub(super) good: Vec<i32>,
    /// Devices that were served `patience` ago.
    pub(super) ripe: Vec<u32>,
    /// Those of them that are good.
    pub(super) ripe_good: Vec<i32>,
    /// Served or settled devices of the current step.
    pub(super) step_served: Vec<u32>,
    pub(super) step_settled: Vec<u32>,
    /// Devices that start or stop to be pending or lost.
    pub(super) busy: Vec<i32>,
}

impl Timeline {
    pub(super) fn reset(&mut self, ticks: usize) {
        for counts in [&mut self.served, &mut self.harmed, &mut self.ripe] {
            counts.clear();
            counts.resize(ticks + 1, 0);
        }
        for counts in [&mut self.good, &mut self.ripe_good, &mut self.busy] {
            counts.clear();
            counts.resize(ticks + 1, 0);
        }
        self.reset_step(ticks);
    }

    /// Forgets the devices of the previous step.
    pub(super) fn reset_step(&mut self, ticks: usize) {
        for counts in [&mut self.step_served, &mut self.step_settled] {
            counts.clear();
            counts.resize(ticks + 1, 0);
        }
    }
}

/// Running totals.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) served: u32,
    pub(super) harmed: u32,
    pub(super) good: i64,
    pub(super) ripe: u64,
    pub(super) ripe_good: i64,
    pub(super) step_served: u64,
    pub(super) step_settled: u64,
    pub(super) busy: i64,
}

impl Totals {
    /// Adds the changes of a tick.
    pub(super) fn add(&mut self, line: &Timeline, tick: usize) {
        self.served += line.served[tick];
        self.harmed += line.harmed[tick];
        self.good += i64::from(line.good[tick]);
        self.ripe += u64::from(line.ripe[tick]);
        self.ripe_good += i64::from(line.ripe_good[tick]);
        self.step_served += u64::from(line.step_served[tick]);
        self.step_settled += u64::from(line.step_settled[tick]);
        self.busy += i64::from(line.busy[tick]);
    }
}
