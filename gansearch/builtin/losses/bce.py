from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from gansearch.builtin.losses.penalised import Penalised


class BCE(Penalised):
    """Binary cross-entropy with the non-saturating generator loss (Goodfellow et al. 2014)."""

    def of_real(self, scores: Tensor) -> Tensor:
        return softplus(-scores).mean()

    def of_fake(self, scores: Tensor) -> Tensor:
        return softplus(scores).mean()

    def of_generator(self, scores: Tensor) -> Tensor:
        return softplus(-scores).mean()


class Minimax(BCE):
    """Minimax loss (Goodfellow et al. 2014, eq. 1): the generator minimises what D maximises."""

    def of_generator(self, scores: Tensor) -> Tensor:
        return -softplus(scores).mean()
