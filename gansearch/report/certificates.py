"""Results of a certification: a table for a terminal, JSON, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from gansearch.ranking.certificate import Certificate
from gansearch.ranking.pareto import Objective, healthy_trials
from gansearch.ranking.study_summary import StudySummary, study_summary
from gansearch.ranking.tolerance import QualityThreshold
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_counts import count_states, count_verdicts
from gansearch.report.trial_figures import warning_lines
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

STYLES = {"stable": "green", "unstable": "red", "too weak": "yellow", "undecided": "dim"}


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
        champion = self.summary.champion
        return (
            self._no_champion_sentence() if champion is None else self._champion_sentence(champion)
        )

    def _champion_sentence(self, champion: TrialRecord) -> str:
        summary, certificate = self.summary, self.summary.certificates[champion.number]
        size = f"{summary.size.metric} {figure(summary.size.value(champion), whole=True)}"
        share = summary.share_of_baseline(champion)
        is_baseline = champion is summary.baseline
        compared = "" if share is None or is_baseline else f", {percent(share)} of the baseline's"
        rate = (
            f"so at least {percent(certificate.rate_low)} of all seeds, "
            f"at {certificate.confidence:.0%} confidence"
        )
        median = ""
        if summary.quality and certificate.quality:
            median = f"; median {summary.quality.metric} {figure(certificate.quality.median)}"
        who = f"{'the baseline itself, ' if is_baseline else ''}trial {champion.number}"
        return (
            f"The champion is {who}: {size}{compared}; "
            f"{certificate.healthy} of {certificate.seeds} fresh seeds healthy ({rate}){median}."
        )

    def _no_champion_sentence(self) -> str:
        summary = self.summary
        if not summary.certificates:
            nobody = not healthy_trials(self.records, [])
            return (
                "No trial is healthy, so there is nothing to certify."
                if nobody
                else "Nothing is certified yet."
            )
        stable = sum(
            certificate.status == "stable" for certificate in summary.certificates.values()
        )
        sentence = (
            f"There is no champion: {stable} of {len(summary.certificates)} candidates turned out "
            "stable"
        )
        if not stable or summary.champion_threshold is None:
            return f"{sentence}."
        reference = self._named(summary.champion_threshold)
        return f"{sentence}, and none of these is as good as {reference}."

    def _named(self, limit: QualityThreshold) -> str:
        whose = "baseline" if limit is self.summary.thresholds.baseline else "best model"
        return f"the {whose}, trial {limit.trial}"

    def notes(self) -> Iterator[str]:
        """Yield the quality thresholds, and the reason where another one than asked for is used."""
        summary = self.summary
        baseline, best = summary.thresholds.baseline, summary.thresholds.best
        if summary.quality is None or best is None:
            return
        if baseline is None and self.spec.certification.tolerance_reference == "baseline":
            yield f"{summary.note}, so the champion is held against the best model"
        if baseline is not None and baseline.trial == best.trial:
            yield self._note("★ and ▲", baseline, summary.quality)
        else:
            yield from (
                self._note(mark, limit, summary.quality)
                for mark, limit in (("★", baseline), ("▲", best))
                if limit is not None
            )

    def _note(self, mark: str, limit: QualityThreshold, quality: Objective) -> str:
        share, bound = (
            f"{self.spec.certification.tolerance:.0%}",
            "≤" if quality.direction == "minimize" else "≥",
        )
        source = (
            f"median of {limit.seeds} fresh seeds"
            if limit.seeds
            else "by its one run in the search"
        )
        return (
            f"as {mark}: {quality.metric} {bound} {figure(limit.value)}, "
            f"within {share} of {self._named(limit)} "
            f"({figure(limit.quality)}, {source})"
            f"{'; so must the champion be' if limit is self.summary.champion_threshold else ''}"
        )


@dataclass(frozen=True)
class CertificatesTable:
    """A row a candidate, smallest first, and the conclusion below."""

    certification: Certification
    concludes: bool = True
    """False while the certification runs, when what is not proven yet is not refuted either."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = self.certification.candidates()
        if rows:
            yield self._table(rows)
            yield Text()
            for line in self._legend():
                yield Text(line, style="dim")
            yield from warning_lines(self.certification.runs)
            yield Text()
        if self.concludes:
            yield Text(
                self.certification.conclusion(),
                style="bold" if self.certification.summary.champion else "",
            )

    def _table(self, rows: Sequence[tuple[TrialRecord, Certificate]]) -> Table:
        summary, champion = self.certification.summary, self.certification.summary.champion
        table = Table(box=None, pad_edge=False, header_style="bold")
        quality = [summary.quality.metric, "as ★", "as ▲"] if summary.quality else []
        for heading in ("trial", summary.size.metric, "of ★", "healthy", "rate", *quality):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for record, certificate in rows:
            table.add_row(
                *self._cells(record, certificate),
                outcome(certificate),
                style="bold" if record is champion else "",
            )
        return table

    def _cells(self, record: TrialRecord, certificate: Certificate) -> list[str]:
        summary = self.certification.summary
        share = percent(summary.share_of_baseline(record))
        cells = [
            str(record.number),
            figure(summary.size.value(record), whole=summary.size.is_size),
            share,
        ]
        cells += [
            f"{certificate.healthy} of {certificate.seeds}",
            f"≥ {percent(certificate.rate_low)}",
        ]
        if summary.quality:
            within = (
                certificate.within_tolerance_of_baseline,
                certificate.within_tolerance_of_best,
            )
            cells += [
                spread(certificate),
                *("-" if held is None else "yes" if held else "no" for held in within),
            ]
        return cells

    def _legend(self) -> Iterator[str]:
        rules = self.certification.spec.certification
        yield f"stable: {rules.required} of at most {rules.seeds} fresh seeds came out healthy"
        yield (
            "rate: of all seeds at least so many come out healthy, "
            f"at {rules.confidence:.0%} confidence"
        )
        yield from self.certification.notes()


def outcome(certificate: Certificate) -> Text:
    """Return the status of a certificate as a styled word."""
    word = (
        "too weak"
        if certificate.status == "undecided" and certificate.out_of_reach
        else certificate.status
    )
    return Text(word, STYLES[word])


def spread(certificate: Certificate) -> str:
    """Return median, lowest and highest quality of healthy seeds: `0.054 (0.051 to 0.06)`."""
    quality = certificate.quality
    return (
        "-"
        if quality is None
        else f"{figure(quality.median)} ({figure(quality.low)} to {figure(quality.high)})"
    )


def certified_line(certificate: Certificate) -> str:
    """Return a certificate as `stable, 4 of 4 fresh seeds healthy, at least 47% of all seeds`."""
    median = f", median quality {spread(certificate)}" if certificate.quality is not None else ""
    healthy = f"{certificate.healthy} of {certificate.seeds} fresh seeds healthy"
    rate = f"at least {percent(certificate.rate_low)} of all seeds"
    confidence = f"at {certificate.confidence:.0%} confidence"
    return f"{outcome(certificate)}, {healthy}, {rate} {confidence}{median}"


def certification_json(certification: Certification) -> dict[str, Any]:
    """Return the JSON of `certify --json`."""
    summary = certification.summary
    summary_json = summary.to_json()
    return {
        "study": certification.spec.name,
        "certification": certification.spec.certification.model_dump(mode="json"),
        "candidates": [
            _candidate_json(certification, *entry) for entry in certification.candidates()
        ],
        "thresholds": summary_json["thresholds"],
        "champion": summary_json["champion"],
        "conclusion": certification.conclusion(),
        "notes": list(certification.notes()),
        "steps_trained": sum(run.steps for run in certification.runs),
    }


def _candidate_json(
    certification: Certification, record: TrialRecord, certificate: Certificate
) -> dict[str, Any]:
    summary = certification.summary
    runs = {run.number: run for run in certification.runs}
    return {
        "trial": record.number,
        "size": summary.size.value(record),
        "share_of_baseline": summary.share_of_baseline(record),
        "certified": certificate.to_json(),
        "seeds": [_run_json(summary, runs[number]) for number in certificate.runs],
    }


def _run_json(summary: StudySummary, run: TrialRecord) -> dict[str, Any]:
    quality = (
        None if summary.quality is None or run.state != "complete" else summary.quality.value(run)
    )
    verdict = run.verdict.status if run.verdict else None
    return {
        "seed": run.seed,
        "run": run.number,
        "verdict": verdict,
        "quality": quality,
        "reason": run.reason or None,
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
