from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from gansearch.builtin.losses.bce import BCE
from gansearch.components import LossInputs
from gansearch.domains import Choices, FloatRange


class FeatureMatching(BCE):
    """The generator matches the mean of the discriminator's features, beside fooling it.

    Salimans et al. 2016, "Improved techniques for training GANs", section 3.1: the squared distance
    between the means, over a batch of real and one of generated samples, of what the discriminator's
    last layer is given. `ramp` lets the discriminator's own term dominate at first.
    """

    weight: Annotated[float, Field(gt=0), FloatRange(0.01, 10.0, log=True)] = 1.0
    """Of the features' distance."""
    adversarial: Annotated[float, Field(ge=0), Choices(0.0, 1.0)] = 1.0
    """Of the discriminator's term; 0 matches features and nothing else."""
    ramp: Annotated[float, Field(ge=0, le=1), Choices(0.0, 0.5, 1.0)] = 0.0
    """Share of the training over which the features' weight rises from nothing."""

    def generate(self, scene: LossInputs) -> Tensor:
        matching = feature_distance(scene)
        scene.note("feature_distance", matching)
        loss = self.weight * self._risen(scene) * matching
        return loss + self.adversarial * super().generate(scene) if self.adversarial else loss

    def _risen(self, scene: LossInputs) -> float:
        """How far the ramp has risen at this step, from above 0 to 1."""
        return min(1.0, scene.step / (self.ramp * scene.steps)) if self.ramp else 1.0


def feature_distance(scene: LossInputs) -> Tensor:
    """The squared L2 distance, a scalar, between the mean features of real and of generated samples."""
    return (scene.fake_features.mean(0) - scene.real_features.detach().mean(0)).square().sum()
