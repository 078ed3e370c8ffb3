"""Progress of a search, and the time that it still takes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from gansearch.cli.remaining_time import StepRate, certification_runs, search_steps_left
from gansearch.messages import Progress
from gansearch.ranking.study_summary import StudySummary, study_summary
from gansearch.report.formatting import figure, percent
from gansearch.signals import Remedy
from gansearch.storage.run_folder import RunFolder
from gansearch.study.spec import StudySpec
from gansearch.trial_record import Rejection, TrialRecord


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
