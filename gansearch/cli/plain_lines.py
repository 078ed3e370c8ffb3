"""Progress of a search as lines, for logs and pipes."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from gansearch.cli.progress import SearchProgress, clock
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_counts import is_dominated, verdict_name
from gansearch.signals import Remedy
from gansearch.study.spec import StudySpec
from gansearch.trial_record import Rejection, TrialRecord


class PlainLines(SearchProgress):
    """A line for each start and end of a trial, for logs and pipes."""

    def __init__(self, spec: StudySpec, console: Console, folder: Path) -> None:
        super().__init__(spec, console, folder)
        self._best = ""

    def started(self, record: TrialRecord) -> None:
        super().started(record)
        size = figure(record.sizes.get("generator_params"), whole=True)
        share = percent(self.share_of_baseline(record.sizes))
        verb = f"continues at step {record.steps}" if record.steps else "starts"
        self.say(f"{self.subject(record)} {verb}: {size} parameters ({share})")

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        super().rescuing(record, remedy)
        self.say(f"{self.subject(record)} {self.found(record)}; trained again: {remedy.title}")

    def retrying(self, record: TrialRecord, reason: str) -> None:
        super().retrying(record, reason)
        self.say(f"{self.subject(record)} is trained again: {first_line(reason)}")

    def rejected(self, rejection: Rejection) -> None:
        self.say(f"rejected before training: {first_line(rejection.reason)}")

    def exhausted(self) -> None:
        self.say("every candidate of the search space has been tried")

    def ended(self, record: TrialRecord) -> None:
        super().ended(record)
        if record.state == "failed":
            self.say(f"{self.subject(record)} failed: {first_line(record.reason)}")
        else:
            rescue = ""
            if record.rescue is not None:
                rescue = ", rescued" if record.rescued else "; its rescue failed too"
            self.say(f"{self.subject(record)} {record.state}: {self.found(record)}{rescue}")
        best = self.best_line()
        if best and best != self._best:
            samples = self.best_samples()
            self.say(f"best so far: {best}" + (f"; samples: {samples}" if samples else ""))
            self._best = best

    def subject(self, record: TrialRecord) -> str:
        """Return the name of a trial at the start of its lines."""
        return f"trial {record.number}"

    def found(self, record: TrialRecord) -> str:
        """Return the result of a trial: its figures, or the reason of its end."""
        if record.state == "paused" or is_dominated(record):
            return record.reason
        name = verdict_name(record)
        if record.state == "pruned" and record.verdict is not None:
            rule = record.verdict.evidence.get("rule", "")
            return f"{name} at step {record.verdict.step}, {rule}"
        metrics = (o.metric for o in self.spec.objectives)
        return f"{name}, " + ", ".join(f"{m} {figure(record.figures.get(m))}" for m in metrics)

    def counted(self) -> str:
        """Return the number of trials that have ended."""
        return f"{self.done}/{self.spec.search.trials} "

    def say(self, text: str) -> None:
        """Print a line, after the number of ended trials, the time so far and the time left."""
        left = self.seconds_left()
        when = "" if left is None else f", about {clock(left)} left"
        self.console.print(
            f"[{self.counted()}{clock(self.elapsed)}{when}] {text}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def first_line(reason: str) -> str:
    """Return the first line of a reason; a plugin's exception may have more."""
    return reason.partition("\n")[0]
