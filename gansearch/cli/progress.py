"""What a person sees while a search runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gansearch.candidate import Candidate
from gansearch.messages import Progress
from gansearch.ranking.pareto import objectives_of, pareto_front
from gansearch.ranking.study_summary import study_summary
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_counts import VERDICT_STYLES, is_outdone, tally_line, verdict_name
from gansearch.signals import Remedy, Row
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

SHOWN = 10
"""Rows of the front that the live table shows at most."""


class _Search:
    """What is known of a running search."""

    def __init__(self, spec: StudySpec) -> None:
        self.spec = spec
        self.records: dict[int, TrialRecord] = {}
        self.running: dict[int, Mapping[str, float]] = {}
        self.progress: dict[int, Progress] = {}
        self.rescuing_now: dict[int, Remedy] = {}
        self.slots = 1
        self.started_at = time.monotonic()
        self._before = 0

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        self.records = {record.number: record for record in records if record.state != "waiting"}
        self.slots = slots
        self._before = self.done

    def started(self, trial: int, candidate: Candidate, sizes: Mapping[str, float]) -> None:
        self.running[trial] = sizes

    def progressed(self, progress: Progress) -> None:
        self.progress[progress.trial] = progress

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        self.rescuing_now[record.number] = remedy
        self.progress.pop(record.number, None)

    def ended(self, record: TrialRecord) -> None:
        self.records[record.number] = record
        for told in (self.running, self.progress, self.rescuing_now):
            told.pop(record.number, None)

    @property
    def done(self) -> int:
        """Trials that ended for good, those refused unseen not counted, and those taken up again once."""
        return sum(
            r.ended and not r.rejected and r.continues is None for r in self.records.values()
        )

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started_at

    def share_of_baseline(self, sizes: Mapping[str, float]) -> float | None:
        baselines = [r.sizes for r in self.records.values() if r.baseline and r.sizes]
        baselines += [self.running[0]] if 0 in self.running else []
        if not baselines or "generator_params" not in sizes:
            return None
        return sizes["generator_params"] / baselines[0]["generator_params"]

    def seconds_left(self) -> float | None:
        """At the pace so far, counting the running trials by their steps; None before the first ending."""
        ended = self.done - self._before
        if not ended:
            return None
        under_way = sum(p.step / p.steps for p in self.progress.values())
        remaining = max(0.0, self.spec.search.trials - self.done - under_way)
        return self.elapsed / (ended + under_way) * remaining


class LiveTable(_Search):
    """A table that is redrawn in place."""

    def __init__(self, spec: StudySpec, console: Console) -> None:
        super().__init__(spec)
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def idle(self) -> None:
        self._live.update(self._draw(), refresh=True)

    def _draw(self) -> RenderableType:
        records = sorted(self.records.values(), key=lambda record: record.number)
        parts: list[RenderableType] = [
            self._header(),
            Text(),
            self._running(),
            Text(),
            Text.from_markup(tally_line(records)),
        ]
        return Group(*parts, Text(), self._front(records))

    def _header(self) -> RenderableType:
        left = self.seconds_left()
        when = "" if left is None else f", about {clock(left)} left"
        grid = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=self.spec.search.trials, completed=self.done, width=24)
        told = f"{self.done} of {self.spec.search.trials} trials in {clock(self.elapsed)}{when}"
        grid.add_row(Text(self.spec.name, style="bold"), bar, told)
        return grid

    def _running(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("trial", justify="right")
        for heading in (
            "params",
            "of base",
            "step",
            "",
            "D loss r/f",
            "D acc r/f",
            "G loss",
            "steps/s",
        ):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("so far")
        for trial, sizes in sorted(self.running.items()):
            table.add_row(
                self._name(trial), *self._size(sizes), *self._state(self.progress.get(trial))
            )
            if remedy := self.rescuing_now.get(trial):
                table.add_row("", *8 * [""], Text(f"again: {remedy.title}", style="dim"))
        return table

    def _name(self, trial: int) -> str:
        return str(trial)

    def _size(self, sizes: Mapping[str, float]) -> tuple[str, str]:
        return figure(sizes.get("generator_params"), whole=True), percent(
            self.share_of_baseline(sizes)
        )

    def _state(self, progress: Progress | None) -> list[RenderableType]:
        if progress is None:
            return ["-", "", "-", "-", "-", "-", Text("starting", style="dim")]
        status = progress.verdict.status
        since = f" since step {progress.verdict.step}" if status == "suspect" else ""
        return [
            f"{progress.step}/{progress.steps}",
            ProgressBar(total=progress.steps, completed=progress.step, width=10),
            pair(progress.signals, "d_loss"),
            pair(progress.signals, "d_acc"),
            figure(progress.signals.get("g_loss")),
            f"{progress.steps_per_second:.0f}",
            Text(status + since, style=VERDICT_STYLES[status]),
        ]

    def _front(self, records: Sequence[TrialRecord]) -> RenderableType:
        axes = objectives_of(self.spec, records)
        front = pareto_front(records, axes)
        if not front.trials:
            return Text("no healthy trial yet", style="dim")
        standing = study_summary(self.spec, records)
        table = Table(
            box=None,
            pad_edge=False,
            header_style="bold",
            title="front so far",
            title_justify="left",
        )
        for heading in ("trial", *(axis.metric for axis in axes), "of base"):
            table.add_column(heading, justify="right", no_wrap=True)
        for record in front.trials[:SHOWN]:
            smallest = standing.smallest_within_tolerance
            style = (
                "bold green" if smallest is not None and smallest.number == record.number else ""
            )
            values = [figure(axis.value(record), whole=axis.is_size) for axis in axes]
            table.add_row(
                str(record.number),
                *values,
                percent(standing.share_of_baseline(record)),
                style=style,
            )
        return table


class PlainLines(_Search):
    """A line for each beginning and end of a trial, for logs and pipes."""

    def __init__(self, spec: StudySpec, console: Console) -> None:
        super().__init__(spec)
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def started(self, trial: int, candidate: Candidate, sizes: Mapping[str, float]) -> None:
        super().started(trial, candidate, sizes)
        share = percent(self.share_of_baseline(sizes))
        self._say(
            f"trial {trial} starts: {figure(sizes.get('generator_params'), whole=True)} parameters ({share})"
        )

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        super().rescuing(record, remedy)
        self._say(
            f"trial {record.number} {self._found(record)}; it is trained again: {remedy.title}"
        )

    def ended(self, record: TrialRecord) -> None:
        super().ended(record)
        if record.rejected:
            self._say(f"trial {record.number} refused before training: {record.reason}")
        elif record.state == "failed":
            again = "; it is tried again" if record.retried else ""
            reason = record.reason.partition("\n")[
                0
            ]  # a plugin's exception may say more than a line holds
            self._say(f"trial {record.number} failed: {reason}{again}")
        else:
            again = (
                ""
                if record.rescue is None
                else ", rescued"
                if record.rescued
                else "; its rescue failed, too"
            )
            self._say(f"trial {record.number} {record.state}: {self._found(record)}{again}")

    def idle(self) -> None:
        return None

    def _found(self, record: TrialRecord) -> str:
        if is_outdone(record):
            return record.reason
        name = verdict_name(record)
        if record.state == "pruned" and record.verdict is not None:
            return (
                f"{name} at step {record.verdict.step}, {record.verdict.evidence.get('rule', '')}"
            )
        metrics = (o.metric for o in self.spec.objectives)
        return f"{name}, " + ", ".join(f"{m} {figure(record.figures.get(m))}" for m in metrics)

    def _place(self) -> str:
        left = self.seconds_left()
        when = "" if left is None else f", about {clock(left)} left"
        return f"{self.done}/{self.spec.search.trials} {clock(self.elapsed)}{when}"

    def _say(self, text: str) -> None:
        self._console.print(
            f"[{self._place()}] {text}", markup=False, highlight=False, soft_wrap=True
        )


def pair(signals: Row, name: str) -> str:
    """A signal of the discriminator, on real and on generated samples."""
    return "/".join(
        f"{signals[key]:.2f}" if (key := f"{name}_{kind}") in signals else "-"
        for kind in ("real", "fake")
    )


def clock(seconds: float) -> str:
    """A time as `42s`, `7m05s` or `3h07m`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{seconds:02d}s" if minutes else f"{seconds}s"
