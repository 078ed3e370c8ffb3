from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from gansearch.components import Phase, Schedule
from gansearch.domains import IntRange


class NCritic(Schedule):
    """The critic learns several times for each time that the generator does (Arjovsky et al. 2017)."""

    n: Annotated[int, Field(ge=1), IntRange(1, 5)] = 5

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminate", updates=self.n),
            Phase("generator", "generate"),
        )
