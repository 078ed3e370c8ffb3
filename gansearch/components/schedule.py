"""Schedules: which network is trained on what, and when, as data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from gansearch.components.component import Component
from gansearch.domains import FloatRange

Player = Literal["generator", "discriminator"]
OptimizerName = Literal["adam", "adamw", "rmsprop"]
Decay = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True)
class Phase:
    """Updates of one network within a step: objective, share of the batch, and when they are due.

    A phase is due at the steps from `start` (included) to `stop` (excluded) whose position in a
    cycle of `period` steps lies in [`begin`, `end`). Steps are counted from 0.

    >>> phase = Phase("generator", "generate", period=6, begin=3)
    >>> [step for step in range(12) if phase.due(step)]
    [3, 4, 5, 9, 10, 11]
    """

    trains: Player
    """Network that is updated."""
    objective: str
    """Name of the method of the loss that maps `LossInputs` to a scalar."""
    share: float = 1.0
    """Share of the batch size."""
    updates: int = 1
    """Updates in a row, each on a batch of its own."""
    mixed: bool = False
    """Pass real and generated samples through the discriminator as one batch.

    Batch norms then see both together.
    """
    start: int = 0
    """First step."""
    stop: int | None = None
    """Step after the last one; None for the end of the training."""
    period: int = 1
    """Length of the cycle in steps."""
    begin: int = 0
    """First position in the cycle."""
    end: int | None = None
    """Position after the last one in the cycle; None for `period`."""

    def __post_init__(self) -> None:
        end = self.period if self.end is None else self.end
        if self.trains not in get_args(Player):
            raise ValueError(
                f"a phase trains {' or '.join(map(repr, get_args(Player)))}, got {self.trains!r}"
            )
        if not (0 < self.share <= 1 and self.updates >= 1 and self.period >= 1):
            raise ValueError(
                f"a phase needs 0 < share <= 1, updates >= 1 and period >= 1, got {self}"
            )
        if not 0 <= self.begin < end <= self.period:
            raise ValueError(f"a phase needs 0 <= begin < end <= period, got {self}")

    def due(self, step: int) -> bool:
        """Return True if the phase runs at a step, counted from 0."""
        if step < self.start or (self.stop is not None and step >= self.stop):
            return False
        position = (step - self.start) % self.period
        return self.begin <= position < (self.period if self.end is None else self.end)


class Schedule(Component):
    """Phases of the training, as data, and the settings of both optimizers."""

    role: ClassVar[str] = "schedule"

    generator_lr: Annotated[float, Field(gt=0), FloatRange(1e-4, 2e-3, log=True)] = 2e-4
    """Learning rate of the generator."""
    discriminator_lr: Annotated[float, Field(gt=0), FloatRange(1e-4, 2e-3, log=True)] = 2e-4
    """Learning rate of the discriminator."""
    generator_beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Adam's beta1 of the generator."""
    generator_beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Adam's beta2 of the generator."""
    discriminator_beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Adam's beta1 of the discriminator."""
    discriminator_beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Adam's beta2 of the discriminator."""
    optimizer: OptimizerName = "adam"
    """Optimizer of both networks: Adam, AdamW or RMSprop, which has no beta1 and whose smoothing
    constant is beta2."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Weight decay of AdamW; the other optimizers have none."""
    decay: Decay = "constant"
    """Decay of both learning rates towards zero at the end of the training."""
    generator_ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the moving average (EMA) of the generator, which is then judged; 0 for none."""

    @abstractmethod
    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        """Return the phases of a step, in order."""
