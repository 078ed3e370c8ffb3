"""Limits: how much worse than what it is held against a champion's quality may be."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective, healthy_trials
from gansearch.study.spec import CertificationSpec, StudySpec
from gansearch.trial_record import TrialRecord

MODULUS = 2**31
"""Seeds lie below it."""


@dataclass(frozen=True)
class QualityThreshold:
    """The worst quality that is within tolerance of a reference's."""

    trial: int
    """Of the search: the reference."""
    quality: float
    """Its own."""
    seeds: int
    """Healthy fresh seeds whose median that is; 0 where it is what the search's one run had."""
    value: float

    def holds(self, axis: Objective, quality: float) -> bool:
        """Whether a quality is within tolerance."""
        return axis.cost(quality) <= axis.cost(self.value)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class QualityThresholds:
    """Those of both references; None of one that has no quality to hold anything against."""

    baseline: QualityThreshold | None = None
    """Of the baseline as written."""
    best: QualityThreshold | None = None
    """Of the best model that the search found, whatever its size."""

    def ruling(self, spec: CertificationSpec) -> QualityThreshold | None:
        """That which decides on the champion. Where the baseline failed, the best model takes its place."""
        return (
            self.best
            if spec.tolerance_reference == "best" or self.baseline is None
            else self.baseline
        )


Outcomes = Mapping[int, Mapping[int, TrialRecord]]
"""By trial of the search and by fresh seed the run that ended."""


def fresh_seeds(spec: StudySpec) -> list[int]:
    """The seeds of a certification: the same for every candidate, and never the one of the search.

    One list for all makes the comparison a paired one: what a seed's order of the data does to one
    candidate, it does to all.
    """
    return [(spec.training.seed + 1 + i) % MODULUS for i in range(spec.certification.seeds)]


def outcomes_of(spec: StudySpec, runs: Sequence[TrialRecord]) -> Outcomes:
    """What has come of each candidate with those seeds that the study allows now."""
    allowed = fresh_seeds(spec)
    outcomes: dict[int, dict[int, TrialRecord]] = {}
    for run in runs:
        if run.ended and run.certifies is not None and run.seed in allowed:
            outcomes.setdefault(run.certifies, {})[run.seed] = run
    return outcomes


def limits_of(spec: StudySpec, contenders: HealthyTrials, outcomes: Outcomes) -> QualityThresholds:
    """The limits that a study's tolerance sets."""
    quality = contenders.quality
    if quality is None:
        return QualityThresholds()
    references = (contenders.sound_baseline, contenders.best)
    return QualityThresholds(
        *(
            None if r is None else _limit(spec, quality, r, outcomes.get(r.number, {}))
            for r in references
        )
    )


def _limit(
    spec: StudySpec, axis: Objective, reference: TrialRecord, ended: Mapping[int, TrialRecord]
) -> QualityThreshold:
    """The first seeds alone count, so that the limit stands still once they are trained."""
    first = fresh_seeds(spec)[: spec.certification.required]
    known = (
        healthy_trials([ended[seed] for seed in first], [axis])
        if ended.keys() >= set(first)
        else []
    )
    quality = statistics.median(map(axis.value, known)) if known else axis.value(reference)
    return QualityThreshold(
        reference.number, quality, len(known), axis.limit(quality, spec.certification.tolerance)
    )
