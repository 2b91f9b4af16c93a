//! A strategy that is resolved on one fleet: the devices of its selectors, its boundaries, the values of `by`.

use crate::decide::simulate::order::Boundary;
use crate::decide::simulate::plan::{By, StepPlan, StrategyPlan};
use crate::decide::simulate::simulation::Simulation;
use crate::error::CoreError;
use crate::select::selector::Selector;
use crate::sets::layout::Position;

/// A strategy that is resolved on one fleet, with the boundaries of its stop rules.
#[derive(Debug)]
pub struct PreparedPlan {
    pub(crate) plan: StrategyPlan,
    /// For each step: the matching devices that its selector names; `None` for all of them.
    pub(crate) members: Vec<Option<Vec<Position>>>,
    /// The values of `by` that matching devices have.
    pub(crate) values: Vec<String>,
    /// By position: the index of the device's value; `u16::MAX` for none.
    pub(crate) value_of: Vec<u16>,
    pub(crate) failure: Option<Boundary>,
    pub(crate) failure_by_value: Option<Boundary>,
    pub(crate) lost: Option<Boundary>,
    /// The α of the silence test.
    pub(crate) silence_alpha: f64,
}

impl PreparedPlan {
    pub(super) fn new(simulation: &Simulation, plan: StrategyPlan) -> Result<Self, CoreError> {
        let members = plan.steps.iter().map(|step| members(simulation, step)).collect::<Result<_, _>>()?;
        let (values, value_of) = values(simulation, plan.by);
        let rules = [plan.failure.is_some(), plan.silence, plan.lost.is_some()];
        let share = plan.alpha / rules.iter().filter(|&&given| given).count().max(1) as f64;
        let devices = simulation.matching_count;
        let by_value = !values.is_empty();
        let overall = if by_value { share / 2.0 } else { share };
        Ok(Self {
            failure: plan.failure.map(|limit| Boundary::new(limit, overall, devices)),
            failure_by_value: plan
                .failure
                .filter(|_| by_value)
                .map(|limit| Boundary::new(limit, share / 2.0 / values.len() as f64, devices)),
            lost: plan.lost.map(|limit| Boundary::new(limit, share, devices)),
            silence_alpha: share,
            members,
            values,
            value_of,
            plan,
        })
    }

    /// How many matching devices the selector of a step names.
    pub(super) fn matching(&self, simulation: &Simulation, step: usize) -> u64 {
        self.members[step].as_ref().map_or(simulation.matching_count, |members| members.len() as u64)
    }

    /// The values of `by`, in the order of their indexes in results.
    pub fn values(&self) -> &[String] {
        &self.values
    }
}

/// No value of `by`.
pub(super) const NO_VALUE: u16 = u16::MAX;

/// The matching devices that a step's selector names; `None` if it names all of them.
fn members(simulation: &Simulation, step: &StepPlan) -> Result<Option<Vec<Position>>, CoreError> {
    if step.group.is_none() && step.listed.is_none() {
        return Ok(None);
    }
    let fleet = &simulation.fleet;
    let mut members = Vec::new();
    selector(simulation, step).resolve(fleet)?.candidates(fleet).for_each_candidate(|position| members.push(position));
    Ok(Some(members))
}

pub(super) fn selector(simulation: &Simulation, step: &StepPlan) -> Selector {
    Selector {
        tag: simulation.settings.tag.clone(),
        group: step.group.clone(),
        listed: step.listed.clone(),
        ..Selector::default()
    }
}

/// The values of `by` that matching devices have, by name, and the index of each device's value by position.
fn values(simulation: &Simulation, by: Option<By>) -> (Vec<String>, Vec<u16>) {
    let Some(by) = by else { return (Vec::new(), Vec::new()) };
    let fleet = &simulation.fleet;
    let name_of = |position: Position| match by {
        By::Hardware => fleet.hardware().and_then(|hardware| hardware.name_of(position)),
        By::Group => fleet.groups().name_of(position),
    };
    let positions = || (0..fleet.rows() as Position).filter(|&position| simulation.matching[position as usize]);
    let mut names: Vec<&str> = Vec::new();
    for name in positions().filter_map(name_of) {
        if let Err(at) = names.binary_search(&name) {
            names.insert(at, name);
        }
    }
    let mut value_of = vec![NO_VALUE; fleet.rows()];
    for position in positions() {
        if let Some(at) = name_of(position).and_then(|name| names.binary_search(&name).ok()) {
            value_of[position as usize] = at.min(usize::from(NO_VALUE)) as u16;
        }
    }
    (names.into_iter().map(str::to_owned).collect(), value_of)
}
