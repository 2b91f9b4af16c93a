"""Fuzzing of everything that reads bytes from outside; `python -m fuzz --help` tells how to run it for long.

A case is bytes. A worker process (`worker`) feeds it to a parser (`parsers`) under limits on time and memory; whatever
ends in anything but a result or a `GroundswellError` is a finding, a signal included (`campaign`). Findings that were
fixed are kept in tests/data/fuzz/PARSER/ and run again by test_fuzz.py.
"""
