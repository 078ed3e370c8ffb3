"""Quality thresholds: the quality of a reference model plus the study's tolerance.

The tolerance is never smaller than the difference that two draws of samples from one generator
show, which the calibration has measured: below it a champion would be chosen by chance.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective, healthy_trials
from gansearch.run_context import Calibration
from gansearch.study.spec import CertificationSpec, StudySpec
from gansearch.trial_record import TrialRecord

MODULUS = 2**31
"""Exclusive upper bound of a seed."""

SeedRuns = Mapping[int, Mapping[int, TrialRecord]]
"""Ended certification runs, by trial of the search and by fresh seed."""


@dataclass(frozen=True)
class QualityThreshold:
    """Worst quality that is within tolerance of a reference model."""

    trial: int
    """Number of the reference model in the search."""
    quality: float
    """Quality of the reference model."""
    seeds: int
    """Number of healthy fresh seeds of which it is the median; 0 if it is of the search's run."""
    value: float
    """Threshold itself, in the metric's own unit."""
    tolerance: float
    """Share of the quality by which a model may be worse: the study's, or the spread if larger."""

    def is_met(self, objective: Objective, quality: float) -> bool:
        """Return true if a quality is within tolerance."""
        return objective.cost(quality) <= objective.cost(self.value)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class QualityThresholds:
    """Thresholds by the reference models; None of one that has no healthy run or no quality."""

    baseline: QualityThreshold | None = None
    """Threshold by the baseline as written."""
    tuned_baseline: QualityThreshold | None = None
    """Threshold by the best model of the baseline's size."""
    best: QualityThreshold | None = None
    """Threshold by the best model of any size."""

    def for_champion(self, spec: CertificationSpec) -> QualityThreshold | None:
        """Return the threshold of a champion; the best model replaces a failed baseline."""
        if spec.tolerance_reference == "best" or self.baseline is None:
            return self.best
        return self.baseline


def fresh_seeds(spec: StudySpec) -> list[int]:
    """Return the seeds of a certification: the same for every candidate, never that of the search.

    One list for all makes the comparison paired: every candidate sees the data in the same orders.
    """
    return [(spec.training.seed + 1 + i) % MODULUS for i in range(spec.certification.seeds)]


def ended_runs(spec: StudySpec, runs: Sequence[TrialRecord]) -> SeedRuns:
    """Group the ended runs of a certification by trial and seed.

    Runs with a seed that the study does not allow any more are left out.
    """
    allowed = fresh_seeds(spec)
    ended: dict[int, dict[int, TrialRecord]] = {}
    for run in runs:
        if run.ended and run.certifies is not None and run.seed in allowed:
            ended.setdefault(run.certifies, {})[run.seed] = run
    return ended


def quality_thresholds(
    spec: StudySpec, healthy: HealthyTrials, ended: SeedRuns
) -> QualityThresholds:
    """Compute the thresholds that the study's tolerance sets.

    Once all references are certified, the best model is the one with the best median: the best of
    the search may have been lucky.
    """
    quality = healthy.quality
    if quality is None:
        return QualityThresholds()
    references = healthy.references
    thresholds = {
        name: _threshold(spec, quality, record, ended.get(record.number, {}))
        for name, record in references.items()
    }
    first = {*fresh_seeds(spec)[: spec.certification.required]}
    medians = [threshold for threshold in thresholds.values() if threshold.seeds]
    if medians and all(ended.get(r.number, {}).keys() >= first for r in references.values()):
        thresholds["best"] = min(medians, key=lambda one: quality.cost(one.quality))
    return QualityThresholds(**thresholds)


def _threshold(
    spec: StudySpec, quality: Objective, reference: TrialRecord, ended: Mapping[int, TrialRecord]
) -> QualityThreshold:
    """Compute the threshold by one reference model.

    Its median is taken over the first `required` seeds alone, so that later seeds do not move it.
    """
    first = fresh_seeds(spec)[: spec.certification.required]
    known: list[TrialRecord] = []
    if ended.keys() >= set(first):
        known = healthy_trials([ended[seed] for seed in first], [quality])
    value = statistics.median(map(quality.value, known)) if known else quality.value(reference)
    tolerance = tolerance_for(spec, quality, reference)
    limit = quality.limit(value, tolerance)
    return QualityThreshold(reference.number, value, len(known), limit, tolerance)


def tolerance_for(spec: StudySpec, quality: Objective, reference: TrialRecord) -> float:
    """Return the study's tolerance, or the spread between draws of samples where that is larger."""
    stamped = reference.stamp.get("calibration")
    spread = 0.0
    if stamped is not None:
        spread = Calibration.model_validate(stamped).smallest_tolerance(quality.metric)
    return max(spec.certification.tolerance, spread)
