"""Candidate pool: the untried, feasible candidates among which the `shrink` sampler chooses.

Parameters are drawn from the domains with a seeded numpy generator, without Optuna. Floats are
rounded to six digits, so that the draws are the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from gansearch.domains import Choices, Domain, Scalar
from gansearch.search.enumeration import Parameters, enumerated, round_within
from gansearch.search.feasibility import FeasibilityCheck
from gansearch.study.component_choices import InvalidCandidateError
from gansearch.study.search_space import SearchSpace
from gansearch.trial_record import TrialRecord

RANDOM_CANDIDATES, NEIGHBOURS = 32, 32
"""Size of the pool: random candidates, and mutations of those on the front. Counting the sizes of
one takes about 10 ms."""
MUTATION_STD = 0.15
"""Standard deviation of a mutation, as a share of a field's range."""
MAX_ENUMERATED = 512
"""Candidates up to which a space is enumerated, so that it is known when all of them were tried."""
MAX_DRAWS = 1000
"""Tried candidates drawn in a row after which a larger space counts as exhausted."""

T = TypeVar("T")


class PoolCandidate(NamedTuple):
    """Parameters of a candidate, and its size."""

    parameters: Parameters
    size: float


class CandidatePool(Protocol):
    """Source of candidates that no trial has tried."""

    def candidates(
        self, records: Sequence[TrialRecord], front: Sequence[Parameters], seed: int
    ) -> Sequence[PoolCandidate]:
        """Return feasible, untried candidates.

        Args:
            records: all trials of the study.
            front: the parameters of the trials on the front.
            seed: the seed of all random choices.
        """

    def random_candidate(self, records: Sequence[TrialRecord], seed: int) -> Parameters | None:
        """Draw an untried candidate, feasible or not; None if the space is exhausted."""


class RandomPool:
    """Untried candidates of a search space: random ones, and mutations of those on the front.

    A space of at most `MAX_ENUMERATED` candidates is enumerated; all others are sampled.
    """

    def __init__(self, space: SearchSpace, feasibility: FeasibilityCheck, size: str) -> None:
        self._space, self._feasibility, self._size = space, feasibility, size
        self._identities: dict[frozenset[tuple[str, Scalar]], str | None] = {}

    def candidates(
        self, records: Sequence[TrialRecord], front: Sequence[Parameters], seed: int
    ) -> list[PoolCandidate]:
        rng = np.random.default_rng(seed)

        # Random candidates, and mutations of those on the front
        if self._enumerated is not None:
            proposals = _shuffled(self._enumerated, rng)[: RANDOM_CANDIDATES + NEIGHBOURS]
        else:
            proposals = [random_parameters(self._space, rng) for _ in range(RANDOM_CANDIDATES)]
        for _ in range(NEIGHBOURS if front else 0):
            parent = front[int(rng.random() * len(front))]
            proposals.append(mutated(parent, self._space.domains, rng))

        # Those of them that are untried and feasible
        seen = self._tried(records)
        pool: list[PoolCandidate] = []
        for parameters in proposals:
            identity = self._identity(parameters)
            if identity is None or identity in seen:
                continue
            seen.add(identity)
            size = self._feasible_size(parameters)
            if size is not None:
                pool.append(PoolCandidate(parameters, size))
        return pool

    def random_candidate(self, records: Sequence[TrialRecord], seed: int) -> Parameters | None:
        rng, tried = np.random.default_rng(seed), self._tried(records)
        if self._enumerated is not None:
            for parameters in _shuffled(self._enumerated, rng):
                if self._identity(parameters) in tried:
                    continue
                if self._feasible_size(parameters) is not None:
                    return parameters
            return None
        for _ in range(MAX_DRAWS):
            parameters = random_parameters(self._space, rng)
            if self._identity(parameters) not in tried:
                return parameters
        return None

    @cached_property
    def _enumerated(self) -> list[Parameters] | None:
        return enumerated(self._space, MAX_ENUMERATED)

    def _tried(self, records: Sequence[TrialRecord]) -> set[str | None]:
        """Return the identities of all candidates that have a trial, ended or not.

        A rescued trial stands for two: the candidate of its parameters and the one it ended as.
        """
        tried: set[str | None] = {record.identity for record in records if record.identity}
        for record in records:
            if record.rescued or not record.identity:
                tried.add(self._identity(record.parameters))
        return tried

    def _identity(self, parameters: Parameters) -> str | None:
        """Return the identity of a candidate; None where its values are invalid together."""
        key = frozenset(parameters.items())
        if key not in self._identities:
            try:
                self._identities[key] = self._space.candidate(parameters).identity
            except (InvalidCandidateError, KeyError):  # a trial may lack a field that was added
                self._identities[key] = None
        return self._identities[key]

    def _feasible_size(self, parameters: Parameters) -> float | None:
        """Return a candidate's size; None where it is infeasible."""
        feasibility = self._feasibility.check_parameters(parameters)
        if feasibility.refusal:
            return None
        return feasibility.sizes[self._size]


class RandomSource:
    """Source for `SearchSpace.draw` that draws uniformly and keeps the parameters."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.parameters: dict[str, Scalar] = {}
        self._rng = rng

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        if log:
            value = int(math.exp(_uniform(self._rng, math.log(low), math.log(high + 1))))
            value = min(high, max(low, value))
        else:
            value = low + step * int(self._rng.random() * ((high - low) // step + 1))
        self.parameters[name] = value
        return value

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if log:
            value = math.exp(_uniform(self._rng, math.log(low), math.log(high)))
        elif step is None:
            value = _uniform(self._rng, low, high)
        else:
            value = low + step * int(self._rng.random() * (int((high - low) / step) + 1))
        value = round_within(value, low, high)
        self.parameters[name] = value
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        value = choices[int(self._rng.random() * len(choices))]
        self.parameters[name] = value
        return value


def random_parameters(space: SearchSpace, rng: np.random.Generator) -> Parameters:
    """Draw the parameters of a valid candidate uniformly from the domains of a search space."""
    for _ in range(MAX_DRAWS):
        source = RandomSource(rng)
        try:
            space.draw(source)
        except InvalidCandidateError:
            continue
        return source.parameters
    # The driver refuses it like any invalid candidate, and says why.
    return source.parameters


def mutated(
    parameters: Parameters, domains: Mapping[str, Domain], rng: np.random.Generator
) -> Parameters:
    """Return the parameters with one or two fields changed; the architectures stay."""
    fields = [name for name in parameters if name in domains and "." in name]
    count = min(len(fields), 1 + int(rng.random() * 2))
    changed = _shuffled(fields, rng)[:count]
    return {**parameters, **{n: neighbour(domains[n], parameters[n], rng) for n in changed}}


def neighbour(domain: Domain, value: Scalar, rng: np.random.Generator) -> Scalar:
    """Draw a value near another one of a range, or any value of choices."""
    if isinstance(domain, Choices) or not isinstance(value, (int, float)):
        values = domain.extremes()
        return values[int(rng.random() * len(values))]
    low, high = float(domain.low), float(domain.high)
    if domain.log:
        moved = value * math.exp(rng.normal(0.0, MUTATION_STD) * math.log(high / low))
    else:
        moved = value + rng.normal(0.0, MUTATION_STD) * (high - low)
    if domain.step is not None:
        last = int((high - low) / domain.step)
        moved = low + domain.step * min(last, max(0, round((moved - low) / domain.step)))
    moved = round_within(moved, low, high)
    if isinstance(domain.low, int) and isinstance(value, int):
        return round(moved)
    return moved


def _uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(rng.random())


def _shuffled(values: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [values[i] for i in rng.permutation(len(values))]
