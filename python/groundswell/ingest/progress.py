"""Progress of a long read on a terminal, and Ctrl-C that is obeyed at once."""

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

__all__ = ["ProgressBar", "run_beside", "run_query"]

_Result = TypeVar("_Result")

_PATIENCE: Final = 0.5
"""Seconds before a bar is drawn: a read that is over sooner needs none."""
_POLL: Final = 0.05


class ProgressBar:
    """A progress bar on stderr: drawn only if asked for, on a terminal, and when the read takes long.

    Args:
        label: what is being read.
        wanted: whether the caller wants to see progress at all.
        at_once: whether the read is known to take long.
    """

    def __init__(self, label: str, *, wanted: bool, at_once: bool = False) -> None:
        self._label = label
        self._patience = 0 if at_once else _PATIENCE
        # A terminal that cannot move its cursor would get a line for every step.
        self._wanted = wanted and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._begun = time.monotonic()
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
        """Show how much is done, from 0 to 1; below 0 means unknown."""
        if not self._wanted or time.monotonic() - self._begun < self._patience:
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


def run_query(connection: duckdb.DuckDBPyConnection, run: Callable[[], _Result], meter: ProgressBar) -> _Result:
    """Run a query in a thread of its own, so that this one can draw and hear Ctrl-C.

    Args:
        connection: the connection that `run` uses, and nobody else meanwhile.
        run: the query.
        meter: where progress is shown.

    Raises:
        KeyboardInterrupt: at Ctrl-C, after the query has been stopped.
        Exception: whatever `run` raises.
    """
    return run_beside(run, meter, done=lambda: connection.query_progress() / 100, stop=connection.interrupt)


def run_beside(
    run: Callable[[], _Result], meter: ProgressBar, *, done: Callable[[], float], stop: Callable[[], None]
) -> _Result:
    """Run work in a thread of its own, so that this one can draw and hear Ctrl-C.

    Args:
        run: the work.
        meter: where progress is shown.
        done: how much of it is done, from 0 to 1.
        stop: makes the work end soon; called again until it has ended.

    Raises:
        KeyboardInterrupt: at Ctrl-C, after the work has been stopped.
        Exception: whatever `run` raises.
    """
    results: list[_Result] = []
    errors: list[BaseException] = []
    over = threading.Event()

    def work() -> None:
        try:
            results.append(run())
        except BaseException as error:  # noqa: BLE001  (raised again in the thread that asked)
            errors.append(error)
        finally:
            over.set()

    worker = threading.Thread(target=work, name="groundswell-read", daemon=True)
    worker.start()
    try:
        meter.show(0)
        while not over.wait(_POLL):
            meter.show(done())
    except BaseException:
        # An interrupt that comes before the work has begun is lost, hence again and again.
        stop()
        while not over.wait(_POLL):
            stop()
        raise
    finally:
        worker.join()
    if errors:
        raise errors[0]
    return results[0]
