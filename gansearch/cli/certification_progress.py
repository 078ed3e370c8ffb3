"""Progress of a certification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console, RenderableType

from gansearch.cli.live_table import LiveTable
from gansearch.cli.plain_lines import PlainLines, first_line
from gansearch.cli.progress import SearchProgress, clock
from gansearch.cli.remaining_time import Work, certification_work
from gansearch.report.certificates import Certification
from gansearch.report.certificates_table import CertificatesTable
from gansearch.report.formatting import figure, percent
from gansearch.search.certification_plan import Choice
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


class CertificationProgress(SearchProgress):
    """Runs of a certification beside the trials of the search that they certify."""

    searched: Sequence[TrialRecord] = ()
    choice: Choice | None = None

    def set_search(self, records: Sequence[TrialRecord], choice: Choice) -> None:
        """Take the trials of the search, and the candidates to certify."""
        self.searched, self.choice = records, choice
        self.begun: dict[int, TrialRecord] = {}
        for record in records:
            self.pace.learn(record)

    def begin_run(self, record: TrialRecord) -> None:
        """Note that a run takes a slot."""
        self.begun[record.number] = record
        self._certification = None
        SearchProgress.started(self, record)

    def candidate_of(self, trial: int) -> int:
        certified = self.begun[trial].certifies
        assert certified is not None, "every run certifies a trial"
        return certified

    def work_left(self, steps: int, running: Mapping[int, int]) -> Sequence[Work]:
        if self._certification is None:
            searched = {record.number: record for record in self.searched}
            # Runs that are being trained count as if they had ended like the trial in the search.
            pending = [self.begun[number] for number in self.running]
            as_ended = [
                replace(searched[run.certifies], certifies=run.certifies, seed=run.seed)
                for run in pending
                if run.certifies is not None
            ]
            ended = [record for record in self.ordered if record.ended]
            self._certification = certification_work(
                self.spec, steps, self.searched, [*ended, *as_ended], self.choice
            )
        under_way = [
            Work(steps - step, self.candidate_of(number), running=True)
            for number, step in running.items()
        ]
        return [*under_way, *self._certification]

    def share_of_baseline(self, sizes: Mapping[str, float]) -> float | None:
        baselines = [r.sizes for r in self.searched if r.baseline and r.sizes]
        size = sizes.get("generator_params")
        base = baselines[0].get("generator_params") if baselines else None
        return size / base if size is not None and base else None

    def best_line(self) -> str:
        return ""


class LiveCertification(CertificationProgress, LiveTable):
    """A table that is redrawn in place: running seeds, and the certificates so far."""

    def __init__(
        self,
        spec: StudySpec,
        console: Console,
        folder: Path,
        records: Sequence[TrialRecord],
        choice: Choice,
    ) -> None:
        super().__init__(spec, console, folder)
        self.set_search(records, choice)
        self._names: dict[int, str] = {}

    def started(self, record: TrialRecord) -> None:
        self.begin_run(record)
        self._names[record.number] = f"{record.certifies} ({record.seed})"

    def name(self, trial: int) -> str:
        return self._names[trial]

    def counted(self) -> str:
        return f"certification: {self.done} runs with fresh seeds"

    def _front(self, records: Sequence[TrialRecord], rows: int) -> RenderableType:
        certification = Certification.of(self.spec, self.searched, records)
        return CertificatesTable(certification, concludes=False)


class PlainCertification(CertificationProgress, PlainLines):
    """A line for each start and end of a run."""

    def __init__(
        self,
        spec: StudySpec,
        console: Console,
        folder: Path,
        records: Sequence[TrialRecord],
        choice: Choice,
    ) -> None:
        super().__init__(spec, console, folder)
        self.set_search(records, choice)

    def started(self, record: TrialRecord) -> None:
        self.begin_run(record)
        size = figure(record.sizes.get("generator_params"), whole=True)
        share = percent(self.share_of_baseline(record.sizes))
        verb = f"continues at step {record.steps}" if record.steps else "starts"
        self.say(
            f"trial {record.certifies}, seed {record.seed} {verb}: {size} parameters ({share})"
        )

    def retrying(self, record: TrialRecord, reason: str) -> None:
        SearchProgress.retrying(self, record, reason)
        why = first_line(reason)
        self.say(f"trial {record.certifies}, seed {record.seed} is trained again: {why}")

    def ended(self, record: TrialRecord) -> None:
        SearchProgress.ended(self, record)
        result = self.found(record)
        if record.state == "failed":
            result = first_line(record.reason)
        self.say(f"trial {record.certifies}, seed {record.seed}: {result}")

    def position(self) -> str:
        left = self.seconds_left()
        when = "" if left is None else f", about {clock(left)} left"
        return f"certification, {self.done} runs, {clock(self.elapsed)}{when}"
