"""A run surveyed: its trials, their front and how it stands, read once for whatever shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gansearch.ranking.pareto import Front, Objective, axes_of, pareto_front
from gansearch.ranking.study_summary import StudySummary, standing_json, study_summary
from gansearch.ranking.tradeoff import StepDown, knee_of, steps_down
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


@dataclass(frozen=True)
class RunSummary:
    """Everything that a table, a picture or a page of a run is made from."""

    spec: StudySpec
    records: tuple[TrialRecord, ...]
    front: Front
    standing: StudySummary
    knee: TrialRecord | None
    """Where the front bends most."""
    steps_down: Mapping[int, StepDown]
    """What it costs to come down to a trial of the front from the next larger one."""

    @classmethod
    def of(
        cls,
        spec: StudySpec,
        records: Sequence[TrialRecord],
        axes: Sequence[Objective] | None = None,
        runs: Sequence[TrialRecord] = (),
    ) -> RunSummary:
        """Compare a study's trials by its own objectives, or along other axes.

        Args:
            spec: the study.
            records: its trials.
            axes: instead of its objectives.
            runs: those of its certification.
        """
        axes = axes_of(spec, records) if axes is None else axes
        front, standing = (
            pareto_front(records, axes, spec.reference),
            study_summary(spec, records, axes, runs),
        )
        steps = steps_down(front, standing.size, standing.quality, noise_of(spec))
        return cls(spec, tuple(records), front, standing, knee_of(front), steps)

    @property
    def tolerance(self) -> float:
        return self.spec.certification.tolerance

    def to_json(self) -> dict[str, Any]:
        """The contract of `pareto --json`."""
        baseline, champion, reference = (
            self.standing.baseline,
            self.standing.champion,
            self.front.reference,
        )
        return {
            "study": self.spec.name,
            "objectives": [axis.to_json() for axis in self.front.axes],
            "baseline": None
            if baseline is None
            else self._entry(baseline) | {"state": baseline.state},
            "front": [self._ranked(record) for record in self.front.trials],
            "champion": None if champion is None else self._ranked(champion),
            "knee": None if self.knee is None else self.knee.number,
            "hypervolume": self.front.hypervolume,
            "hypervolume_scale": {axis.metric: axis.scale for axis in self.front.axes},
            "reference_point": None if reference is None else list(reference.values),
            "reference_of": None if reference is None else reference.of,
            "standing": standing_json(self.standing),
        }

    def _ranked(self, record: TrialRecord) -> dict[str, Any]:
        """A trial of the front, or the champion, with what is proven of it and what it costs to be so small."""
        certificate, step = (
            self.standing.certificates.get(record.number),
            self.steps_down.get(record.number),
        )
        told = {"certified": None if certificate is None else certificate.to_json()}
        return self._entry(record) | told | {"step_down": None if step is None else step.to_json()}

    def _entry(self, record: TrialRecord) -> dict[str, Any]:
        return {
            "trial": record.number,
            "values": {axis.metric: axis.value(record) for axis in self.front.axes},
            "candidate": dict(record.candidate),
            "verdict": record.verdict.status if record.verdict else None,
            "share_of_baseline": self.standing.share_of_baseline(record),
            "figures": record.figures,
            "identity": record.identity,
        }


def noise_of(spec: StudySpec) -> float:
    """Relative difference of the quality that is put down to the seeds of two runs."""
    return spec.pruning.margin * spec.pruning.noise
