"""For the tests of every folder."""

from __future__ import annotations

import signal

from support import profiles

profiles.load()

# Started in the background by a script, Python finds Ctrl-C ignored, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
