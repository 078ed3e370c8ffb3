from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gansearch.components import Loss, LossInputs
from gansearch.domains import Choices


class Penalised(Loss):
    """A loss with an optional R1 penalty on the discriminator's gradient at real samples.

    Mescheder et al. 2018, "Which training methods for GANs do actually converge?", equation 9.
    """

    r1: Annotated[float, Field(ge=0), Choices(0.0, 0.1, 1.0, 10.0)] = 0.0
    """Weight gamma of the R1 penalty, gamma / 2 times the mean squared norm of the gradient."""

    def discriminate(self, inputs: LossInputs) -> Tensor:
        loss = super().discriminate(inputs)
        return loss + self._penalty(inputs) if self.r1 else loss

    def discriminate_real(self, inputs: LossInputs) -> Tensor:
        loss = super().discriminate_real(inputs)
        return loss + self._penalty(inputs) if self.r1 else loss

    def _penalty(self, inputs: LossInputs) -> Tensor:
        real = inputs.real.detach().requires_grad_()
        return self.r1 / 2 * gradient_norms(inputs.discriminator(real), real).square().mean()


def gradient_norms(scores: Tensor, samples: Tensor) -> Tensor:
    """Return the L2 norm (N,) of the gradient of the scores at each sample, differentiable.

    Args:
        scores: scores (N,), or (N // m,) of packs.
        samples: samples (N, C, H, W) that they were computed from, with `requires_grad`.
    """
    gradient: Tensor = torch.autograd.grad(scores.sum(), samples, create_graph=True)[0]
    return gradient.flatten(1).square().sum(dim=1).sqrt()
