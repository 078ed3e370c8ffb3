from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu

from gansearch.builtin.losses.penalised import Penalised

MARGIN_LOGIT = 4.0
"""Log-odds of a score of 1, from where the loss of a real sample is 0: a probability of 0.98."""


class Hinge(Penalised):
    """Hinge loss (Lim & Ye 2017), as SAGAN and BigGAN use it."""

    def of_real(self, scores: Tensor) -> Tensor:
        return relu(1 - scores).mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return relu(1 + scores).mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return -scores.mean()

    def logits(self, scores: Tensor) -> Tensor:
        return scores * MARGIN_LOGIT
