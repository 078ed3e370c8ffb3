"""Progress of a search, and the time that it still takes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from rich.console import Console

from gansearch.messages import Progress
from gansearch.ranking.study_summary import StudySummary, study_summary
from gansearch.report.formatting import figure, percent
from gansearch.run import certifies_at_end
from gansearch.search.listener import Listener
from gansearch.search.remaining_time import TrainingPace, Work, certification_work, search_work
from gansearch.signals import Remedy
from gansearch.storage.run_folder import RunFolder
from gansearch.study.spec import StudySpec
from gansearch.trial_record import Rejection, TrialRecord


class SearchProgress(Listener):
    """State of a running search, and the time that it still takes."""

    def __init__(self, spec: StudySpec, console: Console, folder: Path) -> None:
        self.spec, self.console, self.folder = spec, console, RunFolder(folder)
        self.records: dict[int, TrialRecord] = {}
        self.running: dict[int, Mapping[str, float]] = {}
        self.progress: dict[int, Progress] = {}
        self.remedies: dict[int, Remedy] = {}
        self.started_at = time.monotonic()
        self.slots = 1
        self.pace = TrainingPace()
        self._certification: list[Work] | None = None
        """Work of the certification to come, as long as no further trial has ended."""

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        self.records, self.slots = {record.number: record for record in records}, slots
        for record in records:
            self.pace.learn(record)

    def started(self, record: TrialRecord) -> None:
        self.running[record.number] = record.sizes
        self.pace.started(record, time.monotonic())

    def progressed(self, progress: Progress) -> None:
        self.progress[progress.trial] = progress
        self.pace.progressed(self.candidate_of(progress.trial), progress)

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
        self.pace.ended(record, time.monotonic())
        self._certification = None
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

    def baseline_sizes(self) -> Mapping[str, float]:
        """Return the sizes of the baseline, trial 0 of the search; empty where unknown."""
        known = self.records.get(0)
        return self.running.get(0) or (known.sizes if known else {})

    def share_of_baseline(self, sizes: Mapping[str, float]) -> float | None:
        """Return the generator's parameters as a share of the baseline's; None where unknown."""
        size = sizes.get("generator_params")
        base = self.baseline_sizes().get("generator_params")
        return size / base if size is not None and base else None

    def candidate_of(self, trial: int) -> int:
        """Return the trial of the search whose candidate a running trial trains."""
        return trial

    def work_left(self, steps: int, running: Mapping[int, int]) -> Sequence[Work]:
        """Return the work that is expected still, the certification at the end included.

        Args:
            steps: steps of a whole training.
            running: step of each running trial, by number.
        """
        work = search_work(self.spec, steps, self.ordered, running)
        if not certifies_at_end(self.spec):
            return work
        if self._certification is None:
            self._certification = certification_work(self.spec, steps, self.ordered)
        return [*work, *self._certification]

    def seconds_left(self) -> float | None:
        """Return the expected seconds to the end; None before the first steps."""
        told = max((one.steps for one in self.progress.values()), default=0)
        steps = self.spec.training.steps or told
        if not steps:
            return None
        running = {trial: one.step for trial, one in self.progress.items()}
        work = self.work_left(steps, {trial: 0 for trial in self.running} | running)
        return self.pace.seconds(work, self.slots)

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
        if best is None:
            return None
        grids = self.folder.trial(best.number).figured(best).sample_grids()
        return grids[-1] if grids else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


def clock(seconds: float) -> str:
    """Return a time as `42s`, `7m05s` or `3h07m`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{seconds:02d}s" if minutes else f"{seconds}s"
