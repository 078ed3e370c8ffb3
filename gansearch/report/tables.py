"""The front as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gansearch.report.numbers import figure, percent, setting
from gansearch.report.survey import Survey
from gansearch.report.trial_figures import QUANTITIES
from gansearch.storage.trials import TrialRecord

MARKS: Mapping[str, tuple[str, str]] = {
    "baseline": ("★", "baseline"),
    "smallest_within_tolerance": ("◆", "smallest with {quality} within {tolerance:.0%} of the baseline's"),
    "best_any_size": ("▲", "best {quality} at any size"),
    "best_at_baseline_size": ("●", "best {quality} at the baseline's size"),
}


@dataclass(frozen=True)
class FrontTable:
    """The front and the trials that stand out, a row a trial, by size.

    Where the terminal is too narrow for everything, the searched parameters get a table of their own.
    """

    survey: Survey

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = self._table(figures=True, parameters=True)
        if Measurement.get(console, options.update(width=10_000), whole).maximum <= options.max_width:
            yield whole
        else:
            yield from (self._table(figures=True), Text(), self._table(parameters=True))
        yield Text()
        for line in self._legend():
            yield Text(line, style="dim")

    def rows(self) -> list[TrialRecord]:
        """The trials shown: those on the front, and the healthy ones that stand out beside it."""
        chosen = {record.number: record for record in self.survey.front.trials}
        healthy = {record.number for record in self.survey.front.healthy}
        chosen |= {r.number: r for r in self.survey.standing.named().values() if r is not None and r.number in healthy}
        size = self.survey.standing.size
        return sorted(chosen.values(), key=lambda r: (size.cost(size.value(r)), r.number))

    def _table(self, *, figures: bool = False, parameters: bool = False) -> Table:
        rows = self.rows()
        metrics = self._metrics(rows) if figures else []
        searched = varied(rows) if parameters else {}
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("trial", "", *(self._headings() if figures else ()), *metrics):
            table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
        for heading in searched:
            table.add_column(heading, justify="right", overflow="fold")
        for record in rows:
            cells = [str(record.number), self._marks(record), *(self._axis_cells(record) if figures else ())]
            cells += [figure(record.metrics.get(name)) for name in metrics]
            cells += [setting(record.parameters.get(name)) for name in searched.values()]
            table.add_row(*cells, style="" if record in self.survey.front else "dim")
        return table

    def _metrics(self, rows: Sequence[TrialRecord]) -> list[str]:
        """What was measured besides the axes; not what every trial has, unless the study asks for it."""
        left_out = {axis.metric for axis in self.survey.front.axes}
        left_out |= {quantity.name for quantity in QUANTITIES} - {*self.survey.spec.metrics}
        measured = dict.fromkeys(name for record in rows for name in record.metrics)
        return [name for name in measured if name not in left_out]

    def _headings(self) -> Iterator[str]:
        for axis in self.survey.front.axes:
            yield axis.metric
            if axis == self.survey.standing.size:
                yield "of ★"

    def _axis_cells(self, record: TrialRecord) -> Iterator[str]:
        for axis in self.survey.front.axes:
            yield figure(axis.value(record))
            if axis == self.survey.standing.size:
                yield percent(self.survey.standing.share_of_baseline(record))

    def _marks(self, record: TrialRecord) -> str:
        held = self.survey.standing.named().items()
        return "".join(MARKS[name][0] for name, one in held if one is not None and one.number == record.number)

    def _legend(self) -> Iterator[str]:
        standing = self.survey.standing
        words = {"quality": standing.quality.metric if standing.quality else "", "tolerance": self.survey.tolerance}
        for name, record in standing.named().items():
            if record is not None:
                mark, meaning = MARKS[name]
                yield f"{mark} {meaning.format(**words)}: trial {record.number}"
        if any(record not in self.survey.front for record in self.rows()):
            yield "Dim trials are not on the front."


def varied(rows: Sequence[TrialRecord]) -> dict[str, str]:
    """The parameters in which trials differ, by the shortest heading that tells them apart."""
    names = dict.fromkeys(name for record in rows for name in record.parameters)
    names = {name: None for name in names if len({repr(record.parameters.get(name)) for record in rows}) > 1}
    endings = [name.rpartition(".")[2] for name in names]
    return {ending if endings.count(ending) == 1 else name: name for name, ending in zip(names, endings, strict=True)}
