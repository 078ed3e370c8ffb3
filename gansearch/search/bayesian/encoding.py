"""Encoding of candidates as points of the unit cube, between which a kernel measures distances.

| field of a candidate | coordinates |
|---|---|
| range of numbers | 1: position in [0, 1], on a logarithmic scale where the domain has one |
| choices of numbers | 1: rank in [0, 1]; with `one_hot` as other choices |
| other choices | one each: 0.7 for the chosen one, 0 for the others |
| absent, since the candidate has another architecture | 0.5, or 0 for every choice |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np

from gansearch.domains import Choices, Domain, FloatRange, IntRange, Scalar
from gansearch.search.bayesian.gaussian_process import Array

ABSENT = object()
"""Value of a field that a candidate does not have."""
MIDDLE = 0.5
"""Coordinate of an absent number."""
ONE_HOT = 0.7
"""Coordinate of a chosen value: different choices are about 1 apart, like the ends of a range."""

Coordinates = Callable[[object], Sequence[float]]
"""Function from the value of one field to its coordinates."""


class Encoding:
    """Map from parameters of candidates to rows of numbers between 0 and 1.

    With `one_hot`, choices of numbers lose their order: one level may then fail always, and its
    neighbours never.
    """

    def __init__(self, domains: Mapping[str, Domain], *, one_hot: bool = False) -> None:
        self._fields = {name: _coordinates(domain, one_hot) for name, domain in domains.items()}

    def __call__(self, candidates: Sequence[Mapping[str, Scalar]]) -> Array:
        """Encode candidates (N,) as rows (N, D)."""
        rows = [
            [
                coordinate
                for name, coordinates in self._fields.items()
                for coordinate in coordinates(candidate.get(name, ABSENT))
            ]
            for candidate in candidates
        ]
        return np.array(rows, dtype=np.float64)

    def columns(self, names: Collection[str]) -> list[int]:
        """Return the columns of the rows that hold these fields."""
        of = [name for name, coordinates in self._fields.items() for _ in coordinates(ABSENT)]
        return [i for i, name in enumerate(of) if name in names]


def _coordinates(domain: Domain, one_hot: bool) -> Coordinates:
    """Return the coordinate function of a domain; choices are looked up in a table made once."""
    if not isinstance(domain, Choices):
        return partial(_position, domain)
    table: dict[object, Sequence[float]]
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in domain.values)
    if numeric and not one_hot:
        ranked = sorted(domain.values)  # type: ignore[type-var]
        table = {value: (i / max(1, len(ranked) - 1),) for i, value in enumerate(ranked)}
        table[ABSENT] = (MIDDLE,)
    else:
        table = {
            value: tuple(ONE_HOT * (value == choice) for choice in domain.values)
            for value in (*domain.values, ABSENT)
        }
    return table.__getitem__


def _position(domain: IntRange | FloatRange, value: object) -> Sequence[float]:
    """Return the position of a value within its range."""
    if not isinstance(value, (int, float)) or domain.high == domain.low:
        return (MIDDLE,)
    if domain.log:
        return (math.log(value / domain.low) / math.log(domain.high / domain.low),)
    return ((value - domain.low) / (domain.high - domain.low),)
