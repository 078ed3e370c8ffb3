from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gansearch.components import Loss, LossInputs
from gansearch.domains import Choices


class Penalised(Loss):
    """A loss with optional penalties on the gradient of the discriminator's scores.

    R1 takes it at real samples, R2 at generated ones (Mescheder et al. 2018, "Which training
    methods for GANs do actually converge?", equation 9).
    """

    r1: Annotated[float, Field(ge=0), Choices(0.0, 0.1, 1.0, 10.0)] = 0.0
    """Weight gamma of the R1 penalty, gamma / 2 times the mean squared norm of the gradient."""
    r2: Annotated[float, Field(ge=0), Choices(0.0, 0.1, 1.0, 10.0)] = 0.0
    """Weight of the R2 penalty, which is R1 at generated samples."""
    penalty_every: Annotated[int, Field(ge=1)] = 1
    """Steps between two penalties, each of which counts as many times (StyleGAN2's lazy ones)."""

    def discriminate(self, inputs: LossInputs) -> Tensor:
        return self._with_r2(self._with_r1(super().discriminate(inputs), inputs), inputs)

    def discriminate_real(self, inputs: LossInputs) -> Tensor:
        return self._with_r1(super().discriminate_real(inputs), inputs)

    def discriminate_fake(self, inputs: LossInputs) -> Tensor:
        return self._with_r2(super().discriminate_fake(inputs), inputs)

    def _with_r1(self, loss: Tensor, inputs: LossInputs) -> Tensor:
        if not self.r1 or not self._penalty_is_due(inputs):
            return loss
        return loss + self.r1 * self._penalty(inputs, inputs.real)

    def _with_r2(self, loss: Tensor, inputs: LossInputs) -> Tensor:
        if not self.r2 or not self._penalty_is_due(inputs):
            return loss
        return loss + self.r2 * self._penalty(inputs, inputs.fake)

    def _penalty_is_due(self, inputs: LossInputs) -> bool:
        # The number of the step is read only where it counts: CUDA graphs have none.
        return self.penalty_every == 1 or (inputs.step - 1) % self.penalty_every == 0

    def _penalty(self, inputs: LossInputs, samples: Tensor) -> Tensor:
        samples = samples.detach().requires_grad_()
        squares = squared_gradient_norms(inputs.discriminator(samples), samples)
        return self.penalty_every / 2 * squares.mean()


def squared_gradient_norms(scores: Tensor, samples: Tensor) -> Tensor:
    """Return the squared L2 norm (N,) of the gradient of the scores at each sample, differentiable.

    Args:
        scores: scores (N,), or (N // m,) of packs.
        samples: samples (N, C, H, W) that they were computed from, with `requires_grad`.
    """
    gradient: Tensor = torch.autograd.grad(scores.sum(), samples, create_graph=True)[0]
    return gradient.flatten(1).square().sum(dim=1)
