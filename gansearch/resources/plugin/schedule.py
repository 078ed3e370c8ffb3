"""A schedule for gansearch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from gansearch.components import Phase, Schedule
from gansearch.domains import IntRange


class Example(Schedule):
    """The discriminator is trained at every step, the generator at every n-th one."""

    every: Annotated[int, Field(ge=1), IntRange(1, 4)] = 2
    """Steps from one update of the generator to the next."""

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminate"),
            Phase("generator", "generate", period=self.every, end=1),
        )
