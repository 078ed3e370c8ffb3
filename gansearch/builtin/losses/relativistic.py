from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from gansearch.builtin.losses.penalised import Penalised
from gansearch.components import PairLoss
from gansearch.domains import Choices


class Relativistic(Penalised, PairLoss):
    """Relativistic pairing loss (Jolicoeur-Martineau 2019), with R1 and R2 as in R3GAN.

    The discriminator learns which sample of a pair is the real one, the generator to make it wrong
    (Huang et al. 2024, arXiv:2501.05441, equation 2). Without both penalties it need not converge.
    """

    r1: Annotated[float, Field(ge=0), Choices(0.1, 1.0, 10.0)] = 1.0
    """Weight gamma of the R1 penalty, gamma / 2 times the mean squared norm of the gradient."""
    r2: Annotated[float, Field(ge=0), Choices(0.1, 1.0, 10.0)] = 1.0
    """Weight of the R2 penalty, which is R1 at generated samples."""

    def of_pairs(self, differences: Tensor) -> Tensor:
        return softplus(-differences).mean()
