from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gansearch.builtin.losses.penalised import Penalised, squared_gradient_norms
from gansearch.components import LossInputs
from gansearch.domains import FloatRange


class WassersteinGP(Penalised):
    """Wasserstein loss with gradient penalty (WGAN-GP, Gulrajani et al. 2017)."""

    gradient_penalty: Annotated[float, Field(ge=0), FloatRange(1.0, 20.0)] = 10.0
    """Weight lambda of the penalty on gradient norms other than 1."""

    def of_real(self, scores: Tensor) -> Tensor:
        return -scores.mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return scores.mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return -scores.mean()

    def logits(self, scores: Tensor) -> None:
        """Return None: the scores of a critic have no zero, so they give no probability."""

    def discriminate(self, inputs: LossInputs) -> Tensor:
        return super().discriminate(inputs) + self._gradient_penalty(inputs)

    def discriminate_fake(self, inputs: LossInputs) -> Tensor:
        """Objective of the critic on generated samples, with the penalty of a half batch."""
        return super().discriminate_fake(inputs) + self._gradient_penalty(inputs)

    def _gradient_penalty(self, inputs: LossInputs) -> Tensor:
        mix = torch.rand(len(inputs.real), 1, 1, 1, device=inputs.real.device)
        between = torch.lerp(inputs.real, inputs.fake.detach(), mix).requires_grad_()
        norms = squared_gradient_norms(inputs.discriminator(between), between).sqrt()
        return self.gradient_penalty * (norms - 1).square().mean()
