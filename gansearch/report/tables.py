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
from gansearch.storage.trials import TrialRecord

MARKS: Mapping[str, tuple[str, str]] = {
    "baseline": ("★", "baseline"),
    "smallest_within_tolerance": ("◆", "smallest with {quality} within {tolerance:.0%} of the baseline's"),
    "best_any_size": ("▲", "best {quality} at any size"),
    "best_at_baseline_size": ("●", "best {quality} at the baseline's size"),
}
SHARED = "searched"
"""Heading of the column that all searched parameters share in a narrow terminal."""


@dataclass(frozen=True)
class FrontTable:
    """The front and the trials that stand out, a row a trial, by size.

    Where the terminal is wide enough each searched parameter has a column of its own; else they
    share one.
    """

    survey: Survey

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = self._table(shared=False)
        fits = Measurement.get(console, options.update(width=10_000), wide).maximum <= options.max_width
        yield wide if fits else self._table(shared=True)
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

    def _table(self, *, shared: bool) -> Table:
        rows = self.rows()
        columns = [name for record in rows for name in record.metrics]
        metrics = [
            name for name in dict.fromkeys(columns) if name not in (axis.metric for axis in self.survey.front.axes)
        ]
        searched = varied(rows)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("trial", "", *self._headings(), *metrics):
            table.add_column(heading, justify="right" if heading else "left", no_wrap=bool(heading))
        for heading in [SHARED] if shared and searched else searched:
            table.add_column(heading, justify="left" if shared else "right", overflow="fold")
        for record in rows:
            values = [setting(record.parameters.get(name)) for name in searched.values()]
            cells = [str(record.number), self._marks(record), *self._axis_cells(record)]
            cells += [figure(record.metrics.get(name)) for name in metrics]
            cells += [", ".join(f"{k} {v}" for k, v in zip(searched, values, strict=True))] if shared else values
            table.add_row(*cells, style="" if record in self.survey.front else "dim")
        return table

    def _headings(self) -> Iterator[str]:
        for axis in self.survey.front.axes:
            yield axis.metric
            if axis == self.survey.standing.size:
                yield "of ★"

    def _axis_cells(self, record: TrialRecord) -> Iterator[str]:
        for axis in self.survey.front.axes:
            yield figure(axis.value(record), whole=axis.is_size)
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
