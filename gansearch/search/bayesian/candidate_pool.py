"""Pools: the candidates that a shrinking search chooses its next one among."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Protocol

import optuna

from gansearch.domains import Choices, Domain, Scalar
from gansearch.search.feasibility import FeasibilityCheck
from gansearch.study.search_space import SearchSpace

DRAWN, NEIGHBOURS = 32, 32
"""Random ones, and small changes of those on the front. To count one takes about 10 ms."""
CHANGE = 0.15
"""Standard deviation of a small change, as a share of a field's range."""

Weighed = tuple[Mapping[str, Scalar], float]
"""Parameters of a candidate, and its size."""


class Pool(Protocol):
    """Gives candidates to choose among."""

    def __call__(self, front: Sequence[Mapping[str, Scalar]], seed: int) -> Sequence[Weighed]:
        """Some candidates; `front` are the parameters of those on it."""


class DrawnPool:
    """Candidates of the space that the gate lets through: random ones, and small changes of those on the front."""

    def __init__(self, space: SearchSpace, gate: FeasibilityCheck, size: str) -> None:
        self._space, self._gate, self._size = space, gate, size

    def __call__(self, front: Sequence[Mapping[str, Scalar]], seed: int) -> list[Weighed]:
        source = random.Random(seed)
        drawn = [self._random(seed + i) for i in range(DRAWN)]
        changed = [
            self._changed(source.choice(front), source) for _ in range(NEIGHBOURS if front else 0)
        ]
        weighed = ((parameters, self._weigh(parameters)) for parameters in [*drawn, *changed])
        return [(parameters, size) for parameters, size in weighed if size is not None]

    def _random(self, seed: int) -> Mapping[str, Scalar]:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
        trial = study.ask()
        self._space.draw(trial)
        return trial.params

    def _changed(
        self, parameters: Mapping[str, Scalar], source: random.Random
    ) -> Mapping[str, Scalar]:
        """The same but for one or two fields."""
        fields = [name for name in parameters if name in self._space.domains and "." in name]
        chosen = source.sample(fields, min(len(fields), source.choice((1, 2))))
        return {
            **parameters,
            **{name: near(self._space.domains[name], parameters[name], source) for name in chosen},
        }

    def _weigh(self, parameters: Mapping[str, Scalar]) -> float | None:
        """A candidate's size; None where the gate would refuse it."""
        examined = self._gate.weigh_parameters(parameters)
        return None if examined.refusal else examined.sizes[self._size]


def near(domain: Domain, value: Scalar, source: random.Random) -> Scalar:
    """A value near another one of a domain; of choices any."""
    if isinstance(domain, Choices) or not isinstance(value, (int, float)):
        return source.choice(domain.extremes())
    low, high = float(domain.low), float(domain.high)
    if domain.log:
        moved = value * math.exp(source.gauss(0.0, CHANGE) * math.log(high / low))
    else:
        moved = value + source.gauss(0.0, CHANGE) * (high - low)
    if domain.step is not None:
        moved = low + domain.step * round((moved - low) / domain.step)
    moved = min(high, max(low, moved))
    return round(moved) if isinstance(domain.low, int) and isinstance(value, int) else moved
