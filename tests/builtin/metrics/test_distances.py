import pytest
import torch

from gansearch.builtin.metrics.distances import FID, KID, MMD, SlicedWasserstein
from gansearch.evaluation.evidence import TrainedEvidence


@pytest.mark.parametrize("metric", [MMD(), FID(), KID(), SlicedWasserstein()])
def test_noise_is_farther_than_blur_than_real_images(metric, fashion, as_generated):
    images = as_generated(fashion, fashion.train.samples[:1000])
    blurred = torch.nn.functional.avg_pool2d(images, 3, 1, 1)
    noise = 2 * torch.rand(images.shape, generator=torch.Generator().manual_seed(0)) - 1
    real, blur, junk = (
        metric.measure(TrainedEvidence(fashion, fake)) for fake in (images, blurred, noise)
    )
    assert real < 0.3 * blur
    assert blur < 0.5 * junk
    assert metric.direction == "minimize"


def test_mmd_is_told_in_thousandths_and_in_known_bands(fashion, as_generated):
    images = as_generated(fashion, fashion.train.samples[:2000])
    assert abs(MMD().measure(TrainedEvidence(fashion, images))) < 1
    assert 85 < MMD().measure(TrainedEvidence(fashion, -torch.ones_like(images))) < 500
