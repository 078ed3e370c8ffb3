"""Certificates for a terminal: a table, and a line for each."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from gansearch.ranking.certificate import Certificate
from gansearch.report.certificates import Certification
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_figures import warning_lines

STYLES = {"stable": "green", "unstable": "red", "too weak": "yellow", "undecided": "dim"}
WITHIN = {True: "yes", False: "no", None: "-"}


@dataclass(frozen=True)
class CertificatesTable:
    """A row a candidate, smallest first, and the conclusion below."""

    certification: Certification
    concludes: bool = True
    """False while the certification runs, when what is not proven yet is not refuted either."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        certification, rules = self.certification, self.certification.spec.certification
        if certification.candidates():
            yield self._table()
            yield Text()
            for line in (
                f"stable: {rules.required} of at most {rules.seeds} fresh seeds came out healthy",
                "rate: of all seeds at least so many come out healthy, "
                f"at {rules.confidence:.0%} confidence",
                *certification.notes(),
            ):
                yield Text(line, style="dim")
            yield from warning_lines(certification.runs)
            yield Text()
        if self.concludes:
            style = "bold" if certification.summary.champion else ""
            yield Text(certification.conclusion(), style)

    def _table(self) -> Table:
        summary = self.certification.summary
        table = Table(box=None, pad_edge=False, header_style="bold")
        quality = [summary.quality.metric, "as ★", "as ▲"] if summary.quality else []
        for heading in ("trial", summary.size.metric, "of ★", "healthy", "rate", *quality):
            is_range = summary.quality is not None and heading == summary.quality.metric
            table.add_column(heading, justify="right", no_wrap=not is_range)
        table.add_column("", no_wrap=True)
        for record, certificate in self.certification.candidates():
            cells = [
                str(record.number),
                figure(summary.size.value(record), whole=summary.size.is_size),
                percent(summary.share_of_baseline(record)),
                f"{certificate.healthy} of {certificate.seeds}",
                f"≥ {percent(certificate.rate_low)}",
            ]
            if summary.quality:
                cells += [
                    spread(certificate),
                    WITHIN[certificate.within_tolerance_of_baseline],
                    WITHIN[certificate.within_tolerance_of_best],
                ]
            style = "bold" if record is summary.champion else ""
            table.add_row(*cells, outcome(certificate), style=style)
        return table


def outcome(certificate: Certificate) -> Text:
    """Return the status of a certificate as a styled word."""
    word: str = certificate.status
    if word == "undecided" and certificate.out_of_reach:
        word = "too weak"
    return Text(word, STYLES[word])


def spread(certificate: Certificate) -> str:
    """Return median, lowest and highest quality of healthy seeds: `0.054 (0.051 to 0.06)`."""
    quality = certificate.quality
    if quality is None:
        return "-"
    return f"{figure(quality.median)} ({figure(quality.low)} to {figure(quality.high)})"


def certified_line(certificate: Certificate) -> str:
    """Return a certificate as `stable, 4 of 4 fresh seeds healthy, at least 47% of all seeds`."""
    median = f", median quality {spread(certificate)}" if certificate.quality else ""
    healthy = f"{certificate.healthy} of {certificate.seeds} fresh seeds healthy"
    rate = f"at least {percent(certificate.rate_low)} of all seeds"
    confidence = f"at {certificate.confidence:.0%} confidence"
    return f"{outcome(certificate)}, {healthy}, {rate} {confidence}{median}"
