"""A loss for gansearch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from gansearch.components import Loss
from gansearch.domains import FloatRange


class Example(Loss):
    """Cross-entropy with a temperature."""

    temperature: Annotated[float, Field(gt=0), FloatRange(0.5, 2.0)] = 1.0
    """Number by which scores are divided."""

    def of_real(self, scores: Tensor) -> Tensor:
        return softplus(-scores / self.temperature).mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return softplus(scores / self.temperature).mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return softplus(-scores / self.temperature).mean()
