from __future__ import annotations

import torch
from torch import Tensor

from gansearch.builtin.losses.penalised import Penalised


class LeastSquares(Penalised):
    """Least-squares loss (Mao et al. 2017), with targets 1 for real and 0 for generated samples."""

    def of_real(self, scores: Tensor) -> Tensor:
        return (scores - 1).square().mean() / 2

    def of_fake(self, scores: Tensor) -> Tensor:
        return scores.square().mean() / 2

    def of_generator(self, scores: Tensor) -> Tensor:
        return (scores - 1).square().mean() / 2

    def logits(self, scores: Tensor) -> Tensor:
        """Take the score as the probability of being real, clamped to finite log-odds."""
        return torch.logit(scores, eps=0.01)
