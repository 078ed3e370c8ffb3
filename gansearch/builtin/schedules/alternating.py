from __future__ import annotations

from collections.abc import Sequence

from gansearch.components import Phase, Schedule


class Alternating(Schedule):
    """The discriminator learns once, then the generator once, every step."""

    half_batches: bool = False
    """The discriminator learns from half a batch of real samples, then, by itself, from half a generated one."""

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        generator = Phase("generator", "generate")
        if not self.half_batches:
            return (Phase("discriminator", "discriminate"), generator)
        return (
            Phase("discriminator", "discriminate_real", share=0.5),
            Phase("discriminator", "discriminate_fake", share=0.5),
            generator,
        )
