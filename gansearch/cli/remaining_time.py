"""Estimate of the time that a search and its certification still take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

from gansearch.study.spec import CertificationSpec, StudySpec
from gansearch.trial_record import TrialRecord

PROMOTED = 0.4
"""Share of sampled trials that train beyond the first rung, assumed before any has ended."""
TRAINED = 0.8
"""Share of a whole training that other trials train, assumed before any has ended."""
WEIGHT = 4
"""Number of trials that the assumptions count for beside those that have ended."""


class StepRate:
    """Training steps a second of all slots together, pauses between trials included."""

    def __init__(self) -> None:
        self._steps: dict[int, int] = {}
        self._trained = 0
        self._since: float | None = None

    def progressed(self, trial: int, step: int, now: float) -> None:
        """Note the step that a trial has reached at a time in seconds."""
        if self._since is None:
            self._since = now
        self._trained += max(0, step - self._steps.get(trial, step))
        self._steps[trial] = step

    def per_second(self, now: float) -> float | None:
        """Return the rate; None before there are two events."""
        if self._since is None or now <= self._since or not self._trained:
            return None
        return self._trained / (now - self._since)


def search_steps_left(
    spec: StudySpec, steps: int, records: Iterable[TrialRecord], running: Mapping[int, int]
) -> float:
    """Return the steps that a search is expected to train still.

    It learns from the trials that have ended how many are stopped or paused early.

    Args:
        spec: the study.
        steps: steps of a whole training.
        records: trials that are paused or have ended.
        running: the step of each running trial, by number; a number may be among the records too.
    """
    known = {r.number: r for r in records if r.number not in running}
    sampled = [record for record in known.values() if not (record.given or record.variation)]
    pauses = spec.search.sampler == "shrink" and bool(spec.pruning.rungs)
    first = spec.pruning.rungs[0] if pauses else 0.0
    # A trial that is paused at the first rung has trained it to the end, and no step more.
    beyond = [r for r in sampled if r.steps > first * steps + 1 or (r.state == "complete")]
    promoted = 1.0
    if pauses:
        promoted = (len(beyond) + WEIGHT * PROMOTED) / (len(sampled) + WEIGHT)
    ended = [record.steps / steps for record in beyond if record.state != "paused"]
    trained = fmean([*ended, *WEIGHT * [TRAINED]])
    later = promoted * max(0.0, trained - first)

    def left(step: int) -> float:
        share = step / steps
        if share < first:
            return first - share + later
        return max(0.0, 1 - share) if pauses else trained * (1 - share)

    given = 1 + len(spec.queue)
    begun = known.keys() | running.keys()
    not_begun = range(len(begun), spec.search.trials)
    total = sum(1.0 if number < given else first + later for number in not_begun)
    total += sum(max(0.0, 1 - s / steps) if n < given else left(s) for n, s in running.items())
    paused = [record for record in known.values() if record.state == "paused"]
    total += sum(promoted * max(0.0, trained - record.steps / steps) for record in paused)
    return total * steps


def certification_runs(spec: CertificationSpec) -> int:
    """Return the number of runs that a certification is expected to train.

    It counts the seeds of the reference, of one unstable candidate, and of one that passes.
    """
    return spec.required + (spec.seeds - spec.required + 1) + spec.required
