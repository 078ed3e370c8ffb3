"""Progress of a search: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gansearch.cli.remaining_time import StepRate, certification_runs, search_steps_left
from gansearch.messages import Progress
from gansearch.ranking.pareto import objectives_of, pareto_front
from gansearch.ranking.study_summary import StudySummary, study_summary
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_counts import (
    VERDICT_STYLES,
    count_lines,
    failure_reasons,
    is_dominated,
    verdict_name,
)
from gansearch.report.trial_figures import warning_lines
from gansearch.signals import Remedy, Row
from gansearch.storage.run_folder import RunFolder
from gansearch.study.spec import StudySpec
from gansearch.trial_record import Rejection, TrialRecord

FIXED_LINES = 14
"""Lines of the live view besides the rows of its two tables."""
WIDE = 110
"""Columns of a terminal from which the live view shows losses."""


class SearchProgress:
    """State of a running search, and the time that it still takes."""

    def __init__(self, spec: StudySpec, folder: Path) -> None:
        self.spec, self.folder = spec, RunFolder(folder)
        self.records: dict[int, TrialRecord] = {}
        self.running: dict[int, Mapping[str, float]] = {}
        self.progress: dict[int, Progress] = {}
        self.remedies: dict[int, Remedy] = {}
        self.started_at = time.monotonic()
        self._rate = StepRate()

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        self.records = {record.number: record for record in records}

    def started(self, record: TrialRecord) -> None:
        self.running[record.number] = record.sizes
        self._rate.progressed(record.number, record.steps, time.monotonic())

    def progressed(self, progress: Progress) -> None:
        self.progress[progress.trial] = progress
        self._rate.progressed(progress.trial, progress.step, time.monotonic())

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        self.remedies[record.number] = remedy
        self.progress.pop(record.number, None)

    def retrying(self, record: TrialRecord, reason: str) -> None:
        self.progress.pop(record.number, None)

    def rejected(self, rejection: Rejection) -> None:
        return None

    def exhausted(self) -> None:
        return None

    def idle(self) -> None:
        return None

    def ended(self, record: TrialRecord) -> None:
        self.records[record.number] = record
        for by_trial in (self.running, self.progress, self.remedies):
            by_trial.pop(record.number, None)

    @property
    def ordered(self) -> list[TrialRecord]:
        """Records in order of their number."""
        return sorted(self.records.values(), key=lambda record: record.number)

    @property
    def done(self) -> int:
        """Number of trials that have ended."""
        return sum(record.ended for record in self.records.values())

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started_at

    def share_of_baseline(self, sizes: Mapping[str, float]) -> float | None:
        baselines = [r.sizes for r in self.records.values() if r.baseline and r.sizes]
        baselines += [self.running[0]] if 0 in self.running else []
        size = sizes.get("generator_params")
        base = baselines[0].get("generator_params") if baselines else None
        return size / base if size is not None and base else None

    def steps_left(self, steps: int, running: Mapping[int, int]) -> float:
        """Return the expected steps still to train, the certification at the end included."""
        left = search_steps_left(self.spec, steps, self.ordered, running)
        if self.spec.certification.at_end and self.spec.search.sampler != "one-at-a-time":
            left += certification_runs(self.spec.certification) * steps
        return left

    def seconds_left(self) -> float | None:
        """Return the expected seconds to the end; None before the first steps."""
        rate = self._rate.per_second(time.monotonic())
        told = max((one.steps for one in self.progress.values()), default=0)
        steps = self.spec.training.steps or told
        if not rate or not steps:
            return None
        reached = {trial: 0 for trial in self.running}
        reached |= {trial: one.step for trial, one in self.progress.items()}
        return self.steps_left(steps, reached) / rate

    def summary(self) -> StudySummary:
        return study_summary(self.spec, self.ordered)

    def best_line(self) -> str:
        """Return the smallest trial within tolerance, or the best, as a line; empty without."""
        summary = self.summary()
        best = summary.smallest_within_tolerance or summary.best_any_size
        if best is None or summary.quality is None:
            return ""
        quality = f"{summary.quality.metric} {figure(summary.quality.value(best))}"
        size = figure(summary.size.value(best), whole=summary.size.is_size)
        share = percent(summary.share_of_baseline(best))
        return f"trial {best.number}, {summary.size.metric} {size} ({share} of ★), {quality}"

    def best_samples(self) -> Path | None:
        """Return the last picture of that trial's samples."""
        summary = self.summary()
        best = summary.smallest_within_tolerance or summary.best_any_size
        grids = [] if best is None else self.folder.trial(best.number).figured(best).sample_grids()
        return grids[-1] if grids else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


class LiveTable(SearchProgress):
    """A table that is redrawn in place and fits the terminal."""

    def __init__(self, spec: StudySpec, console: Console, folder: Path) -> None:
        super().__init__(spec, folder)
        self._console = console
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
        records, room = self.ordered, max(2, self._console.height - FIXED_LINES)
        rows = min(len(self.running) + len(self.remedies), max(1, room // 2))
        lines = [self._header(), *map(_line, count_lines(records))]
        if reasons := failure_reasons(records):
            counts = (f"[{VERDICT_STYLES[name]}]{n} {name}[/]" for name, n in reasons.items())
            lines.append(_line("failures: " + ", ".join(counts)))
        lines += [Text(), self._running_table(rows), Text()]
        if best := self.best_line():
            lines.append(_line(f"[bold]best so far:[/] {best}"))
            samples = self.best_samples()
            lines.append(_line(f"samples: {samples}" if samples else ""))
        front = self._front(records, max(1, room - rows))
        return Group(*lines, front, *warning_lines(records))

    def _header(self) -> RenderableType:
        left = self.seconds_left()
        when = "estimating the time left" if left is None else f"about {clock(left)} left"
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(self.spec.name, style="bold")
        return line.append(f"  {self.counted()} in {clock(self.elapsed)}, {when}")

    def counted(self) -> str:
        """Return the number of trials that have ended."""
        return f"{self.done} of {self.spec.search.trials} trials, {len(self.running)} running,"

    def _running_table(self, rows: int) -> RenderableType:
        wide = self._console.width >= WIDE
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
            table.add_row(*cells, *(self._more_cells(trial, sizes) if wide else ()))
        if len(shown) < len(self.running):
            return Group(table, Text(f"... and {len(self.running) - len(shown)} more", style="dim"))
        return table

    def _cells(self, trial: int, sizes: Mapping[str, float], quality: str) -> list[RenderableType]:
        progress, record = self.progress.get(trial), self.records.get(trial)
        measured = record.rungs[-1].metrics.get(quality) if record and record.rungs else None
        state = "rescue" if trial in self.remedies else "training" if progress else "starting"
        status = progress.verdict.status if progress else ""
        since = progress.verdict.step if progress and status == "suspect" else None
        verdict = status if since is None else f"{status} @{since}"
        return [
            self.name(trial),
            state,
            Text(verdict, style=VERDICT_STYLES.get(status, "")),
            figure(measured),
            figure(sizes.get("generator_params"), whole=True),
            f"{progress.step}/{progress.steps}" if progress else "-",
            speed(progress.steps_per_second) if progress else "-",
        ]

    def _more_cells(self, trial: int, sizes: Mapping[str, float]) -> list[RenderableType]:
        progress = self.progress.get(trial)
        share = percent(self.share_of_baseline(sizes))
        if progress is None:
            return [share]
        bar = ProgressBar(total=progress.steps, completed=progress.step, width=8)
        signals, g_loss = progress.signals, figure(progress.signals.get("g_loss"))
        return [share, bar, pair(signals, "d_loss"), pair(signals, "d_acc"), g_loss]

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


class PlainLines(SearchProgress):
    """A line for each start and end of a trial, for logs and pipes."""

    def __init__(self, spec: StudySpec, console: Console, folder: Path) -> None:
        super().__init__(spec, folder)
        self._console = console
        self._best = ""

    def started(self, record: TrialRecord) -> None:
        super().started(record)
        size = figure(record.sizes.get("generator_params"), whole=True)
        share = percent(self.share_of_baseline(record.sizes))
        verb = f"continues at step {record.steps}" if record.steps else "starts"
        self.say(f"trial {record.number} {verb}: {size} parameters ({share})")

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        super().rescuing(record, remedy)
        self.say(f"trial {record.number} {self.found(record)}; trained again: {remedy.title}")

    def retrying(self, record: TrialRecord, reason: str) -> None:
        super().retrying(record, reason)
        self.say(f"trial {record.number} is trained again: {_first_line(reason)}")

    def rejected(self, rejection: Rejection) -> None:
        self.say(f"rejected before training: {_first_line(rejection.reason)}")

    def exhausted(self) -> None:
        self.say("every candidate of the search space has been tried")

    def ended(self, record: TrialRecord) -> None:
        super().ended(record)
        if record.state == "failed":
            self.say(f"trial {record.number} failed: {_first_line(record.reason)}")
        else:
            rescue = ""
            if record.rescue is not None:
                rescue = ", rescued" if record.rescued else "; its rescue failed too"
            self.say(f"trial {record.number} {record.state}: {self.found(record)}{rescue}")
        self._say_best()

    def found(self, record: TrialRecord) -> str:
        """Return the result of a trial: its figures, or the reason of its end."""
        if record.state == "paused" or is_dominated(record):
            return record.reason
        name = verdict_name(record)
        if record.state == "pruned" and record.verdict is not None:
            rule = record.verdict.evidence.get("rule", "")
            return f"{name} at step {record.verdict.step}, {rule}"
        metrics = (o.metric for o in self.spec.objectives)
        return f"{name}, " + ", ".join(f"{m} {figure(record.figures.get(m))}" for m in metrics)

    def position(self) -> str:
        """Return the number of ended trials, the time so far and the time left."""
        left = self.seconds_left()
        when = "" if left is None else f", about {clock(left)} left"
        return f"{self.done}/{self.spec.search.trials} {clock(self.elapsed)}{when}"

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(
            f"[{self.position()}] {text}", markup=False, highlight=False, soft_wrap=True
        )

    def _say_best(self) -> None:
        if (best := self.best_line()) and best != self._best:
            samples = self.best_samples()
            self.say(f"best so far: {best}" + (f"; samples: {samples}" if samples else ""))
            self._best = best


def _first_line(reason: str) -> str:
    """Return the first line of a reason; a plugin's exception may have more."""
    return reason.partition("\n")[0]


def _line(markup: str) -> Text:
    """Return a line that is cut where the terminal ends."""
    line = Text.from_markup(markup)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def pair(signals: Row, name: str) -> str:
    """Return a signal of the discriminator on real and on generated samples."""
    return "/".join(
        f"{signals[key]:.2f}" if (key := f"{name}_{kind}") in signals else "-"
        for kind in ("real", "fake")
    )


def speed(steps_per_second: float) -> str:
    """Return `120/s`, or `2.5 s/step` for less than one step a second."""
    if 0 < steps_per_second < 1:
        return f"{1 / steps_per_second:.1f} s/step"
    return f"{steps_per_second:.0f}/s"


def clock(seconds: float) -> str:
    """Return a time as `42s`, `7m05s` or `3h07m`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{seconds:02d}s" if minutes else f"{seconds}s"
