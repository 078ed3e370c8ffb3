"""Certificates: the evidence that a candidate trains well, from runs with fresh seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective, healthy_trials
from gansearch.ranking.tolerance import (
    QualityThreshold,
    QualityThresholds,
    SeedRuns,
    ended_runs,
    quality_thresholds,
)
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

CertificateStatus = Literal["stable", "unstable", "undecided"]


@dataclass(frozen=True)
class Quality:
    """Median and range of a quality over the healthy seeds.

    The lowest and the highest of n seeds enclose the median of all seeds with probability
    1 - 2^(1-n): 88 % for n = 4, 94 % for n = 5.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Certificate:
    """Results of a candidate over fresh seeds.

    The seed of the search is not among them: the candidate was chosen by its result, which is
    therefore biased.
    """

    trial: int
    """Number of the candidate's trial in the search."""
    status: CertificateStatus
    """`stable` once enough seeds are healthy, `unstable` once they cannot be, else `undecided`."""
    seeds: int
    """Number of seeds that have been trained to their end."""
    healthy: int
    """Number of healthy ones among them."""
    required: int
    """Number of healthy seeds that make a candidate stable."""
    allowed: int
    """Largest number of seeds."""
    rate_low: float
    """Lower bound of the share of all seeds that are healthy, at the study's confidence."""
    quality: Quality | None
    """Median and range of the quality; None without a healthy seed or a quality objective."""
    within_tolerance: bool | None
    """True if the median quality is good enough for a champion; None where that is unknown."""
    within_tolerance_of_baseline: bool | None = None
    """True if the median quality is within tolerance of the baseline's; None where unknown."""
    within_tolerance_of_best: bool | None = None
    """True if the median quality is within tolerance of the best model's; None where unknown."""
    tolerance: float | None = None
    """Share of the reference quality by which a champion may be worse; None without a threshold."""
    confidence: float = 0.95
    """Confidence of the lower bound."""
    worse: int = 0
    """Number of healthy seeds whose own quality is not good enough for a champion."""
    runs: tuple[int, ...] = ()
    """Numbers of the certification's runs, in the order of their seeds."""

    @property
    def passes(self) -> bool:
        """True if the candidate is stable and, where there is a quality, good enough."""
        return self.status == "stable" and (self.quality is None or self.within_tolerance is True)

    @property
    def out_of_reach(self) -> bool:
        """True if the candidate can no longer pass.

        Either too many seeds failed, or more than half of the required ones are worse than the
        threshold. With exactly half of them worse it is decided once all are there: a stable
        candidate gets no more seeds.
        """
        settled = self.status == "stable" or 2 * self.worse > self.required
        return self.status == "unstable" or (settled and not self.passes)

    def to_json(self) -> dict[str, Any]:
        """Return the certificate as in `pareto --json` and `certify --json`."""
        fields = asdict(self)
        del fields["trial"], fields["worse"]
        return fields | {"stable": self.status == "stable", "runs": list(self.runs)}


def lower_bound(healthy: int, seeds: int, confidence: float) -> float:
    """Compute the exact one-sided lower bound of a rate.

    Clopper and Pearson 1934, "The use of confidence or fiducial limits". The bound is valid
    although a certification stops early: that the k-th healthy seed is among the first n is as
    likely as k healthy ones among n, so the bound is exact for a stable candidate and conservative
    for one that stopped at its last allowed failure.
    """
    if not healthy:
        return 0.0
    # Imported here: scipy takes 0.5 s of CPU, which commands need only where trials are certified.
    from scipy.special import betaincinv

    return float(betaincinv(healthy, seeds - healthy + 1, 1 - confidence))


def certificates_of(
    spec: StudySpec,
    records: Sequence[TrialRecord],
    runs: Sequence[TrialRecord],
    objectives: Sequence[Objective],
) -> dict[int, Certificate]:
    """Compute the certificates of the candidates that were trained again, by number in the search.

    Args:
        spec: the study, which states how many seeds are allowed and required.
        records: the trials of the search.
        runs: the runs of the certification.
        objectives: the objectives by which trials are compared.
    """
    healthy, ended = HealthyTrials.of(records, objectives), ended_runs(spec, runs)
    thresholds = quality_thresholds(spec, healthy, ended)
    return all_certificates(spec, ended, healthy.quality, thresholds)


def all_certificates(
    spec: StudySpec, ended: SeedRuns, quality: Objective | None, thresholds: QualityThresholds
) -> dict[int, Certificate]:
    """Compute the certificates of all candidates from their ended runs and the thresholds."""
    return {
        trial: certificate_of(spec, trial, by_seed, quality, thresholds)
        for trial, by_seed in sorted(ended.items())
    }


def certificate_of(
    spec: StudySpec,
    trial: int,
    by_seed: Mapping[int, TrialRecord],
    quality: Objective | None,
    thresholds: QualityThresholds,
) -> Certificate:
    """Compute the certificate of one candidate from its ended runs, by seed."""
    rules = spec.certification
    runs = [by_seed[seed] for seed in sorted(by_seed)]
    healthy = [run for run in runs if run.state == "complete"]
    values: list[float] = []
    if quality is not None:
        values = [quality.value(run) for run in healthy_trials(healthy, [quality])]
    median = statistics.median(values) if values else None

    def within(threshold: QualityThreshold | None) -> bool | None:
        if threshold is None or quality is None or median is None:
            return None
        return threshold.is_met(quality, median)

    decisive = thresholds.for_champion(rules)
    worse = 0
    if decisive is not None and quality is not None:
        worse = sum(not decisive.is_met(quality, value) for value in values)
    return Certificate(
        trial=trial,
        status=certificate_status(
            len(healthy), len(runs) - len(healthy), rules.required, rules.seeds
        ),
        seeds=len(runs),
        healthy=len(healthy),
        required=rules.required,
        allowed=rules.seeds,
        rate_low=lower_bound(len(healthy), len(runs), rules.confidence),
        quality=None if median is None else Quality(median, min(values), max(values)),
        within_tolerance=within(decisive),
        within_tolerance_of_baseline=within(thresholds.baseline),
        within_tolerance_of_best=within(thresholds.best),
        tolerance=None if decisive is None else decisive.tolerance,
        confidence=rules.confidence,
        worse=worse,
        runs=tuple(run.number for run in runs),
    )


def certificate_status(healthy: int, failed: int, required: int, allowed: int) -> CertificateStatus:
    """Decide from the seeds so far, whatever the others would give."""
    if healthy >= required:
        return "stable"
    return "unstable" if allowed - failed < required else "undecided"
