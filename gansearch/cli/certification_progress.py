"""Progress of a certification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console, RenderableType

from gansearch.cli.live_table import LiveTable
from gansearch.cli.plain_lines import PlainLines, first_line
from gansearch.cli.progress import SearchProgress
from gansearch.report.certificates import Certification
from gansearch.report.certificates_table import CertificatesTable
from gansearch.search.certification_plan import Choice
from gansearch.search.remaining_time import Work, certification_work
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


class CertificationProgress(SearchProgress):
    """Runs of a certification beside the trials of the search that they certify."""

    def __init__(
        self,
        spec: StudySpec,
        console: Console,
        folder: Path,
        records: Sequence[TrialRecord],
        choice: Choice,
    ) -> None:
        """Begin with the trials of the search, and the candidates to certify."""
        super().__init__(spec, console, folder)
        self.searched, self.choice = {record.number: record for record in records}, choice
        self.begun: dict[int, TrialRecord] = {}
        """Runs that have begun, by number."""
        for record in records:
            self.pace.learn(record)

    def started(self, record: TrialRecord) -> None:
        self.begun[record.number] = record
        self._certification = None
        super().started(record)

    def baseline_sizes(self) -> Mapping[str, float]:
        return self.searched[0].sizes if 0 in self.searched else {}

    def candidate_of(self, trial: int) -> int:
        certified = self.begun[trial].certifies
        assert certified is not None, "every run certifies a trial"
        return certified

    def work_left(self, steps: int, running: Mapping[int, int]) -> Sequence[Work]:
        if self._certification is None:
            # Runs that are being trained count as if they had ended like the trial in the search.
            pending = [
                replace(self.searched[self.candidate_of(n)], certifies=run.certifies, seed=run.seed)
                for n, run in self.begun.items()
                if n in self.running
            ]
            ended = [record for record in self.ordered if record.ended]
            searched = list(self.searched.values())
            self._certification = certification_work(
                self.spec, steps, searched, [*ended, *pending], self.choice
            )
        under_way = [
            Work(steps - step, self.candidate_of(number), running=True)
            for number, step in running.items()
        ]
        return [*under_way, *self._certification]

    def best_line(self) -> str:
        return ""


class LiveCertification(CertificationProgress, LiveTable):
    """A table that is redrawn in place: running seeds, and the certificates so far."""

    def name(self, trial: int) -> str:
        return f"{self.begun[trial].certifies} ({self.begun[trial].seed})"

    def counted(self) -> str:
        return f"certification: {self.done} runs with fresh seeds"

    def _front(self, records: Sequence[TrialRecord], rows: int) -> RenderableType:
        searched = list(self.searched.values())
        certification = Certification.of(self.spec, searched, records)
        return CertificatesTable(certification, concludes=False)


class PlainCertification(CertificationProgress, PlainLines):
    """A line for each start and end of a run."""

    def ended(self, record: TrialRecord) -> None:
        SearchProgress.ended(self, record)
        result = self.found(record)
        if record.state == "failed":
            result = first_line(record.reason)
        self.say(f"{self.subject(record)}: {result}")

    def subject(self, record: TrialRecord) -> str:
        return f"trial {record.certifies}, seed {record.seed}"

    def counted(self) -> str:
        return f"certification, {self.done} runs, "
