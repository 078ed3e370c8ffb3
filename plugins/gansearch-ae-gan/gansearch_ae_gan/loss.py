from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import mse_loss, softplus

from gansearch.components import Loss, LossInputs
from gansearch.domains import Choices, FloatRange
from gansearch.errors import GansearchError


class AEGAN(Loss):
    """`alpha * mse(x, G(x)) + beta * bce(D(G(x)))` for an autoencoder; BCE for its discriminator.

    Adam does not depend on the scale of a loss, so only the ratio of alpha and beta matters. Both
    parts are recorded at each step, unweighted, as the signals `reconstruction` and `adversarial`;
    their ratio helps to choose alpha and beta.
    """

    alpha: Annotated[float, Field(ge=0), Choices(0.0, 1.0)] = 1.0
    """Weight of the reconstruction, a mean squared error; 0 leaves a plain GAN."""
    beta: Annotated[float, Field(ge=0), FloatRange(1e-4, 1.0, log=True)] = 0.005
    """Weight of the adversarial part; 0 leaves a plain autoencoder."""

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if self.alpha == self.beta == 0:
            raise ValueError(
                "alpha and beta must not both be 0: the generator would not be trained"
            )
        return self

    def of_real(self, scores: Tensor) -> Tensor:
        return softplus(-scores).mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return softplus(scores).mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return softplus(-scores).mean()

    def reconstruct(self, inputs: LossInputs) -> Tensor:
        """Objective of reconstruction alone, unweighted, so that it works with alpha 0 too.

        Raises:
            GansearchError: when the generator does not feed on samples.
        """
        if inputs.inputs.shape != inputs.fake.shape:
            raise GansearchError(
                "the loss 'ae-gan' compares outputs with inputs, so it needs a generator that "
                "feeds on samples, such as 'autoencoder'"
            )
        reconstruction = mse_loss(inputs.fake, inputs.inputs)
        inputs.note("reconstruction", reconstruction)
        return reconstruction

    def generate(self, inputs: LossInputs) -> Tensor:
        """Objective of the weighted sum of both parts."""
        reconstruction = self.reconstruct(inputs)
        if self.beta == 0:
            return self.alpha * reconstruction
        adversarial = super().generate(inputs)
        inputs.note("adversarial", adversarial)
        if self.alpha == 0:  # not multiplied: 0 times an infinite reconstruction would be NaN
            return self.beta * adversarial
        return self.beta * adversarial + self.alpha * reconstruction
