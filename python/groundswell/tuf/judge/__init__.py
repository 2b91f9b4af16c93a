"""The judge: what a device would make of a directory of metadata.

It shares no code with the signing side (a test of the architecture sees to that): its own reading, its own canonical
spelling, its own keys, its own count of signatures. So a fault there does not excuse itself here.
"""

from __future__ import annotations

from groundswell.tuf.judge.directory import judge_directory
from groundswell.tuf.judge.verdict import Audience, Verdict

__all__ = ["Audience", "Verdict", "judge_directory"]
