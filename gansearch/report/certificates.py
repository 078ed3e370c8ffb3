"""What a certification has proven: as a table for a terminal, as data, and in a sentence."""

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
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

STYLES = {"stable": "green", "unstable": "red", "too weak": "yellow", "undecided": "dim"}


@dataclass(frozen=True)
class Certification:
    """A study's certification: the trials of the search, the runs with fresh seeds, and what they say."""

    spec: StudySpec
    records: tuple[TrialRecord, ...]
    runs: tuple[TrialRecord, ...]
    standing: StudySummary

    @classmethod
    def of(
        cls, spec: StudySpec, records: Sequence[TrialRecord], runs: Sequence[TrialRecord]
    ) -> Certification:
        return cls(spec, tuple(records), tuple(runs), study_summary(spec, records, runs=runs))

    def candidates(self) -> list[tuple[TrialRecord, Certificate]]:
        """Those that were trained again, from the smallest to the largest."""
        size, held = self.standing.size, self.standing.certificates
        known = sorted(
            (r for r in self.records if r.number in held),
            key=lambda r: (size.cost(size.value(r)), r.number),
        )
        return [(record, held[record.number]) for record in known]

    def conclusion(self) -> str:
        """The champion in one sentence, or why there is none."""
        champion = self.standing.champion
        return self._why_none() if champion is None else self._praise(champion)

    def _praise(self, champion: TrialRecord) -> str:
        standing, told = self.standing, self.standing.certificates[champion.number]
        size = f"{standing.size.metric} {figure(standing.size.value(champion), whole=True)}"
        share = standing.share_of_baseline(champion)
        is_baseline = champion is standing.baseline
        compared = "" if share is None or is_baseline else f", {percent(share)} of the baseline's"
        rate = f"so at least {percent(told.rate_low)} of all seeds, at {told.confidence:.0%} confidence"
        median = ""
        if standing.quality and told.quality:
            median = f"; median {standing.quality.metric} {figure(told.quality.median)}"
        who = f"{'the baseline itself, ' if is_baseline else ''}trial {champion.number}"
        return (
            f"The champion is {who}: {size}{compared}; "
            f"{told.healthy} of {told.seeds} fresh seeds healthy ({rate}){median}."
        )

    def _why_none(self) -> str:
        standing = self.standing
        if not standing.certificates:
            nobody = not healthy_trials(self.records, [])
            return (
                "No trial is healthy, so there is nothing to certify."
                if nobody
                else "Nothing is certified yet."
            )
        stable = sum(told.status == "stable" for told in standing.certificates.values())
        told = f"There is no champion: {stable} of {len(standing.certificates)} candidates turned out stable"
        if not stable or standing.champion_threshold is None:
            return f"{told}."
        return f"{told}, and none of these is as good as {self._named(standing.champion_threshold)}."

    def _named(self, limit: QualityThreshold) -> str:
        return f"the {'baseline' if limit is self.standing.thresholds.baseline else 'best model'}, trial {limit.trial}"

    def notes(self) -> Iterator[str]:
        """What the tolerance is held against, and why."""
        standing = self.standing
        baseline, best = standing.thresholds.baseline, standing.thresholds.best
        if standing.quality is None or best is None:
            return
        if baseline is None and self.spec.certification.tolerance_reference == "baseline":
            yield f"{standing.note}, so the champion is held against the best model"
        if baseline is not None and baseline.trial == best.trial:
            yield self._note("★ and ▲", baseline, standing.quality)
        else:
            yield from (
                self._note(mark, limit, standing.quality)
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
            f"as {mark}: {quality.metric} {bound} {figure(limit.value)}, within {share} of {self._named(limit)} "
            f"({figure(limit.quality)}, {source}){'; so must the champion be' if limit is self.standing.champion_threshold else ''}"
        )


@dataclass(frozen=True)
class CertificatesTable:
    """A row a candidate, from the smallest to the largest, and below what it comes to."""

    certification: Certification
    concludes: bool = True
    """Not while it is under way, when what is not proven yet is not refuted either."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = self.certification.candidates()
        if rows:
            yield self._table(rows)
            yield Text()
            for line in self._legend():
                yield Text(line, style="dim")
            yield Text()
        if self.concludes:
            yield Text(
                self.certification.conclusion(),
                style="bold" if self.certification.standing.champion else "",
            )

    def _table(self, rows: Sequence[tuple[TrialRecord, Certificate]]) -> Table:
        standing, champion = self.certification.standing, self.certification.standing.champion
        table = Table(box=None, pad_edge=False, header_style="bold")
        quality = [standing.quality.metric, "as ★", "as ▲"] if standing.quality else []
        for heading in ("trial", standing.size.metric, "of ★", "healthy", "rate", *quality):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for record, told in rows:
            table.add_row(
                *self._cells(record, told),
                outcome(told),
                style="bold" if record is champion else "",
            )
        return table

    def _cells(self, record: TrialRecord, told: Certificate) -> list[str]:
        standing = self.certification.standing
        share = percent(standing.share_of_baseline(record))
        cells = [
            str(record.number),
            figure(standing.size.value(record), whole=standing.size.is_size),
            share,
        ]
        cells += [f"{told.healthy} of {told.seeds}", f"≥ {percent(told.rate_low)}"]
        if standing.quality:
            within = (told.within_tolerance_of_baseline, told.within_tolerance_of_best)
            cells += [
                spread(told),
                *("-" if held is None else "yes" if held else "no" for held in within),
            ]
        return cells

    def _legend(self) -> Iterator[str]:
        rules = self.certification.spec.certification
        yield f"stable: {rules.required} of at most {rules.seeds} fresh seeds came out healthy"
        yield f"rate: of all seeds at least so many come out healthy, at {rules.confidence:.0%} confidence"
        yield from self.certification.notes()


def outcome(told: Certificate) -> Text:
    """What a certificate says, in a word."""
    word = "too weak" if told.status == "undecided" and told.out_of_reach else told.status
    return Text(word, STYLES[word])


def spread(told: Certificate) -> str:
    """The median with the lowest and the highest of the healthy seeds: `0.054 (0.051 to 0.06)`."""
    quality = told.quality
    return (
        "-"
        if quality is None
        else f"{figure(quality.median)} ({figure(quality.low)} to {figure(quality.high)})"
    )


def certified_line(told: Certificate) -> str:
    """A certificate in a line: `stable, 4 of 4 fresh seeds healthy, at least 47% of all seeds`."""
    median = f", median quality {spread(told)}" if told.quality is not None else ""
    rate = f"at least {percent(told.rate_low)} of all seeds at {told.confidence:.0%} confidence"
    return f"{outcome(told)}, {told.healthy} of {told.seeds} fresh seeds healthy, {rate}{median}"


def certification_json(certification: Certification) -> dict[str, Any]:
    """The contract of `certify --json`."""
    standing = certification.standing
    told = standing.to_json()
    return {
        "study": certification.spec.name,
        "certification": certification.spec.certification.model_dump(mode="json"),
        "candidates": [
            _candidate_json(certification, *entry) for entry in certification.candidates()
        ],
        "thresholds": told["thresholds"],
        "champion": told["champion"],
        "conclusion": certification.conclusion(),
        "notes": list(certification.notes()),
        "steps_trained": sum(run.steps for run in certification.runs),
    }


def _candidate_json(
    certification: Certification, record: TrialRecord, told: Certificate
) -> dict[str, Any]:
    standing = certification.standing
    runs = {run.number: run for run in certification.runs}
    return {
        "trial": record.number,
        "size": standing.size.value(record),
        "share_of_baseline": standing.share_of_baseline(record),
        "certified": told.to_json(),
        "seeds": [_run_json(standing, runs[number]) for number in told.runs],
    }


def _run_json(standing: StudySummary, run: TrialRecord) -> dict[str, Any]:
    quality = (
        None if standing.quality is None or run.state != "complete" else standing.quality.value(run)
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
    """Where a certification stands, for `status --json`."""
    certificates, champion = certification.standing.certificates, certification.standing.champion
    by_status = {
        status: [trial for trial, told in certificates.items() if told.status == status]
        for status in ("stable", "unstable", "undecided")
    }
    return {
        "runs": count_states(certification.runs),
        "verdicts": count_verdicts(certification.runs),
        "steps_trained": sum(run.steps for run in certification.runs),
        **by_status,
        "champion": None if champion is None else champion.number,
    }
