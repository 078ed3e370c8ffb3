"""Replays the table: a search runs on it with everything real but the training, in seconds.

The driver, the samplers, the rungs, the verdicts and what is made of them are those of any study.
Only the candidates are those of the table, so a proposal is replaced by the nearest untried one;
and a run takes the seconds that it took when it was recorded.
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
from gansearch.messages import AtRung, Ended, Event, Job, Outcome
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
    """Of its candidate."""
    seed: int
    parameters: Mapping[str, Scalar]
    sizes: Mapping[str, float]
    steps: Sequence[int]
    """Of the rungs, the last one the end."""
    metrics: Mapping[str, Sequence[float]]
    """At each of them."""
    training: Sequence[float]
    """CPU seconds of training and of the detectors' probes until each of them."""
    measuring: float
    """CPU seconds to measure everything at the end."""
    ends_well: bool
    condemned: Verdict | None
    """Verdict and step at which the study's detectors would have stopped the run."""
    at_end: Verdict

    def seconds(self, step: int) -> float:
        """CPU seconds until this step."""
        return float(np.interp(step, [0, *self.steps], [0.0, *self.training]))

    def at(self, step: int) -> dict[str, float] | None:
        """The metrics after this step, where it is a rung."""
        if step not in self.steps:
            return None
        i = self.steps.index(step)
        return {name: values[i] for name, values in self.metrics.items()}

    @property
    def final(self) -> dict[str, float]:
        """What it was worth at the end."""
        return {name: values[-1] for name, values in self.metrics.items()}

    @property
    def whole(self) -> float:
        """CPU seconds of the whole run."""
        return self.training[-1] + self.measuring


@dataclass(frozen=True)
class Table:
    """All recorded runs."""

    runs: Mapping[tuple[int, int], Run]
    """By candidate and seed."""

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Table:
        """From the packed table, or from files of single runs."""
        found = [run for path in paths for run in _runs_in(path)]
        return cls({(run.number, run.seed): run for run in found})

    @cached_property
    def first(self) -> dict[int, Run]:
        """The runs with the first seed, by candidate."""
        return {number: run for (number, seed), run in sorted(self.runs.items()) if seed == 0}

    def seeds(self, number: int) -> list[Run]:
        """Every run of a candidate."""
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
            _condemned(row["timeline"]),
            Verdict(row["verdict_at_end"], row["rung"][-1]),
        )


def _condemned(timeline: Sequence[Mapping[str, Any]]) -> Verdict | None:
    verdicts = (
        Verdict(change["verdict"], change["step"], {"rule": change["rule"]}, change["detector"])
        for change in timeline
    )
    return next((verdict for verdict in verdicts if verdict.failed), None)


# --------------------------------------------------------------------------------------------------
# Training that has happened


@dataclass
class Spent:
    """What a search has used up and got, by the time that each of its trials ended."""

    seconds: float = 0.0
    steps: int = 0
    failed: float = 0.0
    """Seconds spent on runs that end badly."""


@dataclass
class ReplayExecutor:
    """An executor that looks up what a training would have come to."""

    table: Table
    numbers: Mapping[str, int]
    """Candidates of the table by identity."""
    rungs: Sequence[int] = ()
    """Steps at which a search compares."""
    watches: bool = True
    """Whether detectors end a run; without them it trains to its end, whatever comes of it."""
    slots: int = 1
    spent: Spent = field(default_factory=Spent)
    _job: Job | None = None
    _ahead: list[int] = field(default_factory=list)
    _passed: list[Rung] = field(default_factory=list)
    _goes_on: bool = True
    _paid: float = 0.0
    _begun: dict[Path, list[Rung]] = field(default_factory=dict)
    """By folder the rungs that a run which was set aside has passed."""

    def submit(self, job: Job) -> None:
        """Look the job up, and go on where it was set aside."""
        run = self._run(job)
        self._passed = list(self._begun.get(job.resume_from, [])) if job.resume_from else []
        self._paid = self._cost(run, self._passed[-1].step) if self._passed else 0.0
        self._job, self._goes_on = job, True
        self._ahead = [
            step
            for step in self.rungs
            if (self._passed[-1].step if self._passed else 0) < step < self._end(run)
        ]

    def events(self, timeout: float) -> Sequence[Event]:
        """The next rung, or the end."""
        job = self._job
        assert job is not None
        run = self._run(job)
        if self._goes_on and self._ahead:
            step = self._ahead.pop(0)
            figures = run.at(step)
            assert figures is not None, f"the table has no rung at step {step}"
            self._passed.append(Rung(step, figures))
            return [AtRung(job.trial, tuple(self._passed))]
        self._job = None
        return [Ended(job.trial, self._outcome(job, run))]

    def answer(self, trial: int, *, go_on: bool) -> None:
        """Whether the run goes on."""
        self._goes_on = go_on

    def stop(self, grace: float) -> None:
        """There is nothing to stop."""

    def _run(self, job: Job) -> Run:
        return self.table.runs[self.numbers[job.candidate.identity], job.seed or 0]

    def _cost(self, run: Run, step: int) -> float:
        """CPU seconds until a step, rungs included."""
        return run.seconds(step) + RUNG_SECONDS * sum(rung.step <= step for rung in self._passed)

    def _end(self, run: Run) -> int:
        return run.condemned.step or 0 if self.watches and run.condemned else run.steps[-1]

    def _outcome(self, job: Job, run: Run) -> Outcome:
        outdone = not self._goes_on
        steps = self._passed[-1].step if outdone else self._end(run)
        condemned = run.condemned if self.watches and not outdone else None
        seconds = self._cost(run, steps) - self._paid
        if outdone:
            self._begun[job.folder] = list(self._passed)
        elif condemned is None:
            seconds += run.measuring
        self.spent.seconds += seconds
        self.spent.steps += steps
        self.spent.failed += 0.0 if run.ends_well else seconds
        verdict = condemned or (run.at_end if self.watches and not outdone else HEALTHY)
        metrics = {} if outdone or condemned else run.final
        return Outcome(verdict, steps, seconds, tuple(self._passed), metrics)


# --------------------------------------------------------------------------------------------------
# Searchers whose candidates are those of the table


class ReplaySearcher(SamplerSearcher):
    """Sampler whose proposals are replaced by the nearest untried candidate of the table."""

    def __init__(self, study: Study, store: TrialStore, table: Table) -> None:
        super().__init__(study.spec.search, study.space, store)
        self._distributions = distributions_of(study.space)
        self._left = {run.number: run.parameters for run in table.first.values()}

    def wants_more(self, running: int) -> bool:
        return bool(self._left)

    def ask(self, running: int) -> Trial:
        sampler = make_sampler(self._spec, self._finished, running)
        trial = self._store.ask(Snapped(sampler, self._distributions, self._left))
        self._space.draw(trial)  # only asking for its values makes them known
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
        """Return all of them."""
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
    """What a search that wants the smallest model alone is after, with nothing certified yet."""
    aim = study.spec.search.aim
    return (
        SmallestModelGoal(study.spec, study.objectives)
        if aim == "smallest"
        else None
    )


class Snapped(BaseSampler):
    """Another sampler, whose proposals are moved to the nearest of some points."""

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
        wish = self._sampler.sample_relative(study, trial, known)
        for name, distribution in self._distributions.items():
            if name not in wish:
                wish[name] = self._sampler.sample_independent(study, trial, name, distribution)
        nearest = min(
            self._points.values(), key=lambda point: distance(self._distributions, wish, point)
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
    """Squared distance with every range one long, and a half between two choices."""
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
        return abs(math.log(one / other)) / span
    return abs(one - other) / (distribution.high - distribution.low)


class _Distributions:
    """A source that remembers what it is asked for."""

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
    """What Optuna samples for a space that has one architecture a role."""
    source = _Distributions()
    space.draw(source)
    return source.found


def identities(space: SearchSpace, table: Table) -> dict[str, int]:
    """The table's candidates by identity."""
    candidates: dict[int, Candidate] = {
        n: candidate_of(space, run.parameters) for n, run in table.first.items()
    }
    return {candidate.identity: number for number, candidate in candidates.items()}


def sizes_of(table: Table, numbers: Mapping[str, int]) -> Any:
    """Counts a candidate by looking it up."""
    return lambda candidate: table.first[numbers[candidate.identity]].sizes


def load_study(path: Path, table: Table, changes: Sequence[str] = ()) -> Study:
    """The study, with as many trials as the table has candidates."""
    return Study.load(path, [f"search.trials={len(table.first)}", *changes])
