"""The front as a table for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gansearch.ranking.certificate import Certificate, CertificateStatus
from gansearch.ranking.pareto import Objective, Reference
from gansearch.ranking.study_summary import RunSummary, seed_noise
from gansearch.ranking.tradeoff import StepDown
from gansearch.report.formatting import change, figure, percent, setting
from gansearch.report.trial_figures import QUANTITIES, warning_lines
from gansearch.trial_record import TrialRecord


class Column(NamedTuple):
    """A column of the front's table."""

    heading: str
    cell: Callable[[TrialRecord], str]
    folds: bool = False
    """True when its cells may take several lines."""


MARKS: Mapping[str, tuple[str, str]] = {
    "champion": ("♛", "champion"),
    "baseline": ("★", "baseline"),
    "smallest_within_tolerance": (
        "◆",
        "smallest with {quality} within {tolerance:.0%} of the baseline's",
    ),
    "best_any_size": ("▲", "best {quality} at any size"),
    "best_at_baseline_size": ("●", "best {quality} at the baseline's size"),
    "knee": ("∠", "knee of the front"),
}
OUTCOMES: Mapping[CertificateStatus, tuple[str, str]] = {
    "stable": ("✓", "stable"),
    "unstable": ("✗", "unstable"),
    "undecided": ("…", "undecided"),
}


@dataclass(frozen=True)
class FrontTable:
    """The front and the trials that stand out, a row a trial, by size.

    On a narrow terminal, the other metrics and the searched parameters get tables of their own.
    """

    run: RunSummary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        group, *parts = self._ranked_columns(), self._measured_columns(), self._searched_columns()
        for part in parts:
            together = Measurement.get(
                console, options.update(width=10_000), self._table([*group, *part])
            )
            if part and together.maximum > options.max_width:
                yield from (self._table(group), Text())
                group = part
            else:
                group += part
        yield from (self._table(group), Text())
        for line in self._legend():
            yield Text(line, style="dim")
        yield from warning_lines(self.rows())

    def rows(self) -> list[TrialRecord]:
        """Return the trials of the front, and other healthy ones that are marked or certified."""
        front, summary = self.run.front, self.run.summary
        named = {record.number for record in self._named().values()}
        chosen = [
            r
            for r in front.healthy
            if r in front or r.number in named or r.number in summary.certificates
        ]
        return sorted(chosen, key=lambda r: (summary.size.cost(summary.size.value(r)), r.number))

    def _table(self, columns: Sequence[Column]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("trial", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for column in columns:
            table.add_column(
                column.heading, justify="right", no_wrap=not column.folds, overflow="fold"
            )
        for record in self.rows():
            cells = [
                str(record.number),
                self._marks(record),
                *(column.cell(record) for column in columns),
            ]
            table.add_row(*cells, style="" if record in self.run.front else "dim")
        return table

    def _ranked_columns(self) -> list[Column]:
        """Return the columns of objectives, steps down and certificates."""
        run, summary, columns = self.run, self.run.summary, list[Column]()
        for axis in run.front.objectives:
            columns.append(Column(axis.metric, partial(_axis_cell, axis)))
            if axis == summary.size:
                columns.append(
                    Column("of ★", lambda record: percent(summary.share_of_baseline(record)))
                )
        if run.steps_down:
            columns.append(
                Column("step down", lambda record: step_cell(run.steps_down.get(record.number)))
            )
        if summary.certificates:
            columns.append(
                Column("certified", lambda r: certified_cell(summary.certificates.get(r.number)))
            )
        return columns

    def _measured_columns(self) -> list[Column]:
        return [Column(name, partial(_metric_cell, name)) for name in self._metrics(self.rows())]

    def _searched_columns(self) -> list[Column]:
        searched = varied(self.rows())
        return [
            Column(heading, partial(_parameter_cell, name), folds=True)
            for heading, name in searched.items()
        ]

    def _metrics(self, rows: Sequence[TrialRecord]) -> list[str]:
        """Return the metrics beside the objectives, without those that every trial has anyway."""
        left_out = {axis.metric for axis in self.run.front.objectives}
        left_out |= {quantity.name for quantity in QUANTITIES} - {*self.run.spec.metrics}
        measured = dict.fromkeys(name for record in rows for name in record.metrics)
        return [name for name in measured if name not in left_out]

    def _named(self) -> dict[str, TrialRecord]:
        """Return the marked trials by the name of their mark."""
        summary = self.run.summary
        named = {"champion": summary.champion, **summary.notable_trials(), "knee": self.run.knee}
        return {name: record for name, record in named.items() if record is not None}

    def _marks(self, record: TrialRecord) -> str:
        return "".join(
            MARKS[name][0] for name, one in self._named().items() if one.number == record.number
        )

    def _legend(self) -> Iterator[str]:
        run, quality = self.run, self.run.summary.quality
        words = {"quality": quality.metric if quality else "", "tolerance": run.tolerance}
        for name, record in self._named().items():
            mark, meaning = MARKS[name]
            yield f"{mark} {meaning.format(**words)}: trial {record.number}"
        if run.steps_down and quality:
            noise = f"≈ {quality.metric} within the noise of two seeds ({seed_noise(run.spec):.0%})"
            yield f"step down: against the next larger on the front; {noise}"
        if run.summary.certificates:
            marks = ", ".join(f"{mark} {meaning}" for mark, meaning in OUTCOMES.values())
            yield f"certified: healthy of fresh seeds; {marks}"
        if run.front.reference is not None:
            corner = _corner(run.front.objectives, run.front.reference)
            yield f"hypervolume: {figure(run.front.hypervolume)}, measured from {corner}"
        if any(record not in run.front for record in self.rows()):
            yield "Dim trials are not on the front."


def _axis_cell(axis: Objective, record: TrialRecord) -> str:
    return figure(axis.value(record))


def _metric_cell(name: str, record: TrialRecord) -> str:
    return figure(record.metrics.get(name))


def _corner(axes: Sequence[Objective], reference: Reference) -> str:
    """Return the reference point of a hypervolume, with units."""
    units = ("" if axis.scale == "linear" else " in decades" for axis in axes)
    corner = [
        f"{a.metric} {figure(v)}{unit}"
        for a, v, unit in zip(axes, reference.values, units, strict=True)
    ]
    told = f"{' and '.join(corner)} (reference point of the {reference.of}"
    return told + (
        ", which moves while the study grows)" if reference.of == "worst healthy trial" else ")"
    )


def _parameter_cell(name: str, record: TrialRecord) -> str:
    return setting(record.parameters.get(name))


def step_cell(step: StepDown | None) -> str:
    """Return a step down as `-45% ≈+6.0%`: size, then quality, ≈ for a change within noise."""
    return (
        "-"
        if step is None
        else f"{change(step.size)} {'≈' if step.within_noise else ''}{change(step.quality)}"
    )


def certified_cell(certificate: Certificate | None) -> str:
    """Return healthy seeds of those trained, and the status: `4/4 ✓`."""
    if certificate is None:
        return "-"
    return f"{certificate.healthy}/{certificate.seeds} {OUTCOMES[certificate.status][0]}"


def varied(rows: Sequence[TrialRecord]) -> dict[str, str]:
    """Return the parameters in which trials differ, by their shortest unambiguous heading."""
    names = dict.fromkeys(name for record in rows for name in record.settings)
    names = {
        name: None
        for name in names
        if len({repr(record.settings.get(name)) for record in rows}) > 1
    }
    endings = [name.rpartition(".")[2] for name in names]
    return {
        ending if endings.count(ending) == 1 else name: name
        for name, ending in zip(names, endings, strict=True)
    }
