"""Tests of every component, and random draws of its fields."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import pytest

from gansearch.components import Component

DRAWS = 8
"""Random draws that each test runs on."""
C = TypeVar("C", bound=Component)


class RandomSource:
    """Source of uniformly random values with the methods of an Optuna trial.

    >>> RandomSource(seed=0).suggest_int("width", 8, 64, step=8)
    56
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        if log:
            return min(high, int(math.exp(self._random.uniform(math.log(low), math.log(high + 1)))))
        return self._random.randrange(low, high + 1, step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if log:
            return math.exp(self._random.uniform(math.log(low), math.log(high)))
        if step is not None:
            return low + step * self._random.randint(0, int((high - low) / step))
        return self._random.uniform(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)


def variants(component: C) -> Iterator[C]:
    """Yield the component, and components with random draws of its searchable fields."""
    yield component
    domains = type(component).domains()
    for seed in range(DRAWS if domains else 0):
        source = RandomSource(seed)
        drawn = {name: domain.draw(source, name) for name, domain in domains.items()}
        yield type(component).model_validate(component.model_dump() | drawn)


class ComponentContract:
    """Tests of every component."""

    @pytest.fixture
    def component(self) -> Component:
        """The component under test."""
        raise NotImplementedError("a contract test supplies a `component` fixture")

    def test_has_a_summary_in_its_docstring(self, component: Component) -> None:
        assert type(component).summary()

    def test_describes_every_field(self, component: Component) -> None:
        for name, field in type(component).model_fields.items():
            assert field.description, f"{name} needs a docstring under the field"

    def test_is_the_same_after_a_round_trip_through_json(self, component: Component) -> None:
        for variant in variants(component):
            assert type(variant).model_validate_json(variant.model_dump_json()) == variant

    def test_is_the_same_after_pickling(self, component: Component) -> None:
        for variant in variants(component):
            assert pickle.loads(pickle.dumps(variant)) == variant

    def test_refuses_fields_that_it_does_not_have(self, component: Component) -> None:
        with pytest.raises(ValueError, match="no_such_field"):
            type(component).model_validate(component.model_dump() | {"no_such_field": 1})
