"""Draws select.png: the time of a selection by fleet size, for groundswell and its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benches.results import HERE, Part
from benches.work import ONE_THREAD, OURS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["CHART", "write"]

CHART: Final = HERE / "select.png"
COLUMN: Final = "k = 1,000"
SCOPES: Final = ("wide", "narrow")
_READ: Final = "8 bytes a device"


def write(parts: Sequence[Part], path: Path = CHART) -> None:
    """Draw the selection of 1,000 devices, log-log. Without measurements nothing is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = {scope: _lines(parts, scope) for scope in SCOPES}
    if not all(lines.values()):
        return
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    colours = {name: f"C{place}" for place, name in enumerate(name for name in lines[SCOPES[0]] if OURS not in name)}
    for axes, (scope, named) in zip(figure.subplots(1, 2, sharey=True), lines.items(), strict=True):
        for name, points in named.items():
            is_ours = name.startswith(OURS)
            axes.plot(
                *zip(*points, strict=True),
                marker="D" if name.startswith(_READ) else "o",
                markersize=4,
                linewidth=2.4 if is_ours else 1.2,
                linestyle="--" if name == ONE_THREAD else "-",
                color="black" if is_ours else colours[name],
                label=name,
            )
        axes.set(xscale="log", yscale="log", xlabel="devices", title=f"Select 1,000, {scope}: milliseconds")
        axes.grid(visible=True, which="major", alpha=0.4)
        if scope == SCOPES[0]:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _lines(parts: Sequence[Part], scope: str) -> dict[str, list[tuple[int, float]]]:
    """Contender → (size, milliseconds), ours first; only the fastest way to read memory."""
    found: dict[str, dict[int, float]] = {OURS: {}}
    for one in (one for part in parts for one in part.results if part.suite == "select" and one.medians_ms):
        if one.heading.startswith(f"Select {scope}") and one.column.startswith(COLUMN):
            name = f"{_READ}, read from memory" if one.contender.startswith(_READ) else one.contender
            sizes = found.setdefault(name, {})
            sizes[one.size] = min(one.ms, sizes.get(one.size, one.ms))
    return {name: sorted(sizes.items()) for name, sizes in found.items() if sizes}
