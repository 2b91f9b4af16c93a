"""The command ``groundswell`` and ``python -m groundswell``: Ctrl-C before the command line is loaded, and after."""

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
        # The command has had its last word: Ctrl-C is too late to change what it comes to.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was changed\n")
        code = _INTERRUPTED
    except ImportError as error:
        # The core refuses to load where this variable names instructions that the CPU does not have.
        if not str(error).startswith(_KERNEL):
            raise
        sys.stderr.write(f"error: {ascii(str(error))[1:-1]}\n")
        code = _BAD_INPUT
    sys.exit(code)


if __name__ == "__main__":
    main()
