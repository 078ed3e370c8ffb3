from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu

from gansearch.builtin.losses.penalised import Penalised

MARGIN_LOGIT = 4.0
"""A score on the margin, behind which the hinge asks for nothing more, counts as a probability of 0.98."""


class Hinge(Penalised):
    """The margin loss of Lim & Ye 2017, as BigGAN and SAGAN use it."""

    def of_real(self, scores: Tensor) -> Tensor:
        return relu(1 - scores).mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return relu(1 + scores).mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return -scores.mean()

    def logits(self, scores: Tensor) -> Tensor:
        return scores * MARGIN_LOGIT
