"""Prior of the `shrink` sampler: what the trials of earlier runs tell of a new study's candidates.

A trial counts if its candidate could be one of the new study's, as far as the two can be compared:
values must lie within the new domains, and a role counts if at least one trial has a component
that the new study has too. A run knows the fields that differ between its trials.

What counts is kept in the new study's run folder, so that a resumed search decides the same when
the earlier run has grown or is gone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gansearch.domains import Choices, Domain, Scalar
from gansearch.errors import RunFolderError
from gansearch.files import json_with_digest, load_json_with_digest
from gansearch.ranking.pareto import pareto_front
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.encoding import Encoding
from gansearch.search.bayesian.surrogate import (
    HEALTH_NOISE_STD,
    MIN_OBSERVATIONS,
    Encodings,
    TrainingSet,
)
from gansearch.search.bayesian.transfer import EarlierMean, PriorMeans
from gansearch.search.enumeration import Parameters
from gansearch.storage.run_folder import PRIOR, RunFolder
from gansearch.storage.trial_reader import read_records
from gansearch.study.given_candidates import searched_parameters
from gansearch.study.search_space import SearchSpace
from gansearch.study.study import Study
from gansearch.trial_record import TrialRecord

MAX_TRIALS = 256
"""Trials that are taken of one run, evenly spread; fitting a process to them takes a second."""


class Estimate(BaseModel):
    """Measured or extrapolated value, and its standard deviation on top of the noise."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    value: float
    std: Annotated[float, Field(ge=0)] = 0.0


class PriorTrial(BaseModel):
    """Trial of an earlier run, as parameters of the new study."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    number: int
    parameters: Mapping[str, Scalar]
    cost: Estimate | None = None
    """Log of the quality, less is better; None where it was not measured."""
    health: Estimate | None = None
    """1 for healthy, 0 for failed or suspect, a probability for a paused trial."""
    on_front: bool = False
    """True if it is on the front of its run."""


class PriorRun(BaseModel):
    """Trials of one earlier run that count."""

    model_config = ConfigDict(frozen=True)

    run: str
    """Name or path of the run."""
    recorded: int
    """Number of its trials that have shown something of their candidate."""
    trials: tuple[PriorTrial, ...]

    @property
    def fields(self) -> frozenset[str]:
        """Fields that differ between its trials; it tells nothing of the others."""
        values: dict[str, set[Scalar]] = {}
        for trial in self.trials:
            for name, value in trial.parameters.items():
                values.setdefault(name, set()).add(value)
        return frozenset(name for name, found in values.items() if len(found) > 1)

    @property
    def has_costs(self) -> bool:
        """True if the quality was measured often enough to learn from it."""
        return sum(trial.cost is not None for trial in self.trials) >= MIN_OBSERVATIONS

    def to_json(self, domains: Mapping[str, Domain]) -> dict[str, Any]:
        """Return what it tells of a search space, for `--json`."""
        return {
            "run": self.run,
            "recorded": self.recorded,
            "trials": len(self.trials),
            "with_quality": sum(trial.cost is not None for trial in self.trials),
            "knows": [name for name in domains if name in self.fields],
            "lacks": [name for name in domains if name not in self.fields],
        }

    def line(self, domains: Mapping[str, Domain], quality: str) -> str:
        """Return in words what it tells of a search space, by the metric of a quality."""
        told = self.to_json(domains)
        line = f"{self.run}: {told['trials']} of {self.recorded} trials are of this search space"
        if not self.fields:
            return f"{line}, which tells nothing of it"
        line += f", {told['with_quality']} with {quality}"
        if not self.has_costs:
            line += ", so that only their health counts"
        line += f"; knows {', '.join(told['knows'])}"
        return f"{line}; lacks {', '.join(told['lacks'])}" if told["lacks"] else line


class Prior(BaseModel):
    """Trials of earlier runs, in the parameters of a new study."""

    model_config = ConfigDict(frozen=True)

    quality: str
    """Metric of the new study's quality."""
    runs: tuple[PriorRun, ...]

    @classmethod
    def of(
        cls,
        records_by_run: Mapping[str, Sequence[TrialRecord]],
        goal: Goal,
        space: SearchSpace,
    ) -> Self:
        """Take from the trials of earlier runs what a new study can learn.

        Args:
            records_by_run: trials by the name of their run. Those without a `candidate` count by
                their parameters, whose names must be those of the new study.
            goal: objectives of the new study.
            space: its search space.
        """
        runs = (_prior_run(run, records, goal, space) for run, records in records_by_run.items())
        return cls(quality=goal.quality.metric, runs=tuple(runs))

    @property
    def front(self) -> list[Parameters]:
        """Parameters of the trials on the fronts of the runs."""
        return [t.parameters for run in self.runs for t in run.trials if t.on_front]

    def means(self, encodings: Encodings, noise_std: float) -> PriorMeans:
        """Fit the mean functions; a run without differences between its trials gives none.

        Args:
            encodings: encodings of the new study's candidates.
            noise_std: standard deviation of the cost between two seeds of a candidate.
        """
        costs = (
            _mean(run, lambda trial: trial.cost, noise_std, encodings.cost) for run in self.runs
        )
        health = (
            _mean(run, lambda trial: trial.health, HEALTH_NOISE_STD, encodings.health)
            for run in self.runs
        )
        return PriorMeans(tuple(filter(None, costs)), tuple(filter(None, health)))

    def dumped(self) -> bytes:
        """Return the content of the file that a run folder keeps."""
        return json_with_digest(self.model_dump(mode="json"))

    @classmethod
    def load(cls, path: Path, domains: Mapping[str, Domain]) -> Self:
        """Load the file of a run folder.

        Raises:
            RunFolderError: if it is damaged.
        """
        try:
            prior = cls.model_validate_json(json.dumps(load_json_with_digest(path.read_bytes())))
            for trial in (trial for run in prior.runs for trial in run.trials):
                for name, value in trial.parameters.items():
                    if name not in domains or not _is_encodable(domains[name], value):
                        raise ValueError(f"{name}: {value!r} is outside the search space")
        except (OSError, ValueError, ValidationError) as error:
            raise RunFolderError(f"{path} is damaged: {error}") from None
        return prior


def study_prior(study: Study, folder: RunFolder | None = None) -> Prior | None:
    """Return the prior of a study: as its run folder has kept it, or read from the earlier runs.

    Args:
        study: the study.
        folder: its run folder, if it has one.

    Raises:
        RunFolderError: if an earlier run cannot be read or gives nothing, or what was kept is lost.
    """
    runs = study.spec.search.prior
    if not runs:
        return None
    goal, domains = Goal.of(study.spec, study.objectives), study.space.domains
    if folder is not None and (kept := folder.path / PRIOR).is_file():
        return Prior.load(kept, domains)
    if folder is not None and folder.has_begun:
        raise RunFolderError(
            f"{folder.path} has no {PRIOR}, by which its search began; restore it, or begin anew "
            "with --fresh"
        )
    records_by_run: dict[str, Sequence[TrialRecord]] = {}
    for i, run in enumerate(runs):
        earlier = RunFolder.open(Path(run))
        if folder is not None and earlier.path == folder.path:
            raise RunFolderError(f"search.prior.{i}: {run} is the run folder of this study itself")
        records_by_run[run] = read_records(earlier)
    prior = Prior.of(records_by_run, goal, study.space)
    for i, prior_run in enumerate(prior.runs):
        if not prior_run.fields:
            line = prior_run.line(domains, prior.quality)
            raise RunFolderError(f"search.prior.{i}: {line}; leave it out")
    return prior


# --------------------------------------------------------------------------------------------------
# The parts


def _prior_run(
    run: str, records: Sequence[TrialRecord], goal: Goal, space: SearchSpace
) -> PriorRun:
    """Take from the trials of one run what a new study can learn."""
    tried = [record for record in records if record.ended or record.state == "paused"]
    comparable = _comparable(tried, space)
    # A run that was stopped at a rung tells as much of its candidate as one that was paused there.
    training = TrainingSet.of(
        [
            replace(record, state="paused") if record.dominated_by and record.rungs else record
            for record in tried
            if record.number in comparable
        ],
        goal,
    )
    costs, health = (
        {
            one.record.number: Estimate(value=one.target, std=one.std)
            for one in observations
            if math.isfinite(one.target)
        }
        for observations in (training.costs, training.health)
    )
    front = {record.number for record in pareto_front(records, (goal.size, goal.quality)).trials}
    numbers = [number for number in comparable if number in costs or number in health]
    if len(numbers) > MAX_TRIALS:
        spread = np.linspace(0, len(numbers) - 1, MAX_TRIALS).round().astype(int)
        numbers = [numbers[i] for i in spread]
    trials = tuple(
        PriorTrial(
            number=number,
            parameters=comparable[number],
            cost=costs.get(number),
            health=health.get(number),
            on_front=number in front,
        )
        for number in numbers
    )
    return PriorRun(run=run, recorded=len(tried), trials=trials)


def _comparable(records: Sequence[TrialRecord], space: SearchSpace) -> dict[int, Parameters]:
    """Return the parameters of the trials that could be trials of a search space, by number."""
    uses = {role: {option.use for option in options} for role, options in space.options.items()}

    def known_roles(record: TrialRecord) -> set[str]:
        candidate = record.candidate
        return {role for role in uses if candidate.get(role, {}).get("use") in uses[role]}

    roles = set().union(*map(known_roles, records)) if records else set()
    found: dict[int, Parameters] = {}
    for record in records:
        parameters = None
        if not record.candidate:
            parameters = _within(record.settings, space.domains)
        elif known_roles(record) == roles:
            values = _values(record.candidate, space, roles)
            parameters = _within(values, space.domains)
        if parameters is not None:
            found[record.number] = parameters
    return found


def _values(
    candidate: Mapping[str, Mapping[str, Any]], space: SearchSpace, roles: set[str]
) -> dict[str, Any]:
    """Return the values that a candidate has for the parameters of a search space."""
    values: dict[str, Any] = {}
    for role in roles:
        options, fields = space.options[role], candidate[role]
        option = next(option for option in options if option.use == fields["use"])
        if len(options) > 1:
            values[role] = option.use
        for name, field, _ in searched_parameters(role, option, alone=len(options) == 1):
            if field in fields:  # an earlier version of the component may lack it
                values[name] = fields[field]
    return values


def _within(values: Mapping[str, Any], domains: Mapping[str, Domain]) -> Parameters | None:
    """Return the values that a search space has a domain for; None if one is outside of it."""
    known = {name: values[name] for name in domains if name in values}
    if all(_is_encodable(domains[name], value) for name, value in known.items()):
        return known
    return None


def _is_encodable(domain: Domain, value: object) -> bool:
    """Return True for a value that lies within a domain, between the steps of a range or on one."""
    if isinstance(domain, Choices):
        return isinstance(value, Scalar) and domain.contains(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and domain.low <= value <= domain.high  # type: ignore[operator]


def _mean(
    run: PriorRun,
    target_of: Callable[[PriorTrial], Estimate | None],
    noise_std: float,
    encode: Encoding,
) -> EarlierMean | None:
    """Fit the mean function of one run; None with too few observations, or all of one value."""
    columns = encode.columns(run.fields)
    known = [(trial, target) for trial in run.trials if (target := target_of(trial)) is not None]
    values = np.array([target.value for _, target in known])
    if len(values) < MIN_OBSERVATIONS or np.ptp(values) == 0 or not columns:
        return None
    stds = np.array([target.std for _, target in known])
    inputs = encode([trial.parameters for trial, _ in known])
    return EarlierMean(inputs, values, stds, noise_std, columns)
