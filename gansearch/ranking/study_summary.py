"""What a search has come to: the trials that a reader asks for first, held against the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from gansearch.ranking.certificate import Certificate, all_certificates
from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective, axes_of
from gansearch.ranking.tolerance import QualityThreshold, QualityThresholds, limits_of, outcomes_of
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

SIZE_BAND = 0.10
"""Share of the baseline's size within which another candidate counts as being of the same size."""


@dataclass(frozen=True)
class StudySummary:
    """The trials that stand out.

    A generator of a few per cent of the size, with learning rates of its own, easily equals an
    untuned large one. So the record names the baseline as written *and* the best of its size.
    """

    size: Objective
    quality: Objective | None
    """The first objective that is no size; None where all of them are sizes."""
    baseline: TrialRecord | None = None
    smallest_within_tolerance: TrialRecord | None = None
    """Of all that are at most the tolerance worse than the baseline, each by its one run in the search."""
    best_any_size: TrialRecord | None = None
    best_at_baseline_size: TrialRecord | None = None
    note: str = ""
    """Why there is nothing to stand on, where that is so."""
    certificates: Mapping[int, Certificate] = field(default_factory=dict)
    """By trial what is proven of it, of those that were trained again."""
    limits: QualityThresholds = field(default_factory=QualityThresholds)
    """How much worse a quality may be than the baseline's, and than the best."""
    ruling: QualityThreshold | None = None
    """That of the two which decides on the champion."""
    champion: TrialRecord | None = None
    """The smallest of those whose certificate passes."""

    def share_of_baseline(self, record: TrialRecord) -> float | None:
        """A trial's size as a share of the baseline's; None where either is unknown."""
        base = math.nan if self.baseline is None else self.size.value(self.baseline)
        share = self.size.value(record) / base if base else math.nan
        return share if math.isfinite(share) else None

    def named(self) -> dict[str, TrialRecord | None]:
        """The trials by what they stand for."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name.startswith(("best", "smallest", "base"))
        }


def study_summary(
    spec: StudySpec,
    records: Sequence[TrialRecord],
    axes: Sequence[Objective] | None = None,
    runs: Sequence[TrialRecord] = (),
) -> StudySummary:
    """How a study stands, by its own objectives or along other axes, with what its certification has proven."""
    contenders = HealthyTrials.of(records, axes_of(spec, records) if axes is None else axes)
    return _with_certificates(spec, _by_one_run(spec, contenders), contenders, runs)


def _by_one_run(spec: StudySpec, contenders: HealthyTrials) -> StudySummary:
    """What the search alone says."""
    size, quality, baseline = contenders.size, contenders.quality, contenders.baseline
    if quality is None:
        return StudySummary(
            size, None, baseline, note="all objectives are sizes, so there is no quality to hold"
        )
    standing = StudySummary(size, quality, baseline, best_any_size=contenders.best)
    if baseline is None or contenders.sound_baseline is None:
        return replace(standing, note=_why_no_baseline(baseline))
    limit = quality.cost(quality.limit(quality.value(baseline), spec.certification.tolerance))
    return replace(
        standing,
        smallest_within_tolerance=next(
            (r for r in contenders.healthy if quality.cost(quality.value(r)) <= limit), None
        ),
        best_at_baseline_size=contenders.best_of(
            r for r in contenders.healthy if _same_size(r, baseline, size)
        ),
    )


def _with_certificates(
    spec: StudySpec, standing: StudySummary, contenders: HealthyTrials, runs: Sequence[TrialRecord]
) -> StudySummary:
    """The same with what fresh seeds say."""
    outcomes = outcomes_of(spec, runs)
    limits = limits_of(spec, contenders, outcomes)
    certificates = all_certificates(spec, outcomes, contenders.quality, limits)
    passing = (
        r for r in contenders.healthy if r.number in certificates and certificates[r.number].passes
    )
    return replace(
        standing,
        certificates=certificates,
        limits=limits,
        ruling=limits.ruling(spec.certification),
        champion=next(passing, None),
    )


def standing_json(standing: StudySummary) -> dict[str, Any]:
    """Numbers, sizes and qualities of the trials that stand out."""
    told = {
        name: None if record is None else _told(standing, record)
        for name, record in standing.named().items()
    }
    limits = {
        "baseline": standing.limits.baseline,
        "best": standing.limits.best,
        "ruling": standing.ruling,
    }
    return told | {
        "note": standing.note or None,
        "limits": {
            name: None if limit is None else limit.to_json() for name, limit in limits.items()
        },
        "champion": None if standing.champion is None else standing.champion.number,
    }


def _told(standing: StudySummary, record: TrialRecord) -> dict[str, Any]:
    axes = [standing.size] if standing.quality is None else [standing.size, standing.quality]
    return {
        "trial": record.number,
        "values": {axis.metric: axis.value(record) for axis in axes},
        "share_of_baseline": standing.share_of_baseline(record),
        "state": record.state,
        "verdict": record.verdict.status if record.verdict else None,
    }


def _same_size(record: TrialRecord, baseline: TrialRecord, size: Objective) -> bool:
    base = size.value(baseline)
    return abs(size.value(record) - base) <= SIZE_BAND * abs(base)


def _why_no_baseline(baseline: TrialRecord | None) -> str:
    if baseline is None:
        return "the baseline has not been trained yet"
    if not baseline.ended:
        return f"the baseline, trial {baseline.number}, has not ended yet"
    verdict = baseline.verdict.status if baseline.verdict else None
    why = baseline.reason or (f"verdict {verdict}" if verdict else baseline.state)
    return f"the baseline, trial {baseline.number}, did not come out healthy: {why}"
