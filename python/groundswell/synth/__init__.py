"""Synthetic fleets: for demonstrations, tests and benchmarks."""
