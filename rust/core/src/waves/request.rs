//! What a rollout requests, and which kind of rollout that is.
//!
//! | group | list | limit | whole group | means |
//! | --- | --- | --- | --- | --- |
//! | yes | – | – | yes | **whole**: all devices of the group, including those that join it later |
//! | yes / – | – | yes | – | **sample** of the candidates |
//! | yes / – | yes | – | – | **listed**: exactly these devices, each checked |
//! | yes / – | yes | yes | – | **sample within the list** |
//!
//! Everything else is refused: a missing, empty or zero part never selects more devices.
//!
//! - candidates = matching ∩ group? ∩ listed? − covered − updated − unsupported
//! - a sample stages the candidates with the smallest keys; a list stages its devices − covered, including updated
//!   ones; a whole group covers its matching devices
//! - a goal replaces the limit: it samples as many candidates as are missing until that many devices of
//!   matching ∩ group? are covered or updated

use crate::error::CoreError;
use crate::ids::Uuid;
use crate::machine::effort::Effort;
use crate::sampling::recency::Recency;
use crate::select::limit::Limit;
use crate::select::selector::OnMismatch;

/// What a rollout requests.
#[derive(Clone, Debug)]
pub struct RolloutRequest {
    /// Only devices of this group.
    pub group: Option<String>,
    /// Only these devices; each is checked.
    pub listed: Option<Vec<Uuid>>,
    /// At most so many devices; [`Limit::All`] if no limit is given.
    pub limit: Limit,
    /// Replaces the limit: how many devices of matching ∩ group? must be covered or updated afterwards. A percentage is
    /// always one of these devices; its denominator is ignored.
    pub goal: Option<Limit>,
    /// Sample only devices that were seen within the online threshold.
    pub online_only: bool,
    /// Cover the whole group, including devices that join it later.
    pub whole_group: bool,
    /// What to do with listed devices that cannot be selected.
    pub on_mismatch: OnMismatch,
    /// The seed of a sample.
    pub seed: u64,
    /// The instant of the sample, and its recency settings.
    pub recency: Recency,
    /// The CPU instructions and threads to use.
    pub effort: Effort,
}

/// The four kinds of rollouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A standing rule: the devices that are in a group, now or later.
    Whole,
    /// A sample of the candidates.
    Sample,
    /// Exactly the listed devices.
    Listed,
    /// A sample of the listed candidates.
    SampleWithinList,
}

impl Kind {
    pub(super) fn is_sample(self) -> bool {
        matches!(self, Self::Sample | Self::SampleWithinList)
    }

    /// The kind as a stable slug.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Whole => "whole-group",
            Self::Sample => "sample",
            Self::Listed => "listed",
            Self::SampleWithinList => "sample-within-list",
        }
    }
}

impl RolloutRequest {
    /// The kind of the rollout.
    ///
    /// # Errors
    /// [`CoreError::EmptyList`], [`CoreError::ZeroLimit`], [`CoreError::BadPercentage`];
    /// [`CoreError::NothingAsked`], [`CoreError::WholeGroupUnsaid`], [`CoreError::BadWholeGroup`];
    /// [`CoreError::BadGoal`], [`CoreError::OnlineOnlyWithoutSample`].
    pub fn kind(&self) -> Result<Kind, CoreError> {
        if self.listed.as_ref().is_some_and(Vec::is_empty) {
            return Err(CoreError::EmptyList { what: "of devices" });
        }
        self.limit.check()?;
        let limited = self.limit != Limit::All;
        if let Some(goal) = self.goal {
            return self.kind_with_goal(goal);
        }
        let kind = self.kind_without_goal(limited)?;
        if self.online_only && !kind.is_sample() {
            return Err(CoreError::OnlineOnlyWithoutSample);
        }
        Ok(kind)
    }

    fn kind_with_goal(&self, goal: Limit) -> Result<Kind, CoreError> {
        if self.limit != Limit::All {
            return Err(CoreError::BadGoal { with: "a limit" });
        }
        if self.listed.is_some() {
            return Err(CoreError::BadGoal { with: "a list of devices" });
        }
        if self.whole_group {
            return Err(CoreError::BadWholeGroup { with: Some("a goal") });
        }
        match goal {
            Limit::All => Err(CoreError::ZeroLimit),
            goal => goal.check().map(|()| Kind::Sample),
        }
    }

    fn kind_without_goal(&self, limited: bool) -> Result<Kind, CoreError> {
        match (&self.group, self.listed.is_some(), limited) {
            (None, _, _) if self.whole_group => Err(CoreError::BadWholeGroup { with: None }),
            (Some(_), true, _) if self.whole_group => Err(CoreError::BadWholeGroup { with: Some("a list of devices") }),
            (Some(_), _, true) if self.whole_group => Err(CoreError::BadWholeGroup { with: Some("a limit") }),
            (None, false, false) => Err(CoreError::NothingAsked),
            (Some(_), false, false) if self.whole_group => Ok(Kind::Whole),
            (Some(group), false, false) => Err(CoreError::WholeGroupUnsaid { group: group.clone() }),
            (_, false, true) => Ok(Kind::Sample),
            (_, true, false) => Ok(Kind::Listed),
            (_, true, true) => Ok(Kind::SampleWithinList),
        }
    }
}
