"""Measurements against other ways to do the same work; `python -m benches.run` runs them all."""
