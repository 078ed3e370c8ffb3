from dataclasses import replace

import pytest
import torch
from torch import nn

from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.hinge import Hinge
from gansearch.builtin.losses.wasserstein import WassersteinGP
from gansearch.diagnosis.detection import RunWatch
from gansearch.study.spec import StepsSpec
from gansearch.training.augmentation import (
    TRANSFORMS,
    AugmentedDiscriminator,
    change_colour,
    cut_out,
    translate,
)
from gansearch.training.loop import train

SYMMETRIC = (-1.0, 1.0)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("shape", [(5, 1, 28, 28), (4, 3, 16, 20), (8, 3, 8, 8)])
def test_every_transform_keeps_the_shape_and_lets_gradients_pass(name, shape):
    samples = torch.randn(shape, requires_grad=True)
    changed = TRANSFORMS[name](samples, SYMMETRIC)
    changed.square().sum().backward()
    assert changed.shape == samples.shape and not torch.equal(changed, samples)
    assert samples.grad.isfinite().all() and samples.grad.abs().sum() > 0


def test_brightness_moves_by_up_to_a_quarter_of_the_range():
    flat = torch.zeros(2000, 1, 2, 2)
    for value_range, most in ((SYMMETRIC, 0.5), ((0.0, 1.0), 0.25)):
        levels = change_colour(flat, value_range)[:, 0, 0, 0]
        assert 0.9 * most < levels.max() <= most and -most <= levels.min() < -0.9 * most


def test_contrast_and_saturation_are_scaled_about_their_means():
    samples = torch.rand(2000, 3, 2, 2)
    changed = change_colour(samples, SYMMETRIC)
    grey = samples.mean(dim=1), changed.mean(dim=1)
    spread = [one.flatten(1).std(dim=1) for one in grey]
    contrast = spread[1] / spread[0]
    assert 0.49 < contrast.min() < 0.55 and 1.45 < contrast.max() < 1.51


def test_a_translation_shifts_by_whole_pixels_up_to_an_eighth():
    samples = torch.arange(1.0, 257).view(1, 1, 16, 16).expand(400, -1, -1, -1)
    changed = translate(samples, SYMMETRIC)
    found = set()
    for one in changed:
        shifts = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if torch.equal(one[0, 2:14, 2:14], samples[0, 0, 2 + dy : 14 + dy, 2 + dx : 14 + dx])
        ]
        found.update(shifts)
        assert len(shifts) == 1
    assert len(found) == 25
    assert changed.min() == 0  # mid-grey comes in


def test_a_cutout_hides_at_most_half_of_each_side():
    changed = cut_out(torch.ones(2000, 1, 16, 12), SYMMETRIC)
    hidden = (changed == 0).squeeze(1)
    assert hidden.any(dim=2).sum(dim=1).max() == 8 and hidden.any(dim=1).sum(dim=1).max() == 6
    assert 0.1 < hidden.float().mean() < 0.25
    assert hidden.any(dim=0).all()  # every place is hidden in some sample


def test_each_sample_gets_a_transform_of_its_own():
    same = torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)
    for transform in TRANSFORMS.values():
        changed = transform(same, SYMMETRIC)
        assert len({tuple(one.flatten().tolist()) for one in changed}) > 1


def test_a_penalty_passes_through_the_transforms():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))
    seen = AugmentedDiscriminator(network, ("cutout",), SYMMETRIC)
    samples = torch.randn(6, 1, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(seen(samples).sum(), samples, create_graph=True)
    gradient.square().sum().backward()
    assert network[1].weight.grad.abs().sum() > 0
    assert (gradient == 0).any()  # of what is cut out the scores do not depend


@pytest.mark.parametrize("loss", [BCE(), BCE(r1=1.0), Hinge(), WassersteinGP()])
@pytest.mark.parametrize("augment", [(), ("color", "translation", "cutout")])
def test_every_loss_trains_with_and_without_augmentation(make_space, fashion, loss, augment):
    space = make_space(
        "dataset={use: fashion-mnist}",
        "generator={use: dcgan, levels: 2, width: 2, latent: 4}",
        "discriminator={use: dcgan, layers: 2, width: 2, norm: none}",
        "baseline={}",
    )
    candidate = replace(space.baseline, loss=loss)
    spec = StepsSpec(steps=3, batch_size=8, precision="fp32", device="cpu", augment=augment)
    run = train(candidate, fashion, spec, RunWatch([]))
    again = train(candidate, fashion, spec, RunWatch([]))
    assert run.rows == again.rows and len(run.rows) == 3
    assert all(torch.isfinite(torch.tensor(row["g_loss"])) for row in run.rows)
