from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from gansearch.builtin.losses.bce import BCE
from gansearch.components import LossInputs
from gansearch.domains import Choices, FloatRange


class FeatureMatching(BCE):
    """Feature matching (Salimans et al. 2016, section 3.1), beside the loss of BCE.

    The generator minimises the squared distance between the mean features of a real and of a
    generated batch; the features are the inputs of the discriminator's last layer. With `ramp` the
    adversarial term dominates at first.
    """

    weight: Annotated[float, Field(gt=0), FloatRange(0.01, 10.0, log=True)] = 1.0
    """Weight of the distance between features."""
    adversarial: Annotated[float, Field(ge=0), Choices(0.0, 1.0)] = 1.0
    """Weight of the adversarial term; 0 leaves feature matching alone."""
    ramp: Annotated[float, Field(ge=0, le=1), Choices(0.0, 0.5, 1.0)] = 0.0
    """Share of the training over which `weight` rises linearly from 0."""

    def generate(self, inputs: LossInputs) -> Tensor:
        distance = feature_distance(inputs)
        inputs.note("feature_distance", distance)
        risen = min(1.0, inputs.step / (self.ramp * inputs.steps)) if self.ramp else 1.0
        loss = self.weight * risen * distance
        if self.adversarial:
            loss = loss + self.adversarial * super().generate(inputs)
        return loss


def feature_distance(inputs: LossInputs) -> Tensor:
    """Return the squared L2 distance, a scalar, between mean real and mean generated features."""
    return (inputs.fake_features.mean(0) - inputs.real_features.detach().mean(0)).square().sum()
