"""Listener of a search that passes every signal, sample and verdict to trackers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from gansearch.export.trackers.tracker import TrackedEnd, TrackedStep, Tracker
from gansearch.messages import Progress
from gansearch.search.listener import Listener
from gansearch.signals import Remedy, Row, Verdict
from gansearch.storage.trial_folder import TrialFolder
from gansearch.trial_record import TrialRecord

logger = logging.getLogger(__name__)


class _Training:
    """One training as a tracker has it so far."""

    def __init__(self, name: str, files: TrialFolder, last: int) -> None:
        self.name, self.files, self.last = name, files, last
        self._shown_up_to = last
        """Step of the last picture that the tracker has."""

    def steps_after(self, rows: Sequence[Row], first: int) -> list[TrackedStep]:
        """Return the steps that the tracker lacks, and note that it has them; `first` is rows[0].

        Rows that do not follow what it has are left for the end, where all are read from the file:
        a tracker's steps must come in order.
        """
        if first > self.last + 1:
            return []
        samples = self._new_samples()
        steps = [
            TrackedStep(step, row, samples.get(step))
            for step, row in enumerate(rows, start=first)
            if step > self.last
        ]
        self.last += len(steps)
        shown = [step.step for step in steps if step.samples]
        self._shown_up_to = max([self._shown_up_to, *shown])
        return steps

    def late_samples(self) -> list[TrackedStep]:
        """Return pictures made after the signals of their step, as at a pause."""
        return [TrackedStep(step, {}, path) for step, path in self._new_samples().items()]

    def _new_samples(self) -> dict[int, Path]:
        """Return the pictures that the tracker lacks, by step."""
        pictures = {int(path.stem.rpartition("-")[2]): path for path in self.files.sample_grids()}
        return {step: path for step, path in pictures.items() if step > self._shown_up_to}


class TrackerListener(Listener):
    """Listener that writes to one tracker, live and in order; an error only ends the tracking."""

    def __init__(
        self, tracker: Tracker, kind: str, folder_of: Callable[[int], TrialFolder]
    ) -> None:
        """Create the listener.

        Args:
            tracker: the tracker.
            kind: first part of the names of trainings, `trial` or `certification`.
            folder_of: returns the folder of a training by its number.
        """
        self._tracker: Tracker | None = tracker
        self._kind, self._folder_of = kind, folder_of
        self._trainings: dict[int, _Training] = {}

    def started(self, record: TrialRecord) -> None:
        self._begin(record, f"{self._kind}-{record.number:04d}", self._folder_of(record.number))

    def progressed(self, progress: Progress) -> None:
        training = self._trainings.get(progress.trial)
        if training is not None and progress.rows:
            first = progress.step - len(progress.rows) + 1
            self._log(training, progress.rows, first)

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        """End the first training, and begin the one with the remedy."""
        self._end(record, record.verdict)
        name = f"{self._kind}-{record.number:04d}-rescue"
        self._begin(record, name, self._folder_of(record.number).rescue)

    def ended(self, record: TrialRecord) -> None:
        verdict = record.verdict
        if record.rescue is not None and not record.rescued:
            verdict = record.rescue.second.verdict
        self._end(record, verdict)

    def close(self) -> None:
        """Close the tracker."""
        self._call(lambda tracker: tracker.close())

    def _begin(self, record: TrialRecord, name: str, files: TrialFolder) -> None:
        settings = dict(record.settings)
        if record.certifies is not None:
            settings = {"certifies": record.certifies, "seed": record.seed}

        def begin(tracker: Tracker) -> None:
            last = tracker.begin(name, settings)
            self._trainings[record.number] = _Training(name, files, last)

        self._call(begin)

    def _log(self, training: _Training, rows: Sequence[Row], first: int) -> None:
        if steps := training.steps_after(rows, first):
            self._call(lambda tracker: tracker.log(training.name, steps))

    def _end(self, record: TrialRecord, verdict: Verdict | None) -> None:
        """Pass on what the file of signals has beyond the progress, and the end."""
        training = self._trainings.pop(record.number, None)
        if training is None:
            return
        # A second training that failed too is told with its verdict; the figures are the first's.
        failed_rescue = training.name.endswith("-rescue") and not record.rescued
        figures = {} if failed_rescue else record.figures
        self._log(training, training.files.signal_rows(), first=1)
        if late := training.late_samples():
            self._call(lambda tracker: tracker.log(training.name, late))
        end = TrackedEnd(record.state, verdict, max(training.last, 0), record.reason, figures)
        self._call(lambda tracker: tracker.end(training.name, end))

    def _call(self, action: Callable[[Tracker], None]) -> None:
        """Call the tracker; after an error of its library, the network or the disk, never again."""
        if self._tracker is None:
            return
        try:
            action(self._tracker)
        except Exception as error:
            logger.warning(
                "the search goes on without %s, which failed: %s: %s",
                type(self._tracker).__name__,
                type(error).__name__,
                error,
            )
            self._tracker = None
            self._trainings.clear()
