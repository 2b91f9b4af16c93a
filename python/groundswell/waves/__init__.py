"""Waves: what one consists of, the role that it publishes, and plans; the sets themselves are decided in the core."""

from groundswell.waves.plan import Plan
from groundswell.waves.records import Rollout, Wave, WaveState
from groundswell.waves.role import compose_role

__all__ = ["Plan", "Rollout", "Wave", "WaveState", "compose_role"]
