"""Measurement of trained generators: metrics, latency and means of the signals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import SupportsFloat

import torch

from gansearch.components import SampleMetric
from gansearch.errors import PluginError
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.latency import median_latency
from gansearch.evaluation.latency_names import BATCHES, latency_name
from gansearch.signals import Row
from gansearch.training.loop import TrainedRun


def measure_metrics(
    metrics: Mapping[str, SampleMetric], evidence: TrainedEvidence, heartbeat: Callable[[], None]
) -> dict[str, float]:
    """Measure each metric, with a heartbeat before each.

    Raises:
        PluginError: if a metric returns anything but a finite number or NaN.
    """
    figures = {}
    for name, metric in metrics.items():
        heartbeat()
        figures[name] = _as_float(name, metric.measure(evidence))
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


def measure_latency(run: TrainedRun) -> dict[str, float]:
    """Measure the milliseconds in which the evaluated generator makes a batch, by name."""
    inputs = run.networks.evaluation_inputs(max(BATCHES), run.batches)
    latencies = {}
    for size in BATCHES:
        batch = inputs[torch.arange(size) % len(inputs)]  # there may be fewer test samples
        latencies[latency_name(size)] = median_latency(run.networks.evaluated_generator, batch)
    return latencies


def mean_signals(rows: Sequence[Row]) -> dict[str, float]:
    """Return the mean of each signal over the rows that have it."""
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in columns.items()}
