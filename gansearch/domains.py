"""Domains: the values of a component's field that a search tries.

A domain is written in the annotation of a field, for `search: true`, or in a study file. It draws a
value from a source, such as an Optuna trial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gansearch.errors import DomainError

Scalar = None | bool | int | float | str


class Source(Protocol):
    """Source of values: an Optuna trial, or an object with the same methods."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int: ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


@dataclass(frozen=True)
class IntRange:
    """Whole numbers from `low` to `high`, both included.

    >>> IntRange(8, 32, step=8).levels(3)
    (8, 24, 32)
    """

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self, self.low, self.high, self.step, self.log)
        if (self.high - self.low) % self.step:
            raise DomainError(f"high must be low plus a multiple of step, got {self}")

    def draw(self, source: Source, name: str) -> int:
        return source.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def contains(self, value: object) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and self.low <= value <= self.high and (value - self.low) % self.step == 0  # type: ignore[operator]

    def extremes(self) -> tuple[int, ...]:
        """Return both ends; a field that accepts them accepts all values between."""
        return (self.low, self.high)

    def levels(self, count: int) -> tuple[int, ...]:
        """Return up to `count` values spread evenly from low to high."""
        spread = _spread(self.low, self.high, count, self.log)
        return tuple(
            dict.fromkeys(
                self.low + round((value - self.low) / self.step) * self.step for value in spread
            )
        )


@dataclass(frozen=True)
class FloatRange:
    """Real numbers from `low` to `high`, both included.

    >>> FloatRange(1e-4, 1e-2, log=True).levels(3)
    (0.0001, 0.001, 0.01)
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self, self.low, self.high, self.step, self.log)

    def draw(self, source: Source, name: str) -> float:
        return source.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def contains(self, value: object) -> bool:
        return (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def extremes(self) -> tuple[float, ...]:
        """Return both ends; a field that accepts them accepts all values between."""
        return (self.low, self.high)

    def levels(self, count: int) -> tuple[float, ...]:
        """Return up to `count` values spread evenly from low to high."""
        spread = _spread(self.low, self.high, count, self.log)
        if self.step is not None:
            last = int((self.high - self.low) / self.step)
            spread = [
                self.low + min(last, round((value - self.low) / self.step)) * self.step
                for value in spread
            ]
        return tuple(dict.fromkeys(spread))


@dataclass(frozen=True, init=False)
class Choices:
    """Values to choose among: numbers, strings, booleans or None.

    >>> Choices("batch", "none").contains("layer")
    False
    """

    values: tuple[Scalar, ...]

    def __init__(self, *values: Scalar) -> None:
        object.__setattr__(self, "values", values)
        if not values:
            raise DomainError("choices must hold at least one value")
        for value in values:
            if not isinstance(value, Scalar):
                raise DomainError(
                    f"a choice must be a number, a string, a boolean or null, got {value!r}"
                )
        typed = [(type(value), value) for value in values]
        if len(set(typed)) < len(typed):
            raise DomainError(f"choices must differ from each other, got {list(values)}")

    def draw(self, source: Source, name: str) -> Scalar:
        choice: Scalar = source.suggest_categorical(name, self.values)
        return choice

    def contains(self, value: object) -> bool:
        return value in self.values

    def extremes(self) -> tuple[Scalar, ...]:
        """Return all values, since a field may accept one and refuse another."""
        return self.values

    def levels(self, count: int) -> tuple[Scalar, ...]:
        """Return all values, whatever the count."""
        return self.values


Domain = IntRange | FloatRange | Choices


def is_domain_node(node: object) -> bool:
    """Return True for a value of a study file that is written as a domain."""
    return isinstance(node, Mapping) and ("choices" in node or "low" in node or "high" in node)


def parse_domain(node: Mapping[str, Any], *, whole: bool) -> Domain:
    """Parse a domain of a study file: `{low, high, step, log}` or `{choices}`.

    Args:
        node: keys and values as written.
        whole: True for a field of whole numbers.

    Raises:
        DomainError: for missing, unknown or contradictory keys.

    >>> parse_domain({"low": 1, "high": 64, "log": True}, whole=True)
    IntRange(low=1, high=64, step=1, log=True)
    """
    if "choices" in node:
        _refuse_unknown_keys(node, {"choices"})
        if not isinstance(node["choices"], list):
            raise DomainError(f"choices must be a list, got {node['choices']!r}")
        return Choices(*node["choices"])
    _refuse_unknown_keys(node, {"low", "high", "step", "log"})
    missing = [key for key in ("low", "high") if key not in node]
    if missing:
        raise DomainError(f"a range needs low and high; {missing[0]} is missing")
    kind = int if whole else float
    given = [key for key in ("low", "high", "step") if key in node]
    bounds = {key: _as_number(key, node[key], kind) for key in given}
    log = node.get("log", False)
    if not isinstance(log, bool):
        raise DomainError(f"log must be true or false, got {log!r}")
    return IntRange(**bounds, log=log) if whole else FloatRange(**bounds, log=log)


def domain_node(domain: Domain) -> dict[str, Any]:
    """Return a domain as it is written in a study file.

    >>> domain_node(IntRange(1, 64, log=True)), domain_node(Choices(3, 5))
    ({'low': 1, 'high': 64, 'log': True}, {'choices': [3, 5]})
    """
    if isinstance(domain, Choices):
        return {"choices": [*domain.values]}
    node: dict[str, Any] = {"low": domain.low, "high": domain.high}
    if domain.step not in (None, 1):
        node["step"] = domain.step
    return node | ({"log": True} if domain.log else {})


def _check_range(domain: object, low: float, high: float, step: float | None, log: bool) -> None:
    if low > high:
        raise DomainError(f"low must not exceed high, got {domain}")
    if step is not None and step <= 0:
        raise DomainError(f"step must be positive, got {domain}")
    if log and low <= 0:
        raise DomainError(f"a logarithmic range must start above zero, got {domain}")
    if log and step not in (None, 1):
        raise DomainError(f"a logarithmic range takes no step, got {domain}")


def _spread(low: float, high: float, count: int, log: bool) -> list[float]:
    """Return `count` values from low to high with equal differences, or with equal ratios."""
    shares = [i / (count - 1) for i in range(1, count - 1)]
    between = [
        low * (high / low) ** share if log else low + (high - low) * share for share in shares
    ]
    # Rounded to six digits, so that 0.001 is shown as such.
    return [low, *(min(max(float(f"{value:.6g}"), low), high) for value in between), high]


def _refuse_unknown_keys(node: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(node) - known)
    if unknown:
        raise DomainError(
            f"a domain takes {', '.join(sorted(known))}; {unknown[0]!r} is not among them"
        )


def _as_number(key: str, value: object, kind: type[int] | type[float]) -> Any:
    try:
        # YAML 1.1 reads 1e-3 as a string, and int() would drop a fraction.
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise DomainError(f"{key} must be a number, got {value!r}") from None
    if isinstance(value, bool) or (kind is int and not number.is_integer()):
        wanted = "whole number" if kind is int else "number"
        raise DomainError(f"{key} must be a {wanted}, got {value!r}")
    return kind(number)
