"""Rehearsal of a study: some steps of two candidates on its executor, to tell what it will cost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from gansearch.candidate import Candidate
from gansearch.domains import Scalar
from gansearch.execution.executor import Executor, open_executor
from gansearch.execution.trial_runner import TrialRunner
from gansearch.messages import AtRung, Crash, Decision, Ended, Job, Outcome, Progress
from gansearch.run import certifies_at_end
from gansearch.search.remaining_time import TrainingPace, certification_work, search_work
from gansearch.study.component_choices import InvalidCandidateError
from gansearch.study.study import Study

STEPS = 30
"""Steps of each candidate; those up to the first report are left out of its speed."""
READ_EVERY = 5
"""Steps between two reports of the speed."""
LIMIT = 90.0
"""Seconds after which a rehearsal ends, whatever was measured by then."""
BYTES_PER_STEP = 95
"""Bytes that a step adds to the files of a trial: 14.2 kB of signals for the 150 steps of
studies/smoke.yaml, compressed."""
BASELINE, MIDDLE = 0, -1
"""Number of the baseline, and of a candidate from the middle of the space, in place of all others.
"""


@dataclass
class Rehearsal:
    """Measured cost of the steps of a study, and of everything around them."""

    slots: int
    """Candidates that are trained side by side."""
    seconds_per_step: dict[int, float] = field(default_factory=dict)
    """Seconds a step of the baseline and of the candidate from the middle."""
    seconds_around: float = 0.0
    """Seconds of a trial outside its steps: its process, its data, its metrics."""
    memory: int = 0
    """Bytes at the peak of a process that trains the baseline."""
    disk: int = 0
    """Bytes that a trial leaves behind."""
    crash: str = ""
    """Message of the crash of the baseline; empty where it trains."""


@dataclass(frozen=True)
class Cost:
    """Expected cost of a search with its certification."""

    seconds: float
    memory: int
    """Bytes of all processes that train, without the driver's."""
    disk: int
    """Bytes of the run folder."""

    @classmethod
    def of(cls, study: Study, rehearsal: Rehearsal, trials: int | None = None) -> Cost | None:
        """Return the expected cost of a study, of so many trials; None where nothing was measured.

        Steps are counted as the time left of a running search is.
        """
        if BASELINE not in rehearsal.seconds_per_step:
            return None
        spec, pace = study.spec, TrainingPace()
        if trials is not None:
            search = spec.search.model_copy(update={"trials": trials})
            spec = spec.model_copy(update={"search": search})
        steps = spec.training.in_steps(len(study.data.train.samples)).steps
        for number, seconds in rehearsal.seconds_per_step.items():
            pace.learn_pace(number, seconds)
        work, runs = search_work(spec, steps, [], {}), spec.search.trials
        if certifies_at_end(spec):
            runs_of_certificates = certification_work(spec, steps, [])
            work, runs = [*work, *runs_of_certificates], runs + len(runs_of_certificates)
        training = pace.seconds(work, rehearsal.slots) or 0.0
        files = rehearsal.disk + BYTES_PER_STEP * steps
        return cls(
            training + rehearsal.seconds_around * runs / rehearsal.slots,
            rehearsal.memory * rehearsal.slots,
            files * runs,
        )


def rehearse(study: Study, limit: float = LIMIT) -> Rehearsal:
    """Train some steps of a study's baseline, and of a candidate from the middle of its space.

    The executor, its processes and their threads are those of the study. Nothing is kept.

    Args:
        study: the study.
        limit: seconds after which no more is measured.

    Raises:
        GansearchError: when the executor cannot be opened.
    """
    short = {
        "steps": STEPS,
        "epochs": None,
        "signals_every": READ_EVERY,
        "sample_every": 0,
        "checkpoint_every": 0,
        "keep": "last",
    }
    training = study.spec.training.model_copy(update=short)
    runner = TrialRunner(
        training, (), study.space.metrics, extractor=study.extractor, teacher=study.teacher
    )
    candidates = {BASELINE: study.space.baseline}
    if (middle := middle_candidate(study)) != study.space.baseline:
        candidates[MIDDLE] = middle
    with (
        TemporaryDirectory(prefix="gansearch-") as folder,
        open_executor(runner, study.spec.executor, training.device) as executor,
    ):
        return _measured(candidates, executor, Path(folder), time.monotonic() + limit)


def _measured(
    candidates: Mapping[int, Candidate], executor: Executor, folder: Path, deadline: float
) -> Rehearsal:
    """Train candidates until each has ended, or until a time."""
    rehearsal = Rehearsal(executor.slots)
    waiting, started = [*candidates], dict[int, float]()
    first: dict[int, tuple[int, float]] = {}
    """Step and time of the first progress, when a process is at its speed."""
    ended: set[int] = set()
    while len(ended) < len(candidates):
        if time.monotonic() > deadline:
            executor.stop(0.0)
            break
        while waiting and len(started) - len(ended) < executor.slots:
            number = waiting.pop(0)
            place = folder / str(len(started))
            place.mkdir()
            executor.submit(Job(number, candidates[number], place))
            started[number] = time.monotonic()
        for event in executor.events(timeout=0.25):
            now = time.monotonic()
            match event:
                case Progress():
                    step, at = first.setdefault(event.trial, (event.step, now))
                    if event.step > step:
                        pace = (now - at) / (event.step - step)
                        rehearsal.seconds_per_step[event.trial] = pace
                case AtRung():
                    executor.answer(event.trial, Decision.CONTINUE)
                case Ended():
                    ended.add(event.trial)
                    _learn(rehearsal, event, now - started[event.trial])
    sizes = [path.stat().st_size for path in (folder / "0").rglob("*") if path.is_file()]
    rehearsal.disk = sum(sizes)
    return rehearsal


def _learn(rehearsal: Rehearsal, event: Ended, seconds: float) -> None:
    """Take what the end of a candidate tells, after so many seconds of its process."""
    match event.ending:
        case Crash() if event.trial == BASELINE:
            rehearsal.crash = f"{event.ending.kind}: {event.ending.message}"
        case Outcome():
            pace = rehearsal.seconds_per_step.get(event.trial, 0.0)
            around = seconds - pace * event.ending.steps
            rehearsal.seconds_around = max(rehearsal.seconds_around, around)
            memory = int(event.ending.stamp.get("peak_memory_bytes", 0))
            rehearsal.memory = max(rehearsal.memory, memory)


def middle_candidate(study: Study) -> Candidate:
    """Return the candidate with the middle of each range; the baseline where that is none."""
    middle: dict[str, Scalar] = dict(study.space.baseline_parameters)
    for name, domain in study.space.domains.items():
        levels = domain.levels(3)
        if name in middle and all(isinstance(level, (int, float)) for level in levels):
            middle[name] = levels[len(levels) // 2]
    try:
        candidate = study.space.candidate(middle)
        study.sizes(candidate)
    except (InvalidCandidateError, ValueError):
        return study.space.baseline
    return candidate
