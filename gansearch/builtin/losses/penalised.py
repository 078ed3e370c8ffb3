from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gansearch.components import Loss, LossInputs
from gansearch.domains import Choices


class Penalised(Loss):
    """A loss whose discriminator can be held back by R1: the squared gradient at real samples.

    Mescheder et al. 2018, "Which training methods for GANs do actually converge?", equation 9.
    """

    r1: Annotated[float, Field(ge=0), Choices(0.0, 0.1, 1.0, 10.0)] = 0.0
    """Weight gamma; the penalty is gamma / 2 times the mean squared norm."""

    def discriminate(self, scene: LossInputs) -> Tensor:
        return (
            super().discriminate(scene) + self._r1(scene)
            if self.r1
            else super().discriminate(scene)
        )

    def discriminate_real(self, scene: LossInputs) -> Tensor:
        return (
            super().discriminate_real(scene) + self._r1(scene)
            if self.r1
            else super().discriminate_real(scene)
        )

    def _r1(self, scene: LossInputs) -> Tensor:
        real = scene.real.detach().requires_grad_()
        return self.r1 / 2 * gradient_norms(scene.discriminator(real), real).square().mean()


def gradient_norms(scores: Tensor, samples: Tensor) -> Tensor:
    """The L2 norm (N,) of each score's gradient with respect to its sample, itself differentiable."""
    gradient: Tensor = torch.autograd.grad(scores.sum(), samples, create_graph=True)[0]
    return gradient.flatten(1).square().sum(dim=1).sqrt()
