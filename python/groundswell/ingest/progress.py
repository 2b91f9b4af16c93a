"""A progress bar for long reads, and work in a thread so that Ctrl-C takes effect at once."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar

from groundswell.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    import duckdb
    from rich.progress import Progress, TaskID

__all__ = ["ProgressBar", "run_in_thread", "run_query"]

_Result = TypeVar("_Result")

_DELAY: Final = 0.5
"""Seconds before a bar is drawn, so that a short read draws none."""
_POLL: Final = 0.05


class ProgressBar:
    """A progress bar on stderr. It is drawn only if it is wanted, stderr is a terminal, and the read takes long.

    Args:
        label: the name of what is read.
        wanted: whether the caller wants a progress bar.
        at_once: draw it without delay, because the read is known to take long.
    """

    def __init__(self, label: str, *, wanted: bool, at_once: bool = False) -> None:
        self._label = label
        self._delay = 0 if at_once else _DELAY
        # A dumb terminal cannot move its cursor, so each update would print a new line.
        self._wanted = wanted and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._start = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: float) -> None:
        """Draw the fraction that is done, from 0 to 1; a negative number means unknown."""
        if not self._wanted or time.monotonic() - self._start < self._delay:
            return
        if self._bar is None:
            self._bar, self._task = self._draw()
        if self._task is not None and done >= 0:
            self._bar.update(self._task, completed=min(done, 1.0), total=1.0)

    def _draw(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        task = bar.add_task(f"reading {escape(printable(self._label))}", total=None)
        bar.start()
        return bar, task


def run_query(connection: duckdb.DuckDBPyConnection, run: Callable[[], _Result], progress_bar: ProgressBar) -> _Result:
    """Run a query in a separate thread, while this thread draws progress and handles Ctrl-C.

    Args:
        connection: the connection of `run`; nothing else may use it meanwhile.
        run: the query.
        progress_bar: shows the progress.

    Raises:
        KeyboardInterrupt: on Ctrl-C, after the query has stopped.
        Exception: whatever `run` raises.
    """
    return run_in_thread(run, progress_bar, done=lambda: connection.query_progress() / 100, stop=connection.interrupt)


def run_in_thread(
    run: Callable[[], _Result], progress_bar: ProgressBar, *, done: Callable[[], float], stop: Callable[[], None]
) -> _Result:
    """Run work in a separate thread, while this thread draws progress and handles Ctrl-C.

    Args:
        run: the work.
        progress_bar: shows the progress.
        done: returns the fraction that is done, from 0 to 1.
        stop: asks the work to stop; called repeatedly until it has.

    Raises:
        KeyboardInterrupt: on Ctrl-C, after the work has stopped.
        Exception: whatever `run` raises.
    """
    results: list[_Result] = []
    errors: list[BaseException] = []
    over = threading.Event()

    def work() -> None:
        try:
            results.append(run())
        except BaseException as error:  # noqa: BLE001  (raised again in the calling thread)
            errors.append(error)
        finally:
            over.set()

    worker = threading.Thread(target=work, name="groundswell-read", daemon=True)
    worker.start()
    try:
        progress_bar.show(0)
        while not over.wait(_POLL):
            progress_bar.show(done())
    except BaseException:
        # Repeat: an interrupt that arrives before the work has begun has no effect.
        stop()
        while not over.wait(_POLL):
            stop()
        raise
    finally:
        worker.join()
    if errors:
        raise errors[0]
    return results[0]
