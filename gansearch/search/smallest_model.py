"""Goal of a search with `aim: smallest`: the smallest model within tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import study_summary
from gansearch.ranking.tolerance import quality_thresholds
from gansearch.search.learning_curves import cost
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


@dataclass(frozen=True)
class SizeCeiling:
    """Size of the certified champion; only smaller candidates are trained."""

    metric: str
    value: float
    trial: int
    """Number of the champion."""

    def refusal(self, sizes: Mapping[str, float]) -> str:
        """Return why a candidate of these sizes is not trained; empty where it may be."""
        if sizes[self.metric] < self.value:
            return ""
        return (
            f"{self.metric} {sizes[self.metric]:,.0f} is no smaller than the {self.value:,.0f} "
            f"of trial {self.trial}, the certified champion"
        )


@dataclass(frozen=True)
class SmallestModelGoal:
    """Smallest model within the certification's tolerance."""

    spec: StudySpec
    objectives: Sequence[Objective]
    ceiling: SizeCeiling | None = None
    """None while there is no certified champion."""
    disproved: frozenset[int] = frozenset()
    """Trials whose certification has failed."""

    @classmethod
    def of(
        cls,
        spec: StudySpec,
        objectives: Sequence[Objective],
        records: Sequence[TrialRecord],
        runs: Sequence[TrialRecord],
    ) -> Self:
        """Derive the goal from the trials of a search and the runs of its certification."""
        summary = study_summary(spec, records, objectives, runs)
        champion, size = summary.champion, summary.size
        ceiling = None
        if champion is not None:
            ceiling = SizeCeiling(size.metric, size.value(champion), champion.number)
        certificates = summary.certificates.items()
        disproved = (number for number, certificate in certificates if certificate.out_of_reach)
        return cls(spec, objectives, ceiling, frozenset(disproved))

    def quality_limit(self, records: Sequence[TrialRecord]) -> float | None:
        """Return the worst quality within tolerance; None without a healthy trial."""
        healthy = HealthyTrials.of(records, self.objectives)
        thresholds = quality_thresholds(self.spec, healthy, {})
        threshold = thresholds.for_champion(self.spec.certification)
        return None if threshold is None else threshold.value

    def size_to_beat(
        self, records: Sequence[TrialRecord], size: Objective, quality: Objective, limit: float
    ) -> float:
        """Return the smallest size that is within tolerance beyond doubt.

        One run within tolerance may have been lucky, and then the models between it and the next
        larger one are what the search should find. So a trial counts where it is better than the
        limit by the standard deviation between two seeds.

        Args:
            records: the trials of the search.
            size: the size objective.
            quality: the quality objective.
            limit: the worst quality within tolerance.
        """
        trials = HealthyTrials.of(records, self.objectives)
        safe_cost = cost(quality, limit) - math.log1p(self.spec.pruning.noise)
        sizes = [
            size.value(record)
            for record in trials.healthy
            if record.number not in self.disproved
            and cost(quality, quality.value(record)) <= safe_cost
        ]
        if trials.baseline:
            sizes.append(size.value(trials.baseline))
        if self.ceiling:
            sizes.append(self.ceiling.value)
        return min(sizes, default=math.inf)
