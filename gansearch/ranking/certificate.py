"""Certificates: what training a candidate again, with fresh seeds, has proven of it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective, healthy_trials
from gansearch.ranking.tolerance import (
    Outcomes,
    QualityThreshold,
    QualityThresholds,
    limits_of,
    outcomes_of,
)
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

Status = Literal["stable", "unstable", "undecided"]


@dataclass(frozen=True)
class Quality:
    """A quality over the seeds that came out healthy.

    The lowest and the highest of n seeds have the median of all seeds between them with a probability
    of 1 - 2^(1-n): 88 % for 4 of them, 94 % for 5.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Certificate:
    """How a candidate came out over fresh seeds.

    The seed of the search is not among them: by its outcome the candidate was chosen, so it flatters.
    """

    trial: int
    """Of the search, whose candidate this is."""
    status: Status
    """`stable` once enough seeds are healthy, `unstable` once they can no longer be; `undecided` in between."""
    seeds: int
    """That have been trained to their end."""
    healthy: int
    """Of those."""
    required: int
    allowed: int
    """Seeds at most."""
    rate_low: float
    """Lower bound of the share of all seeds that come out healthy, at the study's confidence."""
    quality: Quality | None
    """None without a healthy seed, and for a study that has no quality."""
    within_tolerance: bool | None
    """Whether the median quality is good enough for a champion; None where that cannot be told."""
    within_tolerance_of_baseline: bool | None = None
    within_tolerance_of_best: bool | None = None
    confidence: float = 0.95
    """That of the lower bound."""
    worse: int = 0
    """Healthy seeds whose own quality is not good enough for a champion."""
    runs: tuple[int, ...] = ()
    """Numbers of the certification's runs, in the order of their seeds."""

    @property
    def passes(self) -> bool:
        """Whether it is stable, and where there is a quality good enough."""
        return self.status == "stable" and (self.quality is None or self.within_tolerance is True)

    @property
    def out_of_reach(self) -> bool:
        """Whether it can no longer pass: it failed too often, or more than half of what it needs is too weak.

        With half of its seeds too weak, it is settled once they are all there: a stable one gets no more of them.
        """
        settled = self.status == "stable" or 2 * self.worse > self.required
        return self.status == "unstable" or (settled and not self.passes)

    def to_json(self) -> dict[str, Any]:
        """The contract of `pareto --json` and `certify --json`."""
        quality = self.quality
        return {
            "status": self.status,
            "stable": self.status == "stable",
            "seeds": self.seeds,
            "healthy": self.healthy,
            "required": self.required,
            "allowed": self.allowed,
            "rate_low": self.rate_low,
            "confidence": self.confidence,
            "quality": None if quality is None else vars(quality) | {},
            "within_tolerance": self.within_tolerance,
            "within_tolerance_of_baseline": self.within_tolerance_of_baseline,
            "within_tolerance_of_best": self.within_tolerance_of_best,
            "runs": list(self.runs),
        }


def lower_bound(healthy: int, seeds: int, confidence: float) -> float:
    """Exact one-sided lower bound of a rate (Clopper and Pearson 1934, "The use of confidence or fiducial limits").

    It holds although a certification stops as soon as its outcome is clear. That the k-th healthy
    seed is among the first n is as likely as k healthy ones of n, so for a stable candidate the bound
    is exact; for one that stopped at its last allowed failure it is lower than it need be.
    """
    from scipy.special import (
        betaincinv,  # here, since whoever only shows a front should not wait for it
    )

    return float(betaincinv(healthy, seeds - healthy + 1, 1 - confidence)) if healthy else 0.0


def certificates_of(
    spec: StudySpec,
    records: Sequence[TrialRecord],
    runs: Sequence[TrialRecord],
    axes: Sequence[Objective],
) -> dict[int, Certificate]:
    """What is proven of each candidate that was trained again, by its number in the search.

    Args:
        spec: the study, which says how many seeds are allowed and required.
        records: the trials of the search.
        runs: those of the certification.
        axes: along which trials are compared.
    """
    contenders, outcomes = HealthyTrials.of(records, axes), outcomes_of(spec, runs)
    return all_certificates(
        spec, outcomes, contenders.quality, limits_of(spec, contenders, outcomes)
    )


def all_certificates(
    spec: StudySpec, outcomes: Outcomes, axis: Objective | None, limits: QualityThresholds
) -> dict[int, Certificate]:
    """The same, from what came of each candidate and what it is held against."""
    return {
        trial: certificate_of(spec, trial, ended, axis, limits)
        for trial, ended in sorted(outcomes.items())
    }


def certificate_of(
    spec: StudySpec,
    trial: int,
    ended: Mapping[int, TrialRecord],
    axis: Objective | None,
    limits: QualityThresholds,
) -> Certificate:
    """What is proven of one candidate by the runs that ended, each by its seed."""
    rules = spec.certification
    runs = [ended[seed] for seed in sorted(ended)]
    healthy = [run for run in runs if run.state == "complete"]
    values = [] if axis is None else [axis.value(run) for run in healthy_trials(healthy, [axis])]
    quality = Quality(statistics.median(values), min(values), max(values)) if values else None
    ruling = limits.ruling(rules)
    return Certificate(
        trial,
        status_of(len(healthy), len(runs) - len(healthy), rules.required, rules.seeds),
        len(runs),
        len(healthy),
        rules.required,
        rules.seeds,
        lower_bound(len(healthy), len(runs), rules.confidence),
        quality,
        _within(ruling, axis, quality),
        _within(limits.baseline, axis, quality),
        _within(limits.best, axis, quality),
        rules.confidence,
        sum(not ruling.holds(axis, value) for value in values) if ruling and axis else 0,
        tuple(run.number for run in runs),
    )


def status_of(healthy: int, failed: int, required: int, allowed: int) -> Status:
    """What so many seeds say, whatever the others would."""
    if healthy >= required:
        return "stable"
    return "unstable" if allowed - failed < required else "undecided"


def _within(
    limit: QualityThreshold | None, axis: Objective | None, quality: Quality | None
) -> bool | None:
    return (
        None
        if limit is None or axis is None or quality is None
        else limit.holds(axis, quality.median)
    )
