from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from gansearch.components import Phase, Schedule
from gansearch.domains import IntRange


class StalledDiscriminator(Schedule):
    """A discriminator that is updated only every few steps, so that the generator can catch up."""

    every: Annotated[int, Field(ge=2), IntRange(2, 8)] = 2
    """Steps per update of the discriminator."""
    until: Annotated[int, Field(ge=1)] | None = None
    """Step from which the discriminator is updated at every step again; null for never."""

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        stalled = Phase("discriminator", "discriminate", stop=self.until, period=self.every, end=1)
        generator = Phase("generator", "generate")
        if self.until is None:
            return (stalled, generator)
        return (stalled, Phase("discriminator", "discriminate", start=self.until), generator)
