"""Decides how far a wave goes: strategies, and their simulation."""

from groundswell.decide.check import StepCheck, StrategyCheck, check_strategy
from groundswell.decide.results import SimulationResults
from groundswell.decide.runs import CellRuns, SimulationSetup
from groundswell.decide.scenarios import Scenario
from groundswell.decide.simulation import simulate
from groundswell.decide.strategy import Strategy
from groundswell.decide.summary import CellSummary, Percentiles

__all__ = [
    "CellRuns",
    "CellSummary",
    "Percentiles",
    "Scenario",
    "SimulationResults",
    "SimulationSetup",
    "StepCheck",
    "Strategy",
    "StrategyCheck",
    "check_strategy",
    "simulate",
]
