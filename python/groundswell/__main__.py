"""Entry point of ``groundswell`` and ``python -m groundswell``; handles Ctrl-C even while the command line loads."""

import signal
import sys

__all__ = ["main"]

_BAD_INPUT = 2
_INTERRUPTED = 130
_KERNEL = "GROUNDSWELL_KERNEL"


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        from groundswell.cli import run

        code = run(sys.argv[1:])
        # The command has finished: from here on, Ctrl-C must not change its exit code.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was changed\n")
        code = _INTERRUPTED
    except ImportError as error:
        # The core refuses to load if GROUNDSWELL_KERNEL names a kernel that this CPU cannot run.
        if not str(error).startswith(_KERNEL):
            raise
        sys.stderr.write(f"error: {ascii(str(error))[1:-1]}\n")
        code = _BAD_INPUT
    sys.exit(code)


if __name__ == "__main__":
    main()
