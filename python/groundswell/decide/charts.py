"""The pictures of a simulation, as PNG and SVG. Equal results give equal bytes. matplotlib is imported here only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from groundswell.errors import InputError
from groundswell.outputs import check_output, output_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from groundswell.decide.runs import CellRuns, SimulationSetup
    from groundswell.decide.summary import CellSummary

__all__ = ["draw_results"]

_DAY: Final = 86400
_COLORS: Final = ("#1f5fa8", "#c4452d", "#2d7d46", "#7a4fa3", "#b8860b", "#4d4d4d")
"""Distinguishable in greyscale and for colour-blind readers by the line styles next to them."""
_STYLES: Final = ("-", "--", "-.", ":")
_MARKERS: Final = ("o", "s", "D", "^")
_STYLE: Final = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "svg.hashsalt": "groundswell",
    "svg.fonttype": "path",
    "figure.dpi": 100,
}
_PANEL: Final = (4.2, 2.9)
_COLUMNS: Final = 2
_NOT_REACHED: Final = 2**32 - 1


class _Results(Protocol):
    """What the pictures show: `groundswell.decide.results.SimulationResults`."""

    @property
    def setup(self) -> SimulationSetup: ...
    @property
    def runs(self) -> int: ...
    @property
    def matching(self) -> int: ...
    @property
    def strategies(self) -> list[str]: ...
    @property
    def cells(self) -> Sequence[CellRuns]: ...
    @property
    def summaries(self) -> Sequence[CellSummary]: ...
    def curves(self, at: int) -> Any: ...
    def column(self, at: int, name: str) -> Any: ...


def draw_results(results: _Results, directory: str | Path) -> list[Path]:
    """Draw four pictures: updated over time, exposed devices, the trade-off, and the share stopped by defect rate.

    Args:
        results: the simulation.
        directory: is created if it does not exist; pictures of the same names are replaced.

    Returns:
        The files that were written: each picture as PNG and as SVG.

    Raises:
        InputError: ``no-matplotlib``; ``inside-factory``.
    """
    plots: list[tuple[str, Callable[[Any, _Results], Any]]] = [
        ("updated", _updated),
        ("exposed", _exposed),
        ("trade-off", _trade_off),
        ("stopped", _stopped),
    ]
    pyplot = _matplotlib()
    folder = Path(directory)
    check_output(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with pyplot.rc_context({**pyplot.rcParamsDefault, **_STYLE, "backend": "agg"}):
        for name, draw in plots:
            figure = draw(pyplot, results)
            for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
                path = folder / f"{name}.{kind}"
                with output_file(path) as file:
                    figure.savefig(file, format=kind, metadata=metadata)
                written.append(path)
            pyplot.close(figure)
    return written


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise InputError(
            "no-matplotlib",
            "pictures require `matplotlib`, which is not installed",
            hint="install the extra: pip install 'groundswell[plots]'",
        ) from None
    mpl.use("agg")
    from matplotlib import pyplot as plt

    return plt


def _look(strategy: int) -> dict[str, Any]:
    return {"color": _COLORS[strategy % len(_COLORS)], "linestyle": _STYLES[strategy % len(_STYLES)]}


def _panels(pyplot: Any, results: _Results, title: str) -> tuple[Any, list[tuple[str, Any]]]:
    """A panel for each scenario."""
    scenarios = list(dict.fromkeys(cell.scenario.name for cell in results.cells))
    columns = min(_COLUMNS, len(scenarios))
    rows = -(-len(scenarios) // columns)
    size = (_PANEL[0] * columns, _PANEL[1] * rows + 0.6)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    figure.suptitle(_plain(title))
    panels = list(axes.flat)
    for spare in panels[len(scenarios) :]:
        spare.set_visible(False)
    for axis, name in zip(panels, scenarios, strict=False):
        axis.set_title(_plain(name), fontsize=9)
    return figure, list(zip(scenarios, panels, strict=False))


def _plain(text: str) -> str:
    """A text without mathematical markup."""
    return text.replace("$", r"\$")


def _cells(results: _Results, scenario: str) -> list[tuple[int, str]]:
    return [(at, cell.strategy) for at, cell in enumerate(results.cells) if cell.scenario.name == scenario]


def _title(results: _Results, what: str) -> str:
    return f"{what} ({results.runs} runs, {results.matching} devices)"


def _legend(figure: Any, axis: Any, names: Sequence[str]) -> None:
    handles, _ = axis.get_legend_handles_labels()
    figure.legend(handles, [_plain(name) for name in names], loc="outside lower center", ncols=4, frameon=False)


def _updated(pyplot: Any, results: _Results) -> Any:
    import numpy as np

    figure, panels = _panels(pyplot, results, _title(results, "Updated devices over time: median, 5–95% of runs"))
    names = results.strategies
    for scenario, axis in panels:
        for at, strategy in _cells(results, scenario):
            curves = results.curves(at) * (100 / results.matching)
            days = np.linspace(0, results.setup.horizon / _DAY, curves.shape[1])
            low, middle, high = np.percentile(curves, [5, 50, 95], axis=0)
            look = _look(names.index(strategy))
            axis.plot(days, middle, label=strategy, **look)
            axis.fill_between(days, low, high, color=look["color"], alpha=0.15, linewidth=0)
        axis.set_ylim(0, min(max(1.1 * axis.get_ylim()[1], 5), 100))
        axis.set_xlim(0, results.setup.horizon / _DAY)
        axis.set_xlabel("days since the start")
        axis.set_ylabel("updated, %")
    _legend(figure, panels[0][1], names)
    return figure


def _exposed(pyplot: Any, results: _Results) -> Any:
    import numpy as np

    figure, panels = _panels(pyplot, results, _title(results, "Exposed devices when the run stops or ends"))
    names = results.strategies
    for scenario, axis in panels:
        for at, strategy in _cells(results, scenario):
            exposed = np.sort(np.maximum(results.column(at, "exposed"), 1))
            share = np.arange(1, len(exposed) + 1) * (100 / len(exposed))
            axis.step(exposed, share, where="post", label=strategy, **_look(names.index(strategy)))
        axis.set_xscale("log")
        axis.set_xlim(left=max(axis.get_xlim()[0] / 2, 1), right=max(results.matching, 2))
        axis.set_ylim(0, 102)
        axis.set_xlabel("exposed devices")
        axis.set_ylabel("% of runs up to this")
    _legend(figure, panels[0][1], names)
    return figure


def _trade_off(pyplot: Any, results: _Results) -> Any:
    """One point a strategy: safer is lower, faster is further left."""
    import numpy as np

    figure, axis = pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")
    axis.set_title(_plain(_title(results, "Safety against speed")), fontsize=10)
    horizon = results.setup.horizon / _DAY
    for number, name in enumerate(results.strategies):
        cells = [(at, one) for at, one in enumerate(results.summaries) if one.strategy == name]
        healthy = [at for at, one in cells if one.scenario.is_healthy] or [at for at, _ in cells]
        ninety = np.concatenate([results.column(at, "updated_90") for at in healthy])
        is_reached = float((ninety != _NOT_REACHED).mean()) >= 0.5  # noqa: PLR2004 - the median
        days = float(np.median(ninety)) / _DAY if is_reached else horizon
        faulty = [one for _, one in cells if one.is_faulty] or [one for _, one in cells]
        mean = sum(one.exposed.p95 or 0 for one in faulty) / len(faulty)
        label = name if is_reached else f"{name} (90% not reached)"
        marker = _MARKERS[number % len(_MARKERS)] if is_reached else ">"
        axis.plot(
            [days],
            [mean],
            marker=marker,
            markersize=10,
            linestyle="",
            label=_plain(label),
            color=_look(number)["color"],
        )
    axis.set_xlim(0, horizon * 1.05)
    axis.set_ylim(0, axis.get_ylim()[1] * 1.2)
    axis.set_xlabel("days until 90% are updated (healthy release, median)")
    axis.set_ylabel("exposed devices: 95% of the runs stay below\n(mean of the faulty scenarios)")
    axis.legend(frameon=False, loc="best")
    return figure


def _stopped(pyplot: Any, results: _Results) -> Any:
    """Share of runs stopped, for scenarios in which every device can fail at once."""
    figure, axis = pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")
    axis.set_title(_plain(_title(results, "Stopped runs by failure rate")), fontsize=10)
    for number, name in enumerate(results.strategies):
        points = sorted(
            (100 * (one.scenario.defect + (1 - one.scenario.defect) * one.scenario.base), 100 * one.stopped)
            for one in results.summaries
            if one.strategy == name and not (one.scenario.is_narrow or one.scenario.brick or one.scenario.after)
        )
        if points:
            axis.plot(*zip(*points, strict=True), marker="o", label=_plain(name), **_look(number))
    axis.set_xlim(left=0)
    axis.set_ylim(-2, 102)
    axis.set_xlabel("failure rate of all devices, %")
    axis.set_ylabel("stopped runs, %")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(frameon=False)
    return figure
