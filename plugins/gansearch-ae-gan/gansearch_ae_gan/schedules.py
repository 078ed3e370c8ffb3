from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from gansearch.components import Phase, Schedule
from gansearch.domains import IntRange


class FourPhases(Schedule):
    """D on half a real batch, reconstruction on half a batch, D on half a fake one, G on one."""

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminate_real", share=0.5),
            Phase("generator", "reconstruct", share=0.5),
            Phase("discriminator", "discriminate_fake", share=0.5),
            Phase("generator", "generate"),
        )


class Pretraining(Schedule):
    """Reconstruction alone at first; then discriminator and generator alternate."""

    pretraining: Annotated[int, Field(ge=1), IntRange(100, 1000, step=100)] = 500
    """Steps of reconstruction alone, part of the steps of the study."""

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        return (
            Phase("generator", "reconstruct", stop=self.pretraining),
            Phase("discriminator", "discriminate", start=self.pretraining),
            Phase("generator", "generate", start=self.pretraining),
        )
