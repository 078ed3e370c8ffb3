"""Progress of a search as a table that is redrawn in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gansearch.cli.progress import SearchProgress, clock
from gansearch.ranking.pareto import objectives_of, pareto_front
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_counts import VERDICT_STYLES, count_lines, failure_reasons
from gansearch.report.trial_figures import warning_lines
from gansearch.signals import Row
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

FIXED_LINES = 13
"""Lines of the live view besides the rows of its two tables."""
WIDE = 110
"""Columns of a terminal from which the live view shows losses."""


class LiveTable(SearchProgress):
    """A table that is redrawn in place and fits the terminal."""

    def __init__(self, spec: StudySpec, console: Console, folder: Path) -> None:
        super().__init__(spec, console, folder)
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def idle(self) -> None:
        self._live.update(self.draw(), refresh=True)

    def draw(self) -> RenderableType:
        """Return the view: time and counts, running trials, the best so far, the front."""
        records, room = self.ordered, max(2, self.console.height - FIXED_LINES)
        rows = min(len(self.running) + len(self.remedies), max(1, room // 2))

        # Time and counts
        left, when = self.seconds_left(), "estimating the time left"
        if left is not None:
            when = f"about {clock(left)} left"
        header = Text(no_wrap=True, overflow="ellipsis").append(self.spec.name, style="bold")
        header.append(f"  {self.counted()} in {clock(self.elapsed)}, {when}")
        states = count_lines(records)[0]  # its verdicts stand among the failures, all but healthy
        lines: list[RenderableType] = [header, _line(states)]
        if reasons := failure_reasons(records):
            counts = (f"[{VERDICT_STYLES[name]}]{n} {name}[/]" for name, n in reasons.items())
            lines.append(_line("failures: " + ", ".join(counts)))

        # Running trials, the best so far, the front
        lines += [Text(), self._running_table(rows), Text()]
        if best := self.best_line():
            lines.append(_line(f"[bold]best so far:[/] {best}"))
            samples = self.best_samples()
            lines.append(_line(f"samples: {samples}" if samples else ""))
        front = self._front(records, max(1, room - rows))
        return Group(*lines, front, *warning_lines(records))

    def counted(self) -> str:
        """Return the number of trials that have ended."""
        return f"{self.done} of {self.spec.search.trials} trials, {len(self.running)} running,"

    def _running_table(self, rows: int) -> RenderableType:
        wide = self.console.width >= WIDE
        table = Table(box=None, pad_edge=False, header_style="bold")
        sizes_known = {name for sizes in self.running.values() for name in sizes}
        names = (o.metric for o in self.spec.objectives)
        quality = next((name for name in names if name not in sizes_known), "")
        headings = ["trial", "state", "verdict", quality, "params", "step", "speed"]
        extra = ["of ★", "", "D loss r/f", "D acc r/f", "G loss"]
        for heading in [*headings, *(extra if wide else [])]:
            table.add_column(heading, justify="right", no_wrap=True, overflow="ellipsis")
        shown = sorted(self.running.items())[:rows]
        for trial, sizes in shown:
            cells = self._cells(trial, sizes, quality)
            table.add_row(*cells[: len(table.columns)])
        if len(shown) < len(self.running):
            return Group(table, Text(f"... and {len(self.running) - len(shown)} more", style="dim"))
        return table

    def _cells(self, trial: int, sizes: Mapping[str, float], quality: str) -> list[RenderableType]:
        """Return the row of a running trial; a narrow terminal shows the first seven cells."""
        progress, record = self.progress.get(trial), self.records.get(trial)
        measured = None
        if record is not None and record.rungs:
            measured = record.rungs[-1].metrics.get(quality)
        state = "training" if progress else "starting"
        if trial in self.remedies:
            state = "rescue"
        params = figure(sizes.get("generator_params"), whole=True)
        share = percent(self.share_of_baseline(sizes))
        if progress is None:
            return [self.name(trial), state, "", figure(measured), params, "-", "-", share]
        status = progress.verdict.status
        verdict: str = status
        if status == "suspect" and progress.verdict.step is not None:
            verdict = f"{status} @{progress.verdict.step}"
        return [
            self.name(trial),
            state,
            Text(verdict, style=VERDICT_STYLES.get(status, "")),
            figure(measured),
            params,
            f"{progress.step}/{progress.steps}",
            speed(progress.steps_per_second),
            share,
            ProgressBar(total=progress.steps, completed=progress.step, width=8),
            pair(progress.signals, "d_loss"),
            pair(progress.signals, "d_acc"),
            figure(progress.signals.get("g_loss")),
        ]

    def name(self, trial: int) -> str:
        """Return the name of a running trial."""
        return str(trial)

    def _front(self, records: Sequence[TrialRecord], rows: int) -> RenderableType:
        objectives = objectives_of(self.spec, records)
        front, summary = pareto_front(records, objectives), self.summary()
        if not front.trials:
            return Text("no healthy trial yet", style="dim")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("front", *(objective.metric for objective in objectives), "of ★"):
            table.add_column(heading, justify="right", no_wrap=True)
        smallest = summary.smallest_within_tolerance
        for record in front.trials[:rows]:
            is_smallest = smallest is not None and smallest.number == record.number
            table.add_row(
                str(record.number),
                *(figure(o.value(record), whole=o.is_size) for o in objectives),
                percent(summary.share_of_baseline(record)),
                style="bold green" if is_smallest else "",
            )
        return table


def _line(markup: str) -> Text:
    """Return a line that is cut where the terminal ends."""
    line = Text.from_markup(markup)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def pair(signals: Row, name: str) -> str:
    """Return a signal of the discriminator on real and on generated samples."""
    values = [signals.get(f"{name}_{kind}") for kind in ("real", "fake")]
    return "/".join("-" if value is None else f"{value:.2f}" for value in values)


def speed(steps_per_second: float) -> str:
    """Return `120/s`, or `2.5 s/step` for less than one step a second."""
    if 0 < steps_per_second < 1:
        return f"{1 / steps_per_second:.1f} s/step"
    return f"{steps_per_second:.0f}/s"
