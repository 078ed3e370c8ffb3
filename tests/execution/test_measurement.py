import math

import numpy as np
import pytest
import torch

from gansearch.components import SampleMetric
from gansearch.errors import PluginError
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.execution.measurement import mean_signals, measure_metrics


class Returning(SampleMetric):
    """Metric that returns a given value."""

    direction = "minimize"
    value: object

    def measure(self, evidence):
        return self.value


def measure(ring, value):
    metrics = {"mine": Returning.model_construct(value=value)}
    evidence = TrainedEvidence(ring, torch.zeros(4, 2, 1, 1))
    return measure_metrics(metrics, evidence, heartbeat=lambda: None)["mine"]


@pytest.mark.parametrize("value", [2.5, torch.tensor(2.5), torch.tensor([2.5]), np.float32(2.5)])
def test_a_metric_may_return_anything_that_is_one_number(ring, value):
    figure = measure(ring, value)
    assert figure == 2.5
    assert type(figure) is float


def test_a_metric_may_return_nan(ring):
    assert math.isnan(measure(ring, torch.tensor(math.nan)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "metric 'mine' returned NoneType, not a number"),
        ("2.5", "metric 'mine' returned str, not"),
        ({"fid": 2.5}, "metric 'mine' returned dict, not"),
        (torch.zeros(3), "metric 'mine' returned Tensor that is not one number"),
        (10**400, "metric 'mine' returned int that is not one number"),
        (math.inf, "metric 'mine' returned inf"),
    ],
)
def test_a_metric_that_returns_no_finite_number_is_named(ring, value, message):
    with pytest.raises(PluginError, match=message):
        measure(ring, value)


def test_a_mean_signal_is_that_of_the_rows_that_have_it():
    rows = [{"g_loss": 1.0}, {"g_loss": 3.0, "coverage": 0.5}]
    assert mean_signals(rows) == {"g_loss": 2.0, "coverage": 0.5}
