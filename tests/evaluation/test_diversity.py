import math

import pytest
import torch

from gansearch.evaluation.diversity import near_distance, near_duplicate_rate


def grey(*levels, side=28, channels=1):
    return torch.stack(
        [torch.full((channels, side, side), level, dtype=torch.uint8) for level in levels]
    )


@pytest.mark.parametrize(("side", "channels"), [(28, 1), (56, 1), (28, 3)])
def test_nearness_is_a_difference_per_pixel(side, channels):
    images = grey(0, 10, side=side, channels=channels)
    assert near_duplicate_rate(images, 10.01) == 1
    assert near_duplicate_rate(images, 9.99) == 0


def test_the_rate_is_a_share_of_pairs():
    assert near_duplicate_rate(grey(0, 0, 100, 200), 10) == pytest.approx(1 / 6)


def test_a_single_image_has_no_pairs():
    assert math.isnan(near_duplicate_rate(grey(0), 10))


def test_one_percent_of_real_pairs_are_near_by_definition(fashion):
    near = near_distance(torch.from_numpy(fashion.test.samples))
    others = torch.from_numpy(fashion.train.samples)
    assert 0.005 < near_duplicate_rate(others, near) < 0.02
