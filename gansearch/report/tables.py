"""The front as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gansearch.ranking.certificate import Certificate, CertificateStatus
from gansearch.ranking.study_summary import RunSummary, seed_noise
from gansearch.ranking.tradeoff import StepDown
from gansearch.report.formatting import change, figure, percent, setting
from gansearch.report.trial_figures import QUANTITIES, warning_lines
from gansearch.trial_record import TrialRecord


class Column(NamedTuple):
    """A column of the front's table."""

    heading: str
    cells: Sequence[str]
    """One cell a row of the table."""
    folds: bool = False
    """True when its cells may take several lines."""


MARKS: Mapping[str, tuple[str, str]] = {
    "champion": ("♛", "champion"),
    "baseline": ("★", "baseline"),
    "smallest_within_tolerance": (
        "◆",
        "smallest with {quality} within {tolerance:.0%} of the {reference}'s",
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
        group, unlimited = self._ranked_columns(), options.update(width=10_000)
        for part in (self._measured_columns(), self._searched_columns()):
            together = Measurement.get(console, unlimited, self._table([*group, *part]))
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
        named |= summary.certificates.keys()
        chosen = [r for r in front.healthy if r in front or r.number in named]
        return sorted(chosen, key=lambda r: (summary.size.cost(summary.size.value(r)), r.number))

    def _table(self, columns: Sequence[Column]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("trial", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for column in columns:
            folds = column.folds
            table.add_column(column.heading, justify="right", no_wrap=not folds, overflow="fold")
        named = self._named()
        for row, record in enumerate(self.rows()):
            marks = [MARKS[name][0] for name, one in named.items() if one.number == record.number]
            cells = [column.cells[row] for column in columns]
            style = "" if record in self.run.front else "dim"
            table.add_row(str(record.number), "".join(marks), *cells, style=style)
        return table

    def _ranked_columns(self) -> list[Column]:
        """Return the columns of objectives, steps down and certificates."""
        run, summary, rows, columns = self.run, self.run.summary, self.rows(), list[Column]()
        for axis in run.front.objectives:
            columns.append(Column(axis.metric, [figure(axis.value(r)) for r in rows]))
            if axis == summary.size:
                shares = [percent(summary.share_of_baseline(r)) for r in rows]
                columns.append(Column("of ★", shares))
        if run.steps_down:
            steps = [step_cell(run.steps_down.get(r.number)) for r in rows]
            columns.append(Column("step down", steps))
        if summary.certificates:
            certified = [certified_cell(summary.certificates.get(r.number)) for r in rows]
            columns.append(Column("certified", certified))
        return columns

    def _measured_columns(self) -> list[Column]:
        """Return the metrics beside the objectives, without those that every trial has anyway."""
        left_out = {axis.metric for axis in self.run.front.objectives}
        left_out |= {quantity.name for quantity in QUANTITIES} - {*self.run.spec.metrics}
        rows = self.rows()
        measured = dict.fromkeys(name for record in rows for name in record.metrics)
        return [
            Column(name, [figure(record.metrics.get(name)) for record in rows])
            for name in measured
            if name not in left_out
        ]

    def _searched_columns(self) -> list[Column]:
        rows = self.rows()
        return [
            Column(heading, [setting(record.parameters.get(name)) for record in rows], folds=True)
            for heading, name in varied(rows).items()
        ]

    def _named(self) -> dict[str, TrialRecord]:
        """Return the marked trials by the name of their mark."""
        summary = self.run.summary
        named = {"champion": summary.champion, **summary.notable_trials(), "knee": self.run.knee}
        return {name: record for name, record in named.items() if record is not None}

    def _legend(self) -> Iterator[str]:
        run, quality = self.run, self.run.summary.quality
        words = {
            "quality": quality.metric if quality else "",
            "tolerance": run.tolerance,
            "reference": run.summary.held_against,
        }
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
            corner, reference = [], run.front.reference
            for axis, value in zip(run.front.objectives, reference.values, strict=True):
                unit = "" if axis.scale == "linear" else " in decades"
                corner.append(f"{axis.metric} {figure(value)}{unit}")
            source: str = reference.of
            if source == "worst healthy trial":
                source += ", which moves while the study grows"
            yield (
                f"hypervolume: {figure(run.front.hypervolume)}, measured from "
                f"{' and '.join(corner)} (reference point of the {source})"
            )
        if any(record not in run.front for record in self.rows()):
            yield "Dim trials are not on the front."


def step_cell(step: StepDown | None) -> str:
    """Return a step down as `-45% ≈+6.0%`: size, then quality, ≈ for a change within noise."""
    if step is None:
        return "-"
    noise = "≈" if step.within_noise else ""
    return f"{change(step.size)} {noise}{change(step.quality)}"


def certified_cell(certificate: Certificate | None) -> str:
    """Return healthy seeds of those trained, and the status: `4/4 ✓`."""
    if certificate is None:
        return "-"
    return f"{certificate.healthy}/{certificate.seeds} {OUTCOMES[certificate.status][0]}"


def varied(rows: Sequence[TrialRecord]) -> dict[str, str]:
    """Return the parameters in which trials differ, by their shortest unambiguous heading."""
    known = dict.fromkeys(name for record in rows for name in record.settings)
    names = [name for name in known if len({repr(r.settings.get(name)) for r in rows}) > 1]
    endings = [name.rpartition(".")[2] for name in names]
    headings: dict[str, str] = {}
    for name, ending in zip(names, endings, strict=True):
        headings[ending if endings.count(ending) == 1 else name] = name
    return headings
