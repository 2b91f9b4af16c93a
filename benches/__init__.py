"""Benchmarks that compare groundswell with other libraries; `python -m benches.run` runs them all."""
