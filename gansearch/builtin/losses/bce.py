from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from gansearch.builtin.losses.penalised import Penalised


class BCE(Penalised):
    """Binary cross-entropy with the non-saturating generator (Goodfellow et al. 2014)."""

    def of_real(self, scores: Tensor) -> Tensor:
        return softplus(-scores).mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return softplus(scores).mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return softplus(-scores).mean()


class Minimax(BCE):
    """The original zero-sum game: the generator minimises what the discriminator maximises."""

    def of_generator(self, scores: Tensor) -> Tensor:
        return -softplus(scores).mean()
