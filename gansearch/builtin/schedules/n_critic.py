from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from gansearch.components import Phase, Schedule
from gansearch.domains import IntRange


class NCritic(Schedule):
    """Several updates of the critic for each one of the generator (Arjovsky et al. 2017)."""

    n: Annotated[int, Field(ge=1), IntRange(1, 5)] = 5
    """Updates of the critic per update of the generator."""

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminate", updates=self.n),
            Phase("generator", "generate"),
        )
