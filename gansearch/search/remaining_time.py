"""Estimate of the time that a search and its certification still take.

The steps still to train, times the seconds of a step, are shared out among the slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from gansearch.messages import Progress
from gansearch.ranking.pareto import objectives_of
from gansearch.search.certification_plan import CertificationPlan, Choice
from gansearch.search.samplers import KINDS
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

PROMOTED = 0.75
"""Share of the steps behind the first rung that the sampled trials of a search train in the end, of
those that they would train if none stayed paused: 0.72 on average over 12 searches that were
replayed on the table of benchmarks/tabular, 0.86 in a run of studies/shrink_generator.yaml."""
TRAINED = 0.85
"""Share of a whole training after which a trial ends, assumed before any has ended."""
WEIGHT = 4
"""Number of trials that this assumption counts for beside those that have ended."""
START_SECONDS = 30.0
"""Seconds of training that count as without overhead beside those measured."""


@dataclass(frozen=True)
class Work:
    """Steps still to train, of one trial or of trials that are not known yet."""

    steps: float
    trial: int | None = None
    """Number of a trial of the search; None for any that is still to be sampled."""
    running: bool = False


class TrainingPace:
    """Measured seconds a step, and the time of a slot that is not spent on steps."""

    def __init__(self, recent: int | None = None) -> None:
        """Begin without any trial.

        Args:
            recent: number of the latest sampled trials that tell the usual pace; all by default.
        """
        self._recent = recent
        self._seconds: dict[int, float] = {}
        """Seconds a step, by the trial of the search."""
        self._sampled: dict[int, TrialRecord] = {}
        self._started: dict[int, tuple[float, float]] = {}
        """Time at which a running trial started, and the seconds that it had trained before."""
        self._busy = self._training = START_SECONDS

    def started(self, record: TrialRecord, now: float) -> None:
        """Note that a trial takes a slot, at a time in seconds."""
        self._started[record.number] = now, record.seconds

    def progressed(self, candidate: int, progress: Progress) -> None:
        """Take the speed of a running trial; `candidate` is the trial of the search that it is."""
        if progress.steps_per_second > 0:
            self.learn_pace(candidate, 1 / progress.steps_per_second)

    def learn_pace(self, candidate: int, seconds: float) -> None:
        """Take the measured seconds a step of a candidate."""
        self._seconds[candidate] = seconds

    def ended(self, record: TrialRecord, now: float) -> None:
        """Take the seconds of a trial that frees its slot."""
        began, before = self._started.pop(record.number, (now, record.seconds))
        # A trial that had to begin again has trained for less than when it was paused.
        self._busy += max(0.0, now - began)
        self._training += max(0.0, record.seconds - before)
        self.learn(record)

    def learn(self, record: TrialRecord) -> None:
        """Take the seconds of a trial that was trained earlier."""
        candidate = record.number if record.certifies is None else record.certifies
        if record.steps and record.seconds:
            self._seconds[candidate] = record.seconds / record.steps
        if not record.given:
            self._sampled.pop(candidate, None)
            self._sampled[candidate] = record
            if self._recent is not None and len(self._sampled) > self._recent:
                del self._sampled[next(iter(self._sampled))]

    def seconds(self, work: Iterable[Work], slots: int) -> float | None:
        """Return the seconds of some work on slots side by side; None before the first steps."""
        if not self._seconds:
            return None
        usual = fmean(self._seconds.values())
        if steps := sum(record.steps for record in self._sampled.values()):
            usual = sum(record.seconds for record in self._sampled.values()) / steps
        overhead = self._busy / self._training

        total = longest = 0.0
        for one in work:
            pace = usual if one.trial is None else self._seconds.get(one.trial, usual)
            seconds = one.steps * pace * overhead
            total += seconds
            if one.running:
                longest = max(longest, seconds)
        return max(longest, total / slots)


def search_work(
    spec: StudySpec, steps: int, records: Iterable[TrialRecord], running: Mapping[int, int]
) -> list[Work]:
    """Return the steps that a search is expected to train still.

    The trials that have ended tell how far a training goes before it is stopped.

    Args:
        spec: the study.
        steps: steps of a whole training.
        records: trials that are paused or have ended.
        running: the step of each running trial, by number; a number may be among the records too.
    """
    known = {r.number: r for r in records if r.number not in running}
    given = range(1 + len(spec.queue))
    work = [
        Work(max(0, steps - running.get(number, 0)), number, number in running)
        for number in given
        if number not in known
    ]
    sampled = [record for record in known.values() if not record.given]
    ended = [record.steps / steps for record in sampled if record.ended]
    trained = fmean([*ended, *WEIGHT * [TRAINED]])
    expected = trained
    if KINDS[spec.search.sampler].promotes and spec.pruning.rungs:
        first = spec.pruning.rungs[0]
        expected = first + PROMOTED * max(0.0, trained - first)

    others = {number: step for number, step in running.items() if number not in given}
    ahead = {number: max(0.0, trained * steps - step) for number, step in others.items()}
    count = max(spec.search.trials - len(given), len(sampled) + len(others))
    done = sum(record.steps for record in sampled) + sum(others.values())
    later = count * expected * steps - done - sum(ahead.values())
    work += [Work(left, number, running=True) for number, left in ahead.items()]
    return [*work, Work(max(0.0, later))]


def certification_work(
    spec: StudySpec,
    steps: int,
    records: Sequence[TrialRecord],
    runs: Sequence[TrialRecord] = (),
    choice: Choice | None = None,
) -> list[Work]:
    """Return the runs that a certification is expected to train still, each from its first step.

    Every seed is expected to end as the trial did in the search.

    Args:
        spec: the study.
        steps: steps of a whole training.
        records: trials of the search.
        runs: runs of the certification that have ended, or count as if they had.
        choice: candidates to certify.
    """
    searched = {record.number: record for record in records}
    plan = CertificationPlan(spec, records, objectives_of(spec, records), choice or Choice())
    expected = list(runs)
    while due := plan.due(expected, ()):
        trial, seed = due
        expected.append(replace(searched[trial], certifies=trial, seed=seed))
    later = [Work(steps, run.certifies) for run in expected[len(runs) :]]
    if later or runs:
        return later
    # No trial is healthy so far: the baseline and one candidate, in the end.
    return 2 * spec.certification.required * [Work(steps)]
