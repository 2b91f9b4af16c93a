"""Waves: what one consists of, the role that it publishes, and plans; the sets themselves are decided in the core."""

from groundswell.waves.plan import Plan
from groundswell.waves.records import Rollout, Wave, WaveState
from groundswell.waves.request import Recency, RolloutRequest, RolloutSelector
from groundswell.waves.role import compose_role

__all__ = ["Plan", "Recency", "Rollout", "RolloutRequest", "RolloutSelector", "Wave", "WaveState", "compose_role"]
