"""Summary of a study: its notable trials, and with them all that a table, plot or report needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gansearch.ranking.certificate import Certificate, all_certificates
from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Front, Objective, objectives_of, pareto_front
from gansearch.ranking.tolerance import (
    QualityThreshold,
    QualityThresholds,
    ended_runs,
    quality_thresholds,
)
from gansearch.ranking.tradeoff import StepDown, knee_of, steps_down
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


@dataclass(frozen=True)
class Saving:
    """Size and quality of the champion as shares of those of a reference model."""

    references: tuple[str, ...]
    """Names of the reference model: `baseline`, `tuned_baseline`, `best`, or several of them."""
    trial: int
    """Number of the reference model in the search."""
    size: float
    """Size of the reference model."""
    quality: float
    """Median quality of the reference model over fresh seeds, or that of its one run."""
    seeds: int
    """Number of healthy fresh seeds of that median; 0 for the one run of the search."""
    size_share: float | None
    """Size of the champion as a share of the reference model's."""
    quality_share: float | None
    """Median quality of the champion as a share of the reference model's, where that is above 0."""


@dataclass(frozen=True)
class StudySummary:
    """Notable trials of a study, held against the baseline and certified with fresh seeds.

    A generator of a few per cent of the size, with learning rates of its own, easily equals an
    untuned large one. So the baseline as written *and* the best trial of its size are both named.
    """

    size: Objective
    quality: Objective | None
    """First objective that is neither a size nor a cost; None without one."""
    baseline: TrialRecord | None = None
    smallest_within_tolerance: TrialRecord | None = None
    """Smallest trial within tolerance of the reference quality, by the runs of the search alone."""
    best_any_size: TrialRecord | None = None
    best_at_baseline_size: TrialRecord | None = None
    note: str = ""
    """Reason why nothing can be held against the baseline; empty where it can."""
    certificates: Mapping[int, Certificate] = field(default_factory=dict)
    """Certificates by trial, of those that were trained again."""
    thresholds: QualityThresholds = field(default_factory=QualityThresholds)
    champion_threshold: QualityThreshold | None = None
    """Threshold that a champion must meet."""
    champion: TrialRecord | None = None
    """Smallest trial whose certificate passes."""
    savings: tuple[Saving, ...] = ()
    """Comparisons of the champion with each reference model that is another trial."""

    @property
    def held_against(self) -> str:
        """Reference model that sets the champion's threshold: `best model` or `baseline`."""
        threshold = self.champion_threshold
        is_baseline = threshold is not None and threshold is self.thresholds.baseline
        return "baseline" if is_baseline else "best model"

    def share_of_baseline(self, record: TrialRecord) -> float | None:
        """Return a trial's size as a share of the baseline's; None where either is unknown."""
        if self.baseline is None:
            return None
        return _share(self.size.value(record), self.size.value(self.baseline))

    def notable_trials(self) -> dict[str, TrialRecord | None]:
        """Return the notable trials of the search by the name of their field."""
        return {
            "baseline": self.baseline,
            "smallest_within_tolerance": self.smallest_within_tolerance,
            "best_any_size": self.best_any_size,
            "best_at_baseline_size": self.best_at_baseline_size,
        }

    def to_json(self) -> dict[str, Any]:
        """Return numbers, sizes and qualities of the notable trials."""
        objectives = [self.size] if self.quality is None else [self.size, self.quality]
        trials: dict[str, Any] = dict.fromkeys(self.notable_trials())
        for name, record in self.notable_trials().items():
            if record is not None:
                trials[name] = {
                    "trial": record.number,
                    "values": {o.metric: o.value(record) for o in objectives},
                    "share_of_baseline": self.share_of_baseline(record),
                    "state": record.state,
                    "verdict": record.verdict.status if record.verdict else None,
                }
        thresholds = {
            "baseline": self.thresholds.baseline,
            "tuned_baseline": self.thresholds.tuned_baseline,
            "best": self.thresholds.best,
            "champion": self.champion_threshold,
        }
        return trials | {
            "note": self.note or None,
            "thresholds": {name: one and one.to_json() for name, one in thresholds.items()},
            "champion": None if self.champion is None else self.champion.number,
            "savings": [asdict(saving) for saving in self.savings],
        }


def study_summary(
    spec: StudySpec,
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective] | None = None,
    runs: Sequence[TrialRecord] = (),
) -> StudySummary:
    """Summarise a study.

    Args:
        spec: the study.
        records: the trials of its search.
        objectives: objectives to use instead of the study's own.
        runs: the runs of its certification.
    """
    if objectives is None:
        objectives = objectives_of(spec, records)
    trials, ended = HealthyTrials.of(records, objectives), ended_runs(spec, runs)
    quality = trials.quality
    thresholds = quality_thresholds(spec, trials, ended)
    certificates = all_certificates(spec, ended, quality, thresholds)
    passing = (
        r for r in trials.healthy if r.number in certificates and certificates[r.number].passes
    )
    champion = next(passing, None)
    searched = quality_thresholds(spec, trials, {}).for_champion(spec.certification)
    smallest = None
    if quality is not None and searched is not None:
        smallest = next(r for r in trials.healthy if searched.is_met(quality, quality.value(r)))
    return StudySummary(
        size=trials.size,
        quality=quality,
        baseline=trials.baseline,
        smallest_within_tolerance=smallest,
        best_any_size=trials.best,
        best_at_baseline_size=trials.tuned_baseline,
        note=_note(trials),
        certificates=certificates,
        thresholds=thresholds,
        champion_threshold=thresholds.for_champion(spec.certification),
        champion=champion,
        savings=tuple(_savings(trials, thresholds, certificates, champion)),
    )


def _savings(
    trials: HealthyTrials,
    thresholds: QualityThresholds,
    certificates: Mapping[int, Certificate],
    champion: TrialRecord | None,
) -> Iterator[Saving]:
    """Yield the comparisons of the champion with the reference models."""
    if champion is None or (own := certificates[champion.number].quality) is None:
        return
    named = {name: threshold for name, threshold in vars(thresholds).items() if threshold}
    sizes = {record.number: trials.size.value(record) for record in trials.healthy}
    for trial, threshold in {one.trial: one for one in named.values()}.items():
        if trial == champion.number:
            continue
        yield Saving(
            tuple(name for name, one in named.items() if one.trial == trial),
            trial,
            sizes[trial],
            threshold.quality,
            threshold.seeds,
            _share(sizes[champion.number], sizes[trial]),
            _share(own.median, threshold.quality),
        )


def _share(value: float, whole: float) -> float | None:
    """Return a value as a share of another that is above 0; None where that cannot be said."""
    return value / whole if whole > 0 and math.isfinite(value / whole) else None


def _note(trials: HealthyTrials) -> str:
    """Return why nothing can be held against the baseline; empty where it can."""
    if trials.quality is None:
        return "no objective is a quality, so there is nothing to compare"
    baseline = trials.baseline
    if baseline is None:
        return "the baseline has not been trained yet"
    if not baseline.ended:
        return f"the baseline, trial {baseline.number}, has not ended yet"
    if trials.healthy_baseline is not None:
        return ""
    verdict = baseline.verdict.status if baseline.verdict else None
    reason = baseline.reason or (f"verdict {verdict}" if verdict else baseline.state)
    return f"the baseline, trial {baseline.number}, is not healthy: {reason}"


@dataclass(frozen=True)
class RunSummary:
    """Trials of a run, their front and the study's summary, computed once for all outputs."""

    spec: StudySpec
    records: tuple[TrialRecord, ...]
    front: Front
    summary: StudySummary
    knee: TrialRecord | None
    """Trial at which the front bends most."""
    steps_down: Mapping[int, StepDown]
    """Cost of each step down in size along the front, by the number of the smaller trial."""

    @classmethod
    def of(
        cls,
        spec: StudySpec,
        records: Sequence[TrialRecord],
        objectives: Sequence[Objective] | None = None,
        runs: Sequence[TrialRecord] = (),
    ) -> RunSummary:
        """Compare a run's trials; the arguments are those of `study_summary`."""
        if objectives is None:
            objectives = objectives_of(spec, records)
        front = pareto_front(records, objectives, spec.reference)
        summary = study_summary(spec, records, objectives, runs)
        steps = steps_down(front, summary.size, summary.quality, seed_noise(spec))
        return cls(spec, tuple(records), front, summary, knee_of(front), steps)

    @property
    def tolerance(self) -> float:
        """Tolerance of the champion's threshold, or the study's where there is none yet."""
        threshold = self.summary.champion_threshold
        return self.spec.certification.tolerance if threshold is None else threshold.tolerance

    def to_json(self) -> dict[str, Any]:
        """Return the run as in `pareto --json`."""
        baseline, champion = self.summary.baseline, self.summary.champion
        reference = self.front.reference
        return {
            "study": self.spec.name,
            "objectives": [objective.to_json() for objective in self.front.objectives],
            "baseline": baseline and self._trial_json(baseline) | {"state": baseline.state},
            "front": [self._ranked_json(record) for record in self.front.trials],
            "champion": champion and self._ranked_json(champion),
            "knee": None if self.knee is None else self.knee.number,
            "hypervolume": self.front.hypervolume,
            "hypervolume_scale": {o.metric: o.scale for o in self.front.objectives},
            "reference_point": None if reference is None else list(reference.values),
            "reference_of": None if reference is None else reference.of,
            "summary": self.summary.to_json(),
        }

    def _ranked_json(self, record: TrialRecord) -> dict[str, Any]:
        """Return a trial of the front, or the champion, with its certificate and its step down."""
        certificate = self.summary.certificates.get(record.number)
        step = self.steps_down.get(record.number)
        return self._trial_json(record) | {
            "certified": certificate and certificate.to_json(),
            "step_down": step and step.to_json(),
        }

    def _trial_json(self, record: TrialRecord) -> dict[str, Any]:
        return {
            "trial": record.number,
            "values": {o.metric: o.value(record) for o in self.front.objectives},
            "candidate": dict(record.candidate),
            "verdict": record.verdict.status if record.verdict else None,
            "share_of_baseline": self.summary.share_of_baseline(record),
            "figures": record.figures,
            "identity": record.identity,
        }


def seed_noise(spec: StudySpec) -> float:
    """Return the relative difference in quality that two seeds of one candidate may show."""
    return spec.pruning.margin * spec.pruning.noise
