"""Replay of a table: a search with everything real but the training, in seconds.

Driver, samplers, rungs, verdicts and pruning are those of any study. The candidates are those of
the table, so each proposal is replaced by the nearest untried one, and a run takes the CPU seconds
that were recorded for it.
"""

from __future__ import annotations

import heapq
import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow.parquet as pq
from candidates import candidate_of
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial
from tables import TableFolder

from gansearch.candidate import Candidate
from gansearch.components import ROLES
from gansearch.domains import Scalar
from gansearch.messages import AtRung, Decision, Ended, Event, Job, Outcome
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.candidate_pool import PoolCandidate, random_parameters
from gansearch.search.bayesian.prior import Prior
from gansearch.search.bayesian.searcher import BayesianSearcher
from gansearch.search.samplers import make_sampler
from gansearch.search.searcher import SamplerSearcher
from gansearch.search.smallest_model import SmallestModelGoal
from gansearch.signals import HEALTHY, Verdict
from gansearch.storage.trial_store import TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.study import Study
from gansearch.trial_record import Rung, TrialRecord

SIZE = "generator_params"
START_SECONDS = 0.7
"""CPU seconds that each start of a process costs beside its steps (start_cost.py)."""


# --------------------------------------------------------------------------------------------------
# The table


@dataclass(frozen=True)
class Run:
    """One recorded run."""

    number: int
    """Number of its candidate in the table."""
    seed: int
    parameters: Mapping[str, Scalar]
    size: float
    """Parameters of the generator."""
    quality: str
    """Name of the metric of quality, less is better."""
    steps: Sequence[int]
    """Steps of the rungs; the last one is the end."""
    metrics: Mapping[str, Sequence[float]]
    """Values at each rung, by metric."""
    training: Sequence[float]
    """CPU seconds of training alone until each of them."""
    probes: Sequence[float]
    """CPU seconds of the detectors' probes until each of them."""
    measuring: float
    """CPU seconds to measure the samples once."""
    ends_well: bool
    failure: Verdict | None
    """Verdict with which the study's detectors would have stopped the run, if any."""
    at_end: Verdict

    def seconds(self, step: int, *, watched: bool) -> float:
        """Return the CPU seconds until a step, with or without detectors."""
        spent = np.add(self.training, self.probes) if watched else self.training
        return float(np.interp(step, [0, *self.steps], [0.0, *spent]))

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
    def cost(self) -> float:
        """Quality at the end; less is better."""
        return self.metrics[self.quality][-1]

    @property
    def whole(self) -> float:
        """CPU seconds of the whole run without detectors."""
        return START_SECONDS + self.training[-1] + self.measuring


@dataclass(frozen=True)
class Table:
    """All recorded runs."""

    runs: Mapping[tuple[int, int], Run]
    """Runs by candidate and seed."""

    @classmethod
    def of(cls, folder: TableFolder) -> Table:
        """Read the table of a folder."""
        return cls({(run.number, run.seed): run for run in _runs_in(folder)})

    @cached_property
    def first(self) -> dict[int, Run]:
        """Runs with the first seed, by candidate."""
        return self.seen(0)

    def seen(self, seed: int) -> dict[int, Run]:
        """Return a run of each candidate: with this seed where there is one, else with the first.

        So each seed is a table of the same candidates with other luck.
        """
        first = {number: run for (number, s), run in sorted(self.runs.items()) if s == 0}
        return first | {number: run for (number, s), run in self.runs.items() if s == seed}

    def seeds(self, number: int) -> list[Run]:
        """Return every run of a candidate."""
        return [run for (other, _), run in sorted(self.runs.items()) if other == number]

    @cached_property
    def seconds(self) -> float:
        """CPU seconds of training every candidate once, without detectors."""
        return sum(run.whole for run in self.first.values())

    @cached_property
    def measuring(self) -> float:
        """CPU seconds to measure samples once, at a rung or at the end: the median of the runs."""
        return statistics.median(run.measuring for run in self.first.values())


def _runs_in(folder: TableFolder) -> Iterator[Run]:
    table, plan = pq.read_table(folder.table), folder.plan
    rows = table.select(
        [name for name in table.column_names if not name.startswith("signals.")]
    ).to_pylist()
    roles = tuple(f"{role}." for role in ROLES)
    for row in rows:
        yield Run(
            row["number"],
            row["seed"],
            {name: value for name, value in row.items() if name.startswith(roles)},
            row[SIZE],
            plan.quality,
            row["rung"],
            {name: row[name] for name in plan.metrics},
            row["cpu_training"],
            row["cpu_probes"],
            float(np.median(np.diff(row["cpu_metrics"], prepend=0.0))),
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
    """Cost of a search so far, in CPU seconds of all slots."""

    seconds: float = 0.0
    failed: float = 0.0
    """Seconds spent on runs that end badly."""


@dataclass
class _Running:
    """A training that is replayed."""

    job: Job
    run: Run
    passed: list[Rung]
    """Rungs that it has reached."""
    ahead: list[int]
    """Steps of the rungs that it has not reached."""
    decision: Decision = Decision.CONTINUE


@dataclass
class ReplayExecutor:
    """Executor that looks up the result of each training, in virtual time, on several slots."""

    runs: Mapping[str, Run]
    """Run of each candidate, by its identity."""
    measuring: float
    """CPU seconds to measure samples at a rung."""
    rungs: Sequence[int] = ()
    """Steps at which candidates are compared."""
    slots: int = 1
    spent: Spent = field(default_factory=Spent)
    now: float = 0.0
    """Virtual seconds since the search began."""
    _running: dict[int, _Running] = field(default_factory=dict)
    _due: list[tuple[float, int, int]] = field(default_factory=list)
    """Time, order and trial of each event to come, as a heap."""
    _order: Iterator[int] = field(default_factory=itertools.count)
    _paused: dict[Path, list[Rung]] = field(default_factory=dict)
    """Rungs that each paused trial has reached, by folder."""

    def submit(self, job: Job) -> None:
        """Start a training, or resume one that was paused; either starts a process."""
        run = self.runs[job.candidate.identity]
        passed = list(self._paused.get(job.folder, [])) if job.resume_from else []
        reached = passed[-1].step if passed else 0
        end = self._end(run)
        ahead = [step for step in self.rungs if reached < step < end]
        self._running[job.trial] = running = _Running(job, run, passed, ahead)
        self._schedule(running, reached, START_SECONDS)

    def events(self, timeout: float) -> Sequence[Event]:
        """Move to the next event: a rung, or an end."""
        self.now, _, trial = heapq.heappop(self._due)
        running = self._running[trial]
        if running.decision is Decision.CONTINUE and running.ahead:
            step = running.ahead.pop(0)
            figures = running.run.at(step)
            assert figures is not None, f"the table has no rung at step {step}"
            running.passed.append(Rung(step, figures))
            return [AtRung(trial, tuple(running.passed))]
        del self._running[trial]
        return [Ended(trial, self._outcome(running))]

    def answer(self, trial: int, decision: Decision) -> None:
        """Take the decision about a trial at a rung."""
        running = self._running[trial]
        running.decision = decision
        self._schedule(running, running.passed[-1].step, 0.0)

    def stop(self, grace: float) -> None:
        """Forget the running trials."""
        self._running.clear()
        self._due.clear()

    def _schedule(self, running: _Running, reached: int, begun: float) -> None:
        """Pay for the way to the next event and note when it is."""
        run, seconds = running.run, begun
        if running.decision is Decision.CONTINUE:
            step = running.ahead[0] if running.ahead else self._end(run)
            seconds += run.seconds(step, watched=True) - run.seconds(reached, watched=True)
            measured = bool(running.ahead) or not run.failure
            seconds += self.measuring * measured
        self.spent.seconds += seconds
        self.spent.failed += 0.0 if run.ends_well else seconds
        heapq.heappush(self._due, (self.now + seconds, next(self._order), running.job.trial))

    @staticmethod
    def _end(run: Run) -> int:
        """Return the step at which a run ends if no rung ends it."""
        return run.failure.step or 0 if run.failure else run.steps[-1]

    def _outcome(self, running: _Running) -> Outcome:
        run, rungs = running.run, tuple(running.passed)
        if running.decision is not Decision.CONTINUE:
            if running.decision is Decision.PAUSE:
                self._paused[running.job.folder] = list(rungs)
            step = rungs[-1].step
            return Outcome(HEALTHY, step, 0.0, rungs, decision=running.decision)
        if run.failure:
            return Outcome(run.failure, self._end(run), 0.0, rungs)
        return Outcome(run.at_end, self._end(run), 0.0, rungs, run.final)


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
        if self._store.has_queued:
            sampler: BaseSampler = optuna.samplers.RandomSampler()
        else:
            sampler = make_sampler(self._spec, self._store.asked)
        trial = self._store.ask(Snapped(sampler, self._distributions, self._left))
        self._space.draw(trial)  # a trial knows its parameters once they are asked for
        self._left = {
            n: parameters for n, parameters in self._left.items() if parameters != trial.params
        }
        return trial


class TablePool:
    """Pool of the untried candidates of the table."""

    def __init__(self, space: SearchSpace, table: Table) -> None:
        self._space = space
        self._distributions = distributions_of(space)
        self._runs = {
            candidate_of(space, run.parameters).identity: run for run in table.first.values()
        }

    def candidates(
        self, records: Sequence[TrialRecord], front: Sequence[Mapping[str, Scalar]], seed: int
    ) -> list[PoolCandidate]:
        """Return all untried candidates."""
        return [PoolCandidate(run.parameters, run.size) for run in self._untried(records)]

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

    def __init__(
        self, study: Study, store: TrialStore, table: Table, known: Sequence[TrialRecord] = ()
    ) -> None:
        """Set up the search; `known` are trials of another study of the same space."""
        goal = Goal.of(study.spec, study.objectives, aim_of(study))
        pool = TablePool(study.space, table)
        prior = Prior.of({"another study": known}, goal, study.space) if known else None
        steps = table.first[0].steps[-1]
        super().__init__(study.spec, study.space, store, goal, steps, pool, prior)


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


def by_identity(space: SearchSpace, runs: Mapping[int, Run]) -> dict[str, Run]:
    """Return the runs by the identity of their candidates."""
    candidates: dict[int, Candidate] = {
        n: candidate_of(space, run.parameters) for n, run in runs.items()
    }
    return {candidate.identity: runs[number] for number, candidate in candidates.items()}


def trials_of(table: Table, count: int, rng: np.random.Generator | None) -> list[TrialRecord]:
    """Return the first candidates of a table as the trials of a study that has ended.

    Args:
        table: the table.
        count: number of the trials.
        rng: source by which what the trials have shown is shuffled among them; None for the truth.
    """
    runs = [table.first[number] for number in sorted(table.first)[:count]]
    shown = list(runs) if rng is None else [runs[int(i)] for i in rng.permutation(len(runs))]
    return [
        TrialRecord(
            number,
            parameters=run.parameters,
            sizes={SIZE: run.size},
            state="complete" if other.ends_well else "pruned",
            verdict=HEALTHY if other.ends_well else other.at_end,
            metrics={run.quality: other.cost} if other.ends_well else {},
            steps=run.steps[-1],
        )
        for number, (run, other) in enumerate(zip(runs, shown, strict=True))
    ]


def load_study(path: Path, table: Table, changes: Sequence[str] = ()) -> Study:
    """Load a study, with as many trials as the table has candidates."""
    return Study.load(path, [f"search.trials={len(table.first)}", *changes])
