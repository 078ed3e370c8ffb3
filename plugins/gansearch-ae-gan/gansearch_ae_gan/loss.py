from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import mse_loss, softplus

from gansearch.components import Loss, LossInputs
from gansearch.domains import Choices, FloatRange
from gansearch.errors import GansearchError


class AEGAN(Loss):
    """`alpha * mse(x, G(x)) + beta * bce(D(G(x)))` for a generator that reconstructs; BCE for its discriminator.

    Adam takes no notice of a loss's scale, so it is the ratio of the two that matters. Both parts are
    told at each step, unweighted, as the signals `reconstruction` and `adversarial`: held against each
    other they show what alpha and beta should be.
    """

    alpha: Annotated[float, Field(ge=0), Choices(0.0, 1.0)] = 1.0
    """Weight of the reconstruction, a mean square in the networks' range of values; 0 leaves a plain GAN."""
    beta: Annotated[float, Field(ge=0), FloatRange(1e-4, 1.0, log=True)] = 0.005
    """Weight of the adversarial part; 0 leaves a plain autoencoder, whose outputs are not even scored."""

    @model_validator(mode="after")
    def _something_is_learned(self) -> Self:
        if self.alpha == self.beta == 0:
            raise ValueError("alpha and beta must not both be 0: nothing would be learned")
        return self

    def of_real(self, scores: Tensor) -> Tensor:
        return softplus(-scores).mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return softplus(scores).mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return softplus(-scores).mean()

    def reconstruct(self, scene: LossInputs) -> Tensor:
        """Objective: reconstruction alone, and unweighted, so that it can come before a plain GAN (alpha 0).

        Raises:
            GansearchError: when the generator does not feed on samples.
        """
        if scene.inputs.shape != scene.fake.shape:
            raise GansearchError(
                "the loss 'ae-gan' holds outputs against inputs, so it needs a generator that feeds on samples, "
                "such as 'autoencoder'"
            )
        reconstruction = mse_loss(scene.fake, scene.inputs)
        scene.note("reconstruction", reconstruction)
        return reconstruction

    def generate(self, scene: LossInputs) -> Tensor:
        """Objective: the weighted sum of both parts."""
        reconstruction = self.reconstruct(scene)
        if self.beta == 0:
            return self.alpha * reconstruction
        adversarial = super().generate(scene)
        scene.note("adversarial", adversarial)
        # Times 0 is not nothing: where the one part is infinite, it would spoil the other.
        return self.beta * adversarial + (self.alpha * reconstruction if self.alpha else 0.0)
