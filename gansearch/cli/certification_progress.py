"""What a person sees while candidates are trained again with fresh seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gansearch.candidate import Candidate
from gansearch.cli.progress import LiveTable, PlainLines, clock
from gansearch.report.certificates import CertificatesTable, Certification
from gansearch.report.formatting import figure, percent
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


class _Searched:
    """The trials of the search, whose candidates are trained again."""

    def __init__(self, spec: StudySpec, records: Sequence[TrialRecord]) -> None:
        self.spec, self.records = spec, tuple(records)
        self._baseline = next((r.sizes for r in reversed(records) if r.baseline and r.sizes), {})

    def number(self, candidate: Candidate) -> int | None:
        """The first trial of this candidate."""
        return next(
            (record.number for record in self.records if record.identity == candidate.identity),
            None,
        )

    def share_of_baseline(self, sizes: Mapping[str, float]) -> float | None:
        size, base = sizes.get("generator_params"), self._baseline.get("generator_params")
        return size / base if size is not None and base else None


class LiveCertification(LiveTable):
    """A table that is redrawn in place: what runs, and what is proven so far."""

    def __init__(self, spec: StudySpec, console: Console, records: Sequence[TrialRecord]) -> None:
        super().__init__(spec, console)
        self._searched = _Searched(spec, records)
        self._again: dict[int, int | None] = {}

    def started(self, trial: int, candidate: Candidate, sizes: Mapping[str, float]) -> None:
        super().started(trial, candidate, sizes)
        self._again[trial] = self._searched.number(candidate)

    def share_of_baseline(self, sizes: Mapping[str, float]) -> float | None:
        return self._searched.share_of_baseline(sizes)

    def _name(self, trial: int) -> str:
        return str(self._again[trial])

    def _header(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        told = f"certification: {self.done} runs with fresh seeds, {clock(self.elapsed)}"
        grid.add_row(Text(self.spec.name, style="bold"), told)
        return grid

    def _front(self, records: Sequence[TrialRecord]) -> RenderableType:
        return CertificatesTable(
            Certification.of(self.spec, self._searched.records, records), concludes=False
        )


class PlainCertification(PlainLines):
    """A line for each beginning and end of a run."""

    def __init__(self, spec: StudySpec, console: Console, records: Sequence[TrialRecord]) -> None:
        super().__init__(spec, console)
        self._searched = _Searched(spec, records)

    def started(self, trial: int, candidate: Candidate, sizes: Mapping[str, float]) -> None:
        self.running[trial] = sizes
        size = figure(sizes.get("generator_params"), whole=True)
        share = percent(self._searched.share_of_baseline(sizes))
        self._say(
            f"trial {self._searched.number(candidate)} starts again: {size} parameters ({share})"
        )

    def ended(self, record: TrialRecord) -> None:
        self.records[record.number] = record
        self.running.pop(record.number, None)
        found = (
            record.reason.partition("\n")[0] if record.state == "failed" else self._found(record)
        )
        again = "; it is tried again" if record.retried else ""
        self._say(f"trial {record.certifies}, seed {record.seed}: {found}{again}")

    def _place(self) -> str:
        return f"certification, {self.done} runs, {clock(self.elapsed)}"
