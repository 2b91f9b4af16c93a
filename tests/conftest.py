"""Configuration of all tests."""

from __future__ import annotations

import signal

from support import profiles

profiles.load()

# A background job inherits an ignored SIGINT, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
