from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gansearch.builtin.losses.penalised import gradient_norms
from gansearch.components import Loss, LossInputs
from gansearch.domains import FloatRange


class WassersteinGP(Loss):
    """Gulrajani et al. 2017: the critic's gradient is drawn to norm 1 between real and generated samples."""

    gradient_penalty: Annotated[float, Field(ge=0), FloatRange(1.0, 20.0)] = 10.0
    """Weight lambda."""

    def of_real(self, scores: Tensor) -> Tensor:
        return -scores.mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return scores.mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return -scores.mean()

    def logits(self, scores: Tensor) -> None:
        """A critic's scores have no zero, so nothing can be said of probabilities."""

    def discriminate(self, scene: LossInputs) -> Tensor:
        return super().discriminate(scene) + self._penalty(scene)

    def discriminate_fake(self, scene: LossInputs) -> Tensor:
        """Where half-batches are learned apart, the penalty goes with the generated half."""
        return super().discriminate_fake(scene) + self._penalty(scene)

    def _penalty(self, scene: LossInputs) -> Tensor:
        mix = torch.rand(len(scene.real), 1, 1, 1, device=scene.real.device)
        between = torch.lerp(scene.real, scene.fake.detach(), mix).requires_grad_()
        norms = gradient_norms(scene.discriminator(between), between)
        return self.gradient_penalty * (norms - 1).square().mean()
