"""Replay of the table: a search with everything real but the training, in seconds.

Driver, samplers, rungs, verdicts and pruning are those of any study. The candidates are those of
the table, so each proposal is replaced by the nearest untried one, and a run costs the CPU seconds
that were recorded for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow.parquet as pq
from candidates import HERE, candidate_of
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial

from gansearch.candidate import Candidate
from gansearch.domains import Scalar
from gansearch.messages import AtRung, Decision, Ended, Event, Job, Outcome
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.candidate_pool import PoolCandidate, random_parameters
from gansearch.search.bayesian.searcher import BayesianSearcher
from gansearch.search.samplers import make_sampler
from gansearch.search.searcher import SamplerSearcher
from gansearch.search.smallest_model import SmallestModelGoal
from gansearch.signals import HEALTHY, Verdict
from gansearch.storage.trial_store import TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.study import Study
from gansearch.trial_record import Rung, TrialRecord

TABLE = HERE / "table.parquet"
METRICS = ("mmd", "fid", "coverage", "precision", "recall", "duplicates", "blur_ratio")
RUNG_SECONDS = 0.45
"""CPU seconds to measure the MMD of 2,000 samples at a rung; coverage takes a hundredth of it."""


# --------------------------------------------------------------------------------------------------
# The table


@dataclass(frozen=True)
class Run:
    """One recorded run."""

    number: int
    """Number of its candidate in the table."""
    seed: int
    parameters: Mapping[str, Scalar]
    sizes: Mapping[str, float]
    steps: Sequence[int]
    """Steps of the rungs; the last one is the end."""
    metrics: Mapping[str, Sequence[float]]
    """Values at each rung, by metric."""
    training: Sequence[float]
    """CPU seconds of training and of the detectors' probes until each of them."""
    measuring: float
    """CPU seconds to measure everything at the end."""
    ends_well: bool
    failure: Verdict | None
    """Verdict with which the study's detectors would have stopped the run, if any."""
    at_end: Verdict

    def seconds(self, step: int) -> float:
        """Return the CPU seconds until a step."""
        return float(np.interp(step, [0, *self.steps], [0.0, *self.training]))

    def at(self, step: int) -> dict[str, float] | None:
        """Return the metrics after a step; None if it is no rung."""
        if step not in self.steps:
            return None
        i = self.steps.index(step)
        return {name: values[i] for name, values in self.metrics.items()}

    @property
    def final(self) -> dict[str, float]:
        """Metrics at the end."""
        return {name: values[-1] for name, values in self.metrics.items()}

    @property
    def whole(self) -> float:
        """CPU seconds of the whole run."""
        return self.training[-1] + self.measuring


@dataclass(frozen=True)
class Table:
    """All recorded runs."""

    runs: Mapping[tuple[int, int], Run]
    """Runs by candidate and seed."""

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Table:
        """Read the packed table, or files of single runs."""
        found = [run for path in paths for run in _runs_in(path)]
        return cls({(run.number, run.seed): run for run in found})

    @cached_property
    def first(self) -> dict[int, Run]:
        """Runs with the first seed, by candidate."""
        return {number: run for (number, seed), run in sorted(self.runs.items()) if seed == 0}

    def seeds(self, number: int) -> list[Run]:
        """Return every run of a candidate."""
        return [run for (other, _), run in sorted(self.runs.items()) if other == number]

    @cached_property
    def seconds(self) -> float:
        """CPU seconds of training every candidate once."""
        return sum(run.whole for run in self.first.values())


def _runs_in(path: Path) -> Iterator[Run]:
    table = pq.read_table(path)
    rows = table.select(
        [name for name in table.column_names if not name.startswith("signals.")]
    ).to_pylist()
    for row in rows:
        parameters = {
            name: value
            for name, value in row.items()
            if name.startswith(("generator.", "schedule."))
        }
        probes, training = row["cpu_probes"], row["cpu_training"]
        measuring = np.diff(row["cpu_metrics"], prepend=0.0)
        yield Run(
            row["number"],
            row["seed"],
            parameters,
            {name: row[name] for name in ("generator_params",)},
            row["rung"],
            {name: row[name] for name in METRICS},
            [one + other for one, other in zip(training, probes, strict=True)],
            float(np.median(measuring)),
            row["ends_well"],
            first_failure(row["timeline"]),
            Verdict(row["verdict_at_end"], row["rung"][-1]),
        )


def first_failure(timeline: Sequence[Mapping[str, Any]]) -> Verdict | None:
    """Return the first failed verdict in the timeline of a run's verdicts."""
    verdicts = (
        Verdict(change["verdict"], change["step"], {"rule": change["rule"]}, change["detector"])
        for change in timeline
    )
    return next((verdict for verdict in verdicts if verdict.failed), None)


# --------------------------------------------------------------------------------------------------
# Replayed trainings


@dataclass
class Spent:
    """Cost of a search so far, in CPU seconds."""

    seconds: float = 0.0
    failed: float = 0.0
    """Seconds spent on runs that end badly."""


@dataclass
class ReplayExecutor:
    """Executor with one slot that looks up the result of each training in the table."""

    table: Table
    numbers: Mapping[str, int]
    """Numbers of the table's candidates, by identity."""
    rungs: Sequence[int] = ()
    """Steps at which candidates are compared."""
    watches: bool = True
    """True if detectors stop runs; otherwise every run is trained to its end as healthy."""
    slots: int = 1
    spent: Spent = field(default_factory=Spent)
    _job: Job | None = None
    _passed: list[Rung] = field(default_factory=list)
    """Rungs that the running trial has reached."""
    _ahead: list[int] = field(default_factory=list)
    """Steps of the rungs that it has not reached."""
    _decision: Decision = Decision.CONTINUE
    _paid: dict[Path, float] = field(default_factory=dict)
    """Seconds already counted for each trial that began, by folder."""
    _paused: dict[Path, list[Rung]] = field(default_factory=dict)
    """Rungs that each paused trial has reached, by folder."""

    def submit(self, job: Job) -> None:
        """Start a training, or resume one that was paused."""
        self._job, self._decision = job, Decision.CONTINUE
        self._passed = list(self._paused.get(job.folder, [])) if job.resume_from else []
        reached = self._passed[-1].step if self._passed else 0
        end = self._end(self._run(job))
        self._ahead = [step for step in self.rungs if reached < step < end]

    def events(self, timeout: float) -> Sequence[Event]:
        """Return the next rung, or the end."""
        job = self._job
        assert job is not None
        run = self._run(job)
        if self._decision is Decision.CONTINUE and self._ahead:
            step = self._ahead.pop(0)
            figures = run.at(step)
            assert figures is not None, f"the table has no rung at step {step}"
            self._passed.append(Rung(step, figures))
            return [AtRung(job.trial, tuple(self._passed))]
        self._job = None
        return [Ended(job.trial, self._outcome(job, run))]

    def answer(self, trial: int, decision: Decision) -> None:
        """Take the decision about the running trial."""
        self._decision = decision

    def stop(self, grace: float) -> None:
        """Forget the running trial."""
        self._job = None

    def _run(self, job: Job) -> Run:
        return self.table.runs[self.numbers[job.candidate.identity], job.seed or 0]

    def _end(self, run: Run) -> int:
        """Return the step at which a run ends if no rung ends it."""
        return run.failure.step or 0 if self.watches and run.failure else run.steps[-1]

    def _outcome(self, job: Job, run: Run) -> Outcome:
        rungs = tuple(self._passed)
        ended_at_rung = self._decision is not Decision.CONTINUE
        step = rungs[-1].step if ended_at_rung else self._end(run)
        seconds = run.seconds(step) + RUNG_SECONDS * len(rungs)
        if ended_at_rung:
            outcome = Outcome(HEALTHY, step, seconds, rungs, decision=self._decision)
        elif self.watches and run.failure:
            outcome = Outcome(run.failure, step, seconds, rungs)
        else:
            seconds += run.measuring
            verdict = run.at_end if self.watches else HEALTHY
            outcome = Outcome(verdict, step, seconds, rungs, run.final)
        self._pay(job.folder, run, seconds)
        if self._decision is Decision.PAUSE:
            self._paused[job.folder] = list(rungs)
        return outcome

    def _pay(self, folder: Path, run: Run, seconds: float) -> None:
        """Count the seconds of a trial that are not counted yet."""
        new = seconds - self._paid.get(folder, 0.0)
        self._paid[folder] = seconds
        self.spent.seconds += new
        self.spent.failed += 0.0 if run.ends_well else new


# --------------------------------------------------------------------------------------------------
# Searchers whose candidates are those of the table


class ReplaySearcher(SamplerSearcher):
    """Sampler whose proposals are replaced by the nearest untried candidate of the table."""

    def __init__(self, study: Study, store: TrialStore, table: Table) -> None:
        super().__init__(study.spec.search, study.space, store)
        self._distributions = distributions_of(study.space)
        self._left = {run.number: run.parameters for run in table.first.values()}

    def next_trial(self, running: int) -> Trial | None:
        if not self._left:
            return None
        sampler = make_sampler(self._spec, self._store.asked)
        trial = self._store.ask(Snapped(sampler, self._distributions, self._left))
        self._space.draw(trial)  # a trial knows its parameters once they are asked for
        self._left = {
            n: parameters for n, parameters in self._left.items() if parameters != trial.params
        }
        return trial


class TablePool:
    """Pool of the untried candidates of the table."""

    def __init__(self, space: SearchSpace, table: Table, size: str) -> None:
        self._space, self._size = space, size
        self._distributions = distributions_of(space)
        self._runs = {
            candidate_of(space, run.parameters).identity: run for run in table.first.values()
        }

    def candidates(
        self, records: Sequence[TrialRecord], front: Sequence[Mapping[str, Scalar]], seed: int
    ) -> list[PoolCandidate]:
        """Return all untried candidates."""
        return [
            PoolCandidate(run.parameters, run.sizes[self._size]) for run in self._untried(records)
        ]

    def random_candidate(
        self, records: Sequence[TrialRecord], seed: int
    ) -> Mapping[str, Scalar] | None:
        """Return the one nearest to a random point of the search space."""
        point = random_parameters(self._space, np.random.default_rng(seed))
        return min(
            (run.parameters for run in self._untried(records)),
            key=lambda parameters: distance(self._distributions, point, parameters),
            default=None,
        )

    def _untried(self, records: Sequence[TrialRecord]) -> list[Run]:
        tried = {record.identity for record in records}
        return [run for identity, run in self._runs.items() if identity not in tried]


class ReplayBayesianSearcher(BayesianSearcher):
    """The `shrink` sampler on the candidates of the table."""

    def __init__(self, study: Study, store: TrialStore, table: Table) -> None:
        objectives = study.objectives
        goal = Goal.of(study.spec, objectives, aim_of(study))
        pool = TablePool(study.space, table, goal.size.metric)
        super().__init__(study.spec, study.space, store, goal, table.first[0].steps[-1], pool)


def aim_of(study: Study) -> SmallestModelGoal | None:
    """Return the goal of a search with `aim: smallest` before anything is certified; else None."""
    if study.spec.search.aim != "smallest":
        return None
    return SmallestModelGoal(study.spec, study.objectives)


class Snapped(BaseSampler):
    """Sampler that moves the proposals of another sampler to the nearest of some points."""

    def __init__(
        self,
        sampler: BaseSampler,
        distributions: Mapping[str, BaseDistribution],
        points: Mapping[int, Mapping[str, Scalar]],
    ) -> None:
        self._sampler, self._distributions, self._points = sampler, distributions, points

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self._distributions)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        known = self._sampler.infer_relative_search_space(study, trial)
        proposal = self._sampler.sample_relative(study, trial, known)
        for name, distribution in self._distributions.items():
            if name not in proposal:
                proposal[name] = self._sampler.sample_independent(study, trial, name, distribution)
        nearest = min(
            self._points.values(), key=lambda point: distance(self._distributions, proposal, point)
        )
        return dict(nearest)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._sampler.before_trial(study, trial)

    def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
        self._sampler.after_trial(study, trial, state, values)


def distance(
    distributions: Mapping[str, BaseDistribution], one: Mapping[str, Any], other: Mapping[str, Any]
) -> float:
    """Return the squared distance, with ranges scaled to 1 and 0.5 between two choices."""
    return sum(
        _apart(distribution, one[name], other[name]) ** 2
        for name, distribution in distributions.items()
    )


def _apart(distribution: BaseDistribution, one: Any, other: Any) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return 0.0 if one == other else 0.5
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    if distribution.log:
        span = math.log(distribution.high / distribution.low)
        return float(abs(math.log(one / other)) / span)
    return float(abs(one - other) / (distribution.high - distribution.low))


class _Distributions:
    """Source that records the distributions that it is asked to sample from."""

    def __init__(self) -> None:
        self.found: dict[str, BaseDistribution] = {}

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        self.found[name] = IntDistribution(low, high, log, step)
        return low

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self.found[name] = FloatDistribution(low, high, log, step)
        return low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.found[name] = CategoricalDistribution(tuple(choices))
        return choices[0]


def distributions_of(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Return the distributions that Optuna samples for a space with one architecture a role."""
    source = _Distributions()
    space.draw(source)
    return source.found


def identities(space: SearchSpace, table: Table) -> dict[str, int]:
    """Return the numbers of the table's candidates, by identity."""
    candidates: dict[int, Candidate] = {
        n: candidate_of(space, run.parameters) for n, run in table.first.items()
    }
    return {candidate.identity: number for number, candidate in candidates.items()}


def sizes_of(table: Table, numbers: Mapping[str, int]) -> Any:
    """Return a function that looks up the sizes of a candidate."""
    return lambda candidate: table.first[numbers[candidate.identity]].sizes


def load_study(path: Path, table: Table, changes: Sequence[str] = ()) -> Study:
    """Load a study, with as many trials as the table has candidates."""
    return Study.load(path, [f"search.trials={len(table.first)}", *changes])
