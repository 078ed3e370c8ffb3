from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import model_validator

from gansearch.components import Phase, Schedule


class Alternating(Schedule):
    """One update of the discriminator, then one of the generator, at every step."""

    half_batches: bool = False
    """Update the discriminator on half a batch of real samples, then on half a generated one."""
    mixed_batches: bool = False
    """Pass real and generated samples through the discriminator as one batch.

    Its batch norms then see both together.
    """

    @model_validator(mode="after")
    def _one_way_of_batching(self) -> Self:
        if self.half_batches and self.mixed_batches:
            raise ValueError(
                "half_batches separates the samples that mixed_batches mixes; choose one of them"
            )
        return self

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        generator = Phase("generator", "generate")
        if not self.half_batches:
            return (Phase("discriminator", "discriminate", mixed=self.mixed_batches), generator)
        return (
            Phase("discriminator", "discriminate_real", share=0.5),
            Phase("discriminator", "discriminate_fake", share=0.5),
            generator,
        )
