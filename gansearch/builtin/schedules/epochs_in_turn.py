from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from gansearch.components import Phase, Schedule
from gansearch.domains import IntRange


class EpochsInTurn(Schedule):
    """Whole epochs of the discriminator alone, then whole epochs of the generator alone."""

    epochs: Annotated[int, Field(ge=1), IntRange(1, 3)] = 1
    """Epochs in a row of each network."""
    mixed_batches: bool = False
    """Pass real and generated samples through the discriminator as one batch.

    Its batch norms then see both together.
    """

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        turn = self.epochs * steps_per_epoch
        return (
            Phase(
                "discriminator", "discriminate", mixed=self.mixed_batches, period=2 * turn, end=turn
            ),
            Phase("generator", "generate", period=2 * turn, begin=turn),
        )
