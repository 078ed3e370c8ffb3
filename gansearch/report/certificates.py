"""Results of a certification: in sentences, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gansearch.ranking.certificate import Certificate
from gansearch.ranking.pareto import healthy_trials
from gansearch.ranking.study_summary import StudySummary, study_summary
from gansearch.ranking.tolerance import QualityThreshold
from gansearch.report.formatting import change, figure, percent
from gansearch.report.trial_counts import count_states, count_verdicts
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

REFERENCES: Mapping[str, str] = {
    "baseline": "the baseline as written",
    "tuned_baseline": "the best of the baseline's size",
    "best": "the best of any size",
}
"""Words for the reference models of a champion."""


@dataclass(frozen=True)
class Certification:
    """A study's certification: trials of the search, runs with fresh seeds, and their summary."""

    spec: StudySpec
    records: tuple[TrialRecord, ...]
    runs: tuple[TrialRecord, ...]
    summary: StudySummary

    @classmethod
    def of(
        cls, spec: StudySpec, records: Sequence[TrialRecord], runs: Sequence[TrialRecord]
    ) -> Certification:
        """Summarise a study from the trials of its search and the runs of its certification."""
        return cls(spec, tuple(records), tuple(runs), study_summary(spec, records, runs=runs))

    def candidates(self) -> list[tuple[TrialRecord, Certificate]]:
        """Return the trials that were trained again with their certificates, smallest first."""
        size, held = self.summary.size, self.summary.certificates
        known = sorted(
            (r for r in self.records if r.number in held),
            key=lambda r: (size.cost(size.value(r)), r.number),
        )
        return [(record, held[record.number]) for record in known]

    def conclusion(self) -> str:
        """Return a sentence on the champion, or on why there is none."""
        summary = self.summary
        if summary.champion is not None:
            return self._champion_sentence(summary.champion)
        if not summary.certificates:
            if healthy_trials(self.records, []):
                return "Nothing is certified yet."
            return "No trial is healthy, so there is nothing to certify."
        stable = sum(one.status == "stable" for one in summary.certificates.values())
        sentence = (
            f"There is no champion: {stable} of {len(summary.certificates)} candidates turned out "
            "stable"
        )
        if not stable or summary.champion_threshold is None:
            return f"{sentence}."
        reference = self._reference(summary.champion_threshold)
        return f"{sentence}, and none of these is as good as {reference}."

    def _champion_sentence(self, champion: TrialRecord) -> str:
        summary, certificate = self.summary, self.summary.certificates[champion.number]
        share = summary.share_of_baseline(champion)
        who, compared, median = f"trial {champion.number}", "", ""
        if champion is summary.baseline:
            who = f"the baseline itself, {who}"
        elif share is not None:
            compared = f", {percent(share)} of the baseline's"
        if summary.quality and certificate.quality:
            median = f"; median {summary.quality.metric} {figure(certificate.quality.median)}"
        size = figure(summary.size.value(champion), whole=True)
        return (
            f"The champion is {who}: {summary.size.metric} {size}{compared}; "
            f"{certificate.healthy} of {certificate.seeds} fresh seeds healthy "
            f"(so at least {percent(certificate.rate_low)} of all seeds, "
            f"at {certificate.confidence:.0%} confidence){median}."
        )

    def savings(self) -> Iterator[str]:
        """Yield what the champion saves against each reference model, in a line each."""
        summary = self.summary
        if summary.champion is None or summary.quality is None:
            return
        metric, size = summary.quality.metric, summary.size.metric
        for saving in summary.savings:
            reference = " and ".join(REFERENCES[name] for name in saving.references)
            worth = f"{size} {figure(saving.size, whole=True)}, {metric} {figure(saving.quality)}"
            difference = saving.quality_share and saving.quality_share - 1
            yield (
                f"beside {reference}, trial {saving.trial} ({worth}, {_source(saving.seeds)}): "
                f"{percent(saving.size_share)} of its size, median {metric} {change(difference)}"
            )

    def notes(self) -> Iterator[str]:
        """Yield the thresholds, the reason where they are not the study's, and the savings."""
        summary, rules = self.summary, self.spec.certification
        quality, thresholds = summary.quality, summary.thresholds
        baseline, best = thresholds.baseline, thresholds.best
        if quality is None or best is None:
            return
        if baseline is None and rules.tolerance_reference == "baseline":
            yield f"{summary.note}, so the champion is held against the best model"
        threshold = summary.champion_threshold
        if threshold is not None and threshold.tolerance > rules.tolerance:
            yield (
                f"the study's tolerance of {rules.tolerance:.0%} is raised to "
                f"{threshold.tolerance:.1%}: so much {quality.metric} may differ between two draws "
                "from one generator"
            )
        marked = [("★", baseline), ("▲", best)]
        if baseline is not None and baseline.trial == best.trial:
            marked = [("★ and ▲", baseline)]
        bound = "≤" if quality.direction == "minimize" else "≥"
        for mark, threshold in marked:
            if threshold is None:
                continue
            ending = "; so must the champion be" if threshold is summary.champion_threshold else ""
            yield (
                f"as {mark}: {quality.metric} {bound} {figure(threshold.value)}, "
                f"within {threshold.tolerance:.0%} of {self._reference(threshold)} "
                f"({figure(threshold.quality)}, {_source(threshold.seeds)}){ending}"
            )
        yield from self.savings()

    def _reference(self, threshold: QualityThreshold) -> str:
        """Return the reference model of a threshold, in words."""
        whose = "baseline" if threshold is self.summary.thresholds.baseline else "best model"
        return f"the {whose}, trial {threshold.trial}"


def _source(seeds: int) -> str:
    return f"median of {seeds} fresh seeds" if seeds else "by its one run in the search"


def certification_json(certification: Certification) -> dict[str, Any]:
    """Return the JSON of `certify --json`."""
    summary = certification.summary.to_json()
    return {
        "study": certification.spec.name,
        "certification": certification.spec.certification.model_dump(mode="json"),
        "candidates": [
            _candidate_json(certification, record, certificate)
            for record, certificate in certification.candidates()
        ],
        "thresholds": summary["thresholds"],
        "champion": summary["champion"],
        "savings": summary["savings"],
        "conclusion": certification.conclusion(),
        "notes": list(certification.notes()),
        "steps_trained": sum(run.steps for run in certification.runs),
    }


def _candidate_json(
    certification: Certification, record: TrialRecord, certificate: Certificate
) -> dict[str, Any]:
    summary = certification.summary
    runs = {run.number: run for run in certification.runs}
    seeds = []
    for run in (runs[number] for number in certificate.runs):
        quality = None
        if summary.quality is not None and run.state == "complete":
            quality = summary.quality.value(run)
        seeds.append(
            {
                "seed": run.seed,
                "run": run.number,
                "verdict": run.verdict.status if run.verdict else None,
                "quality": quality,
                "reason": run.reason or None,
            }
        )
    return {
        "trial": record.number,
        "size": summary.size.value(record),
        "share_of_baseline": summary.share_of_baseline(record),
        "certified": certificate.to_json(),
        "seeds": seeds,
    }


def certification_status(certification: Certification) -> dict[str, Any]:
    """Return the counts of a certification, for `status --json`."""
    certificates, champion = certification.summary.certificates, certification.summary.champion
    by_status = {
        status: [
            trial for trial, certificate in certificates.items() if certificate.status == status
        ]
        for status in ("stable", "unstable", "undecided")
    }
    return {
        "runs": count_states(certification.runs),
        "verdicts": count_verdicts(certification.runs),
        "steps_trained": sum(run.steps for run in certification.runs),
        **by_status,
        "champion": None if champion is None else champion.number,
    }
