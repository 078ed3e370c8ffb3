import math

import pytest
import torch

from gansearch.evaluation.diversity import near_duplicate_rate


def grey(*levels, side=28, channels=1):
    return torch.stack(
        [torch.full((channels, side, side), level, dtype=torch.uint8) for level in levels]
    )


@pytest.mark.parametrize(("side", "channels"), [(28, 1), (56, 1), (28, 3)])
def test_the_limit_of_nearness_goes_by_the_pixel(side, channels):
    near, far = grey(0, 10, side=side, channels=channels), grey(0, 11, side=side, channels=channels)
    assert near_duplicate_rate(near) == 1
    assert near_duplicate_rate(far) == 0


def test_the_rate_is_a_share_of_pairs():
    assert near_duplicate_rate(grey(0, 0, 100, 200)) == pytest.approx(1 / 6)


def test_a_single_image_has_no_pairs():
    assert math.isnan(near_duplicate_rate(grey(0)))


def test_real_garments_are_hardly_ever_near_duplicates(fashion):
    assert near_duplicate_rate(torch.from_numpy(fashion.test.samples)) < 0.001
