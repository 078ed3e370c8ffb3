"""Measurement of trained generators: metrics, costs and means of the signals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import SupportsFloat

from torch import Tensor, nn

from gansearch.components import CostMetric, Metric, SampleMetric
from gansearch.errors import PluginError
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.signals import Row

COST_INPUTS = 64
"""Inputs that a cost metric is given."""


def measure_metrics(
    metrics: Mapping[str, SampleMetric], evidence: TrainedEvidence, heartbeat: Callable[[], None]
) -> dict[str, float]:
    """Measure each metric, with a heartbeat before each.

    Raises:
        PluginError: if a metric returns anything but a finite number or NaN.
    """
    measures = {name: partial(metric.measure, evidence) for name, metric in metrics.items()}
    return _figures(measures, heartbeat)


def measure_costs(
    metrics: Mapping[str, CostMetric],
    generator: nn.Module,
    inputs: Tensor,
    heartbeat: Callable[[], None],
) -> dict[str, float]:
    """Measure what a generator costs on the first 64 inputs, with a heartbeat before each metric.

    Raises:
        PluginError: if a metric returns anything but a finite number or NaN.
    """
    first = inputs[:COST_INPUTS]
    measures = {name: partial(one.measure, generator, first) for name, one in metrics.items()}
    return _figures(measures, heartbeat)


def _figures(
    measures: Mapping[str, Callable[[], object]], heartbeat: Callable[[], None]
) -> dict[str, float]:
    figures = {}
    for name, measure in measures.items():
        heartbeat()
        figures[name] = _as_float(name, measure())
    return figures


def _as_float(metric: str, value: object) -> float:
    kind = type(value).__name__
    if not isinstance(value, SupportsFloat):
        raise PluginError(
            f"metric {metric!r} returned {kind}, not a number; `measure` must return a float"
        )
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise PluginError(
            f"metric {metric!r} returned {kind} that is not one number ({error}); `measure` "
            "must return a float"
        ) from error
    if math.isinf(number):
        raise PluginError(
            f"metric {metric!r} returned {number}; `measure` must return a finite number, or NaN "
            "where the metric has no meaning"
        )
    return number


def cost_metrics(metrics: Mapping[str, Metric]) -> dict[str, CostMetric]:
    """Return the metrics that are measured on the trained generator."""
    return {name: metric for name, metric in metrics.items() if isinstance(metric, CostMetric)}


def sample_metrics(metrics: Mapping[str, Metric]) -> dict[str, SampleMetric]:
    """Return the metrics that are measured on samples."""
    return {name: metric for name, metric in metrics.items() if isinstance(metric, SampleMetric)}


def mean_signals(rows: Sequence[Row]) -> dict[str, float]:
    """Return the mean of each signal over the rows that have it."""
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in columns.items()}
