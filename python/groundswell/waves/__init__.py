"""Waves: what is computed about them, without a store.

`WaveHistory` is a wave with its rollouts, `RolloutRequest` what a rollout asks for. The functions take these and a
`Fleet`, and return values; `groundswell.factory.waves` loads, calls them, and commits. The sets come from the core.
"""

from groundswell.waves.check_plan import Since, check_plan
from groundswell.waves.explain import WhyReport, explain
from groundswell.waves.history import WaveHistory
from groundswell.waves.plan import Plan
from groundswell.waves.plan_rollout import RolloutResult, plan_rollout
from groundswell.waves.progress import GroupProgress, Progress, VersionShare, WaveStatus, devices_in_state, progress
from groundswell.waves.records import Rollout, Wave, WaveState
from groundswell.waves.request import Recency, RolloutRequest, RolloutSelector
from groundswell.waves.role import compose_role
from groundswell.waves.verify import Verified, verify

__all__ = [
    "GroupProgress",
    "Plan",
    "Progress",
    "Recency",
    "Rollout",
    "RolloutRequest",
    "RolloutResult",
    "RolloutSelector",
    "Since",
    "Verified",
    "VersionShare",
    "Wave",
    "WaveHistory",
    "WaveState",
    "WaveStatus",
    "WhyReport",
    "check_plan",
    "compose_role",
    "devices_in_state",
    "explain",
    "plan_rollout",
    "progress",
    "verify",
]
