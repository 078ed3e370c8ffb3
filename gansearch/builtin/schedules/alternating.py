from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import model_validator

from gansearch.components import Phase, Schedule


class Alternating(Schedule):
    """The discriminator learns once, then the generator once, every step."""

    half_batches: bool = False
    """The discriminator learns from half a batch of real samples, then, by itself, from half a generated one."""
    mixed_batches: bool = False
    """The discriminator is shown real and generated samples as one batch, so that its norms see both together."""

    @model_validator(mode="after")
    def _one_way_of_batching(self) -> Self:
        if self.half_batches and self.mixed_batches:
            raise ValueError(
                "half_batches keeps apart what mixed_batches shows together; choose one of them"
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
