//! Prepares strategies, and shares their runs among threads.

use std::num::NonZero;

use crate::decide::simulate::engine::Engine;
use crate::decide::simulate::plan::StrategyPlan;
use crate::decide::simulate::prepared::PreparedPlan;
use crate::decide::simulate::result::RunResult;
use crate::decide::simulate::scenario::Scenario;
use crate::decide::simulate::simulation::Simulation;
use crate::error::CoreError;
use crate::machine::effort::Effort;
use crate::machine::thread_pool::{WorkQueue, run_parallel};

impl Simulation {
    /// Resolves a strategy on the fleet; the result can be used for any scenario and run.
    ///
    /// # Errors
    /// [`CoreError::UnknownGroup`], [`CoreError::MismatchedDevices`], and the errors of limits.
    pub fn prepare(&self, plan: StrategyPlan) -> Result<PreparedPlan, CoreError> {
        PreparedPlan::new(self, plan)
    }

    /// Simulates the runs `first..first + count`. The results are in the order of the runs.
    ///
    /// Cost: about the devices that a run covers, for each run; runs are shared among threads.
    ///
    /// # Errors
    /// Those of selections.
    pub fn run(
        &self,
        plan: &PreparedPlan,
        scenario: &Scenario,
        first: u64,
        count: u64,
        effort: &Effort,
    ) -> Result<Vec<RunResult>, CoreError> {
        let queue = WorkQueue::new(first..first + count);
        let threads = effort.threads_for(count.saturating_mul(self.matching_count.max(10_000)) * 50);
        let single = Effort { threads: NonZero::new(1), ..*effort };
        let found = run_parallel(threads - 1, || {
            let mut engine = Engine::new(self, plan, scenario, single);
            queue.items().map(|run| Ok((run, engine.run(run)?))).collect::<Result<Vec<_>, CoreError>>()
        });
        let mut results = Vec::with_capacity(count as usize);
        for part in found {
            results.extend(part?);
        }
        results.sort_unstable_by_key(|&(run, _)| run);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }
}
