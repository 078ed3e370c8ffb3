"""Gradient penalties, with discriminators whose gradients are known."""

from types import SimpleNamespace

import pytest
import torch

from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.hinge import Hinge
from gansearch.builtin.losses.relativistic import Relativistic
from gansearch.builtin.losses.wasserstein import WassersteinGP


def make_inputs(step: int = 1) -> SimpleNamespace:
    """Inputs with a discriminator whose score is the sum of squares: the gradient is 2 x."""

    def discriminator(samples: torch.Tensor) -> torch.Tensor:
        return samples.square().sum((1, 2, 3))

    real = torch.full((4, 1, 2, 2), 0.5)  # squared gradient norm 4
    fake = torch.full((4, 1, 2, 2), 1.5)  # squared gradient norm 36
    return SimpleNamespace(
        step=step,
        steps=100,
        real=real,
        fake=fake,
        discriminator=discriminator,
        real_scores=discriminator(real),
        fake_scores=discriminator(fake),
    )


def penalty(loss: object, objective: str = "discriminate", step: int = 1) -> float:
    """Return the loss above that without R1 and R2."""
    plain = loss.model_copy(update={"r1": 0.0, "r2": 0.0})
    # A critic's own penalty is taken at random points between the samples.
    values = []
    for one in (loss, plain):
        torch.manual_seed(0)
        values.append(getattr(one, objective)(make_inputs(step)).item())
    return values[0] - values[1]


@pytest.mark.parametrize("loss", [BCE, Hinge, Relativistic, WassersteinGP])
def test_r1_is_taken_at_real_samples_and_r2_at_generated_ones(loss):
    assert penalty(loss(r1=1.0, r2=0.0)) == pytest.approx(2, rel=1e-4)
    assert penalty(loss(r1=0.0, r2=1.0)) == pytest.approx(18, rel=1e-4)


def test_each_half_batch_has_its_own_penalty():
    loss = BCE(r1=1.0, r2=1.0)
    assert penalty(loss, "discriminate_real") == pytest.approx(2, rel=1e-4)
    assert penalty(loss, "discriminate_fake") == pytest.approx(18, rel=1e-4)


def test_a_lazy_penalty_is_rare_and_counts_as_many_times():
    loss = BCE(r1=1.0, penalty_every=4)
    penalties = [penalty(loss, step=step) for step in range(1, 9)]
    assert penalties == pytest.approx([8, 0, 0, 0, 8, 0, 0, 0], abs=1e-4)


def test_a_flat_discriminator_has_a_finite_gradient_of_its_penalty():
    weight = torch.zeros(1, requires_grad=True)
    inputs = make_inputs()
    inputs.discriminator = lambda samples: weight * samples.sum((1, 2, 3))
    inputs.real_scores = inputs.discriminator(inputs.real)
    BCE(r1=1.0).discriminate_real(inputs).backward()
    assert weight.grad.isfinite().all()
