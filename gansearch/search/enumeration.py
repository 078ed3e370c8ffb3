"""Enumeration of a finite search space, so that it is known when all of it was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gansearch.domains import Scalar
from gansearch.study.component_choices import InvalidCandidateError
from gansearch.study.search_space import SearchSpace

Parameters = Mapping[str, Scalar]
"""Drawn values of a candidate's fields, by name."""


def round_within(value: float, low: float, high: float) -> float:
    """Round to six digits, so that values are the same on every machine, and within the bounds."""
    return min(high, max(low, float(f"{value:.6g}")))


class _TooManyError(Exception):
    """Raised by a domain with more values than are enumerated."""


class _Enumeration:
    """Source for `SearchSpace.draw` that follows a path of choices, then takes first values."""

    def __init__(self, path: Sequence[int], limit: int) -> None:
        self.parameters: dict[str, Scalar] = {}
        self.counts: list[int] = []
        """Number of values at each choice that was made."""
        self._path, self._limit = path, limit

    def _index(self, count: int) -> int:
        if count > self._limit:
            raise _TooManyError
        self.counts.append(count)
        made = len(self.counts)
        return self._path[made - 1] if made <= len(self._path) else 0

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        value = low + step * self._index((high - low) // step + 1)
        self.parameters[name] = value
        return value

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if low < high and step is None:
            raise _TooManyError
        if step is None:
            self._index(1)
            value = low
        else:
            index = self._index(int((high - low) / step) + 1)
            value = round_within(low + step * index, low, high)
        self.parameters[name] = value
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        value = choices[self._index(len(choices))]
        self.parameters[name] = value
        return value


def enumerated(space: SearchSpace, limit: int) -> list[Parameters] | None:
    """List the parameters of every valid candidate of a space; None if there are more than `limit`.

    Walks the tree of choices depth-first: an architecture decides which fields follow it.
    """
    found: list[Parameters] = []
    path: list[int] = []
    for _ in range(2 * limit):  # invalid candidates count too, so that the walk stays short
        source = _Enumeration(path, limit)
        try:
            space.draw(source)
            found.append(source.parameters)
        except InvalidCandidateError:
            pass
        except _TooManyError:
            return None
        path = [*path, *[0] * (len(source.counts) - len(path))]
        while path and path[-1] + 1 >= source.counts[len(path) - 1]:
            path.pop()
        if not path:
            return found if len(found) <= limit else None
        path[-1] += 1
    return None
