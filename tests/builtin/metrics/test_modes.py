import math

import pytest
import torch

from gansearch.builtin.metrics.modes import HighQuality, Modes
from gansearch.evaluation.evidence import TrainedEvidence


def judged(data, points):
    return TrainedEvidence(data, torch.as_tensor(points, dtype=torch.float32).view(-1, 2, 1, 1))


def test_real_points_find_every_mode_and_are_nearly_all_of_high_quality(grid):
    evidence = TrainedEvidence(grid, torch.from_numpy(grid.train.samples))
    assert Modes().measure(evidence) == 25
    # Three standard deviations hold 1 - exp(-4.5) of a Gaussian in the plane.
    assert HighQuality().measure(evidence) == pytest.approx(98.9, abs=1.5)


def test_one_sample_within_three_standard_deviations_finds_a_mode(grid):
    evidence = judged(grid, [(0.149, 0), (2.151, 0), (4, 4), (4, 4)])
    assert Modes().measure(evidence) == 2
    assert HighQuality().measure(evidence) == 75


def test_a_collapsed_generator_finds_one_mode(ring):
    assert Modes().measure(judged(ring, [(1, 0)] * 50)) == 1


@pytest.mark.parametrize("metric", [Modes(), HighQuality()])
def test_images_have_no_modes(metric, fashion):
    assert math.isnan(metric.measure(TrainedEvidence(fashion, torch.zeros(4, 1, 28, 28))))
