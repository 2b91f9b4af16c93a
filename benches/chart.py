"""select.png: the time of a selection against the size of the fleet, ours and the peers'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benches.results import HERE, Part
from benches.work import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["CHART", "write"]

CHART: Final = HERE / "select.png"
COLUMN: Final = "k = 1,000"


def write(parts: Sequence[Part], path: Path = CHART) -> None:
    """Draw 1,000 of the fleet, log-log; nothing is drawn as long as nothing was measured."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    results = [
        one
        for part in parts
        for one in part.results
        if part.suite == "select" and one.column.startswith(COLUMN) and one.medians_ms
    ]
    scopes = {
        scope: [one for one in results if one.heading.startswith(f"Select {scope}")] for scope in ("wide", "narrow")
    }
    if not all(scopes.values()):
        return
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    both = figure.subplots(1, 2, sharey=True)
    names = list(dict.fromkeys(one.contender for one in results))
    for axes, (scope, shown) in zip(both, scopes.items(), strict=True):
        for place, name in enumerate(names):
            points = sorted((one.size, one.ms) for one in shown if one.contender == name)
            if not points:
                continue
            is_ours = name.startswith(OURS)
            axes.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=4,
                linewidth=2.4 if is_ours else 1.2,
                linestyle=":" if name.startswith("8 bytes") else "-",
                color=f"C{place % 10}",
                label=name,
            )
        axes.set(xscale="log", yscale="log", xlabel="devices", title=f"Select 1,000, {scope}")
        axes.grid(visible=True, which="both", alpha=0.25)
    both[0].set_ylabel("milliseconds")
    both[0].legend(fontsize=7)
    figure.savefig(path, dpi=110, metadata={"Software": None})
