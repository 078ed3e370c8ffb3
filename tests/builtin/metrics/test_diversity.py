import math
from types import SimpleNamespace

import pytest
import torch

from gansearch.builtin.metrics.diversity import BlurRatio, Duplicates
from gansearch.evaluation.evidence import TrainedEvidence


def grey(*levels, side=28, channels=1):
    return torch.stack(
        [torch.full((channels, side, side), level, dtype=torch.uint8) for level in levels]
    )


def test_points_have_no_near_duplicates(ring):
    assert math.isnan(Duplicates().measure(TrainedEvidence(ring, torch.ones(5, 2, 1, 1))))
    assert math.isnan(Duplicates().measure(TrainedEvidence(ring, torch.zeros(5, 2, 1, 1))))


def test_blur_lowers_and_noise_raises_the_ratio(fashion, as_generated):
    images = as_generated(fashion, fashion.train.samples[:500])
    noisy = images + 0.4 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    same, blurred, noise = (
        BlurRatio().measure(TrainedEvidence(fashion, fake))
        for fake in (images, torch.nn.functional.avg_pool2d(images, 3, 1, 1), noisy)
    )
    assert same == pytest.approx(1, abs=0.1)
    assert blurred < 0.5 and noise > 2


def test_the_ratio_has_no_meaning_for_points_nor_beside_flat_images(ring, fashion):
    assert math.isnan(BlurRatio().measure(TrainedEvidence(ring, torch.zeros(5, 2, 1, 1))))
    flat = SimpleNamespace(data=fashion, real=grey(3, 3), fake=grey(1, 2))
    assert math.isnan(BlurRatio().measure(flat))
