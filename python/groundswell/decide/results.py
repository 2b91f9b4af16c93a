"""The results of a simulation: summaries, all runs as a table, sentences, pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.decide.summary import CellSummary, sentence_of, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from groundswell.decide.runs import CellRuns, SimulationSetup

__all__ = ["SimulationResults"]

_NOT_REACHED: Final = 2**32 - 1
_INSTANTS: Final = ("ended", "first_signal", "updated_50", "updated_90", "updated_99")
_HEADER: Final = ("strategy", "scenario", "stopped", "exposed p5", "p50", "p95", "harmed p50", "stop p50", "90% in")


class SimulationResults:
    """The results of `groundswell.simulate`."""

    def __init__(
        self,
        setup: SimulationSetup,
        core: _core.Simulation,
        cells: Sequence[CellRuns],
        *,
        runs: int,
        wanted: int,
        notes: Sequence[str] = (),
    ) -> None:
        self.setup: Final = setup
        self.notes: Final = tuple(notes)
        """What the simulation leaves out on this fleet."""
        self.runs: Final = runs
        """Finished runs of each strategy and scenario."""
        self.wanted: Final = wanted
        """The runs that were requested; more than `runs` after Ctrl-C."""
        self.matching: Final = core.matching
        """Matching devices of the fleet."""
        self.gone: Final = core.gone
        """Matching devices that are not expected to check in again."""
        self.rates: Final = core.rates
        """(mean seconds between check-ins, share of the devices) of the fitted habits."""
        self.cells: Final = tuple(cells)
        self._columns: Final = [cell.columns(runs) for cell in cells]
        self.summaries: Final[tuple[CellSummary, ...]] = tuple(
            summarise(cell.strategy, cell.scenario, columns, devices=self.matching, limit=cell.limit)
            for cell, columns in zip(self.cells, self._columns, strict=True)
        )
        """One for each strategy and scenario, strategy by strategy."""

    @property
    def is_complete(self) -> bool:
        """Whether all requested runs were finished."""
        return self.runs == self.wanted

    @property
    def strategies(self) -> list[str]:
        """The names of the strategies, in the given order."""
        return list(dict.fromkeys(cell.strategy for cell in self.cells))

    @property
    def sentences(self) -> list[str]:
        """One plain sentence for each strategy."""
        return [
            sentence_of(name, [one for one in self.summaries if one.strategy == name], devices=self.matching)
            for name in self.strategies
        ]

    def curves(self, at: int) -> Any:
        """The updated devices over time of the cell at an index: (runs, points) uint32, evenly over the horizon."""
        return self._columns[at]["curve"]

    def column(self, at: int, name: str) -> Any:
        """A column of the cell at an index; see `to_arrow` for the names."""
        return self._columns[at][name]

    def rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The header and the rows of `table`."""
        return _HEADER, [one.row() for one in self.summaries]

    def table(self) -> str:
        """The summaries as aligned text: a line for each strategy and scenario."""
        header, rows = self.rows()
        widths = [max(len(line[at]) for line in (header, *rows)) for at in range(len(header))]
        left = 2

        def aligned(line: tuple[str, ...]) -> str:
            cells = [
                cell.ljust(width) if at < left else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            return "  ".join(cells).rstrip()

        return "\n".join(aligned(line) for line in (header, *rows)) + "\n"

    def __repr__(self) -> str:
        return f"<SimulationResults of {len(self.cells)} × {self.runs} runs on {self.matching} devices>"

    def _repr_html_(self) -> str:
        """The table as HTML, for notebooks."""
        from groundswell.fleet.html import as_html

        header, rows = self.rows()
        return as_html(repr(self)[1:-1], header, rows)

    def to_arrow(self) -> pa.Table:
        """All runs, one a row: strategy, scenario, run, end, value, step, exposed, harmed, and instants in seconds.

        An instant that was not reached is null.
        """
        import numpy as np
        import pyarrow as pa

        tables = []
        for cell, columns in zip(self.cells, self._columns, strict=True):
            names = pa.array([*cell.values, ""])
            codes = np.minimum(columns["value"], len(cell.values)).astype("int32")
            values = pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes == len(cell.values)), names)
            data: dict[str, Any] = {
                "strategy": pa.array([cell.strategy] * self.runs, pa.string()),
                "scenario": pa.array([cell.scenario.name] * self.runs, pa.string()),
                "run": pa.array(np.arange(self.runs, dtype=np.uint32)),
                "end": pa.array(np.array(_core.RUN_ENDS)[columns["end"]], pa.string()),
                "value": values.cast(pa.string()),
                "step": pa.array(columns["step"]),
                "exposed": pa.array(columns["exposed"]),
                "harmed": pa.array(columns["harmed"]),
            }
            for name in _INSTANTS:
                data[name] = pa.array(columns[name], mask=columns[name] == _NOT_REACHED)
            tables.append(pa.table(data))
        return pa.concat_tables(tables)

    def to_data(self) -> dict[str, Any]:
        """The setup, the habits, the summaries and the sentences, as values for JSON."""
        setup = self.setup
        return {
            "devices": self.matching,
            "gone": self.gone,
            "now": setup.now.isoformat().replace("+00:00", "Z"),
            "seed": str(setup.seed),
            "runs": self.runs,
            "runs_requested": self.wanted,
            "complete": self.is_complete,
            "tick": setup.tick,
            "horizon": setup.horizon,
            "approve_after": setup.approve_after,
            "gone_after": setup.gone_after,
            "tag": setup.tag,
            "target_version": setup.target_version,
            "habits": [{"mean": mean, "share": round(share, 6)} for mean, share in self.rates],
            "notes": list(self.notes),
            "results": [one.to_data() for one in self.summaries],
            "sentences": self.sentences,
        }

    def plot(self, directory: str | Path) -> list[Path]:
        """Draw the pictures of the results as PNG and SVG; equal results give equal bytes.

        Requires the extra ``groundswell[plots]``.

        Args:
            directory: is created if it does not exist.

        Returns:
            The files that were written.

        Raises:
            InputError: ``no-matplotlib``.
        """
        from groundswell.decide.charts import draw_results

        return draw_results(self, directory)
