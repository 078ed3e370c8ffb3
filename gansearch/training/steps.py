"""A step of training: all that is due at it, done on the device without a question to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from gansearch.components import Loss, Phase
from gansearch.training.loss_inputs import BatchLossInputs, Generated, Stage
from gansearch.training.recorder import Signals, mean_pair_distance

PAIR_RATIO_EVERY = 10


@dataclass(frozen=True)
class Due:
    """What a step consists of; two steps with the same due differ only in their numbers."""

    phases: tuple[Phase, ...]
    """The updates, in order; a phase of several updates stands there as often."""
    predictions: bool
    """Whether the discriminator's predictions are counted."""
    pair_ratio: bool
    """Whether the diversity of generated samples is held against that of real ones."""

    @classmethod
    def at(cls, step: int, phases: Sequence[Phase], predictions_every: int) -> Due:
        """What is due at a step, counted from 1."""
        due = tuple(phase for phase in phases if phase.due(step - 1) for _ in range(phase.updates))
        return cls(due, every(predictions_every, step), every(PAIR_RATIO_EVERY, step))


def every(interval: int, step: int) -> bool:
    """Whether something that happens every so many steps is due; 0 means never."""
    return interval > 0 and step % interval == 0


class Steps(Protocol):
    """Whatever can take a step."""

    @property
    def graphs(self) -> str:
        """Whether steps are taken by CUDA graphs: `used`, or `not used: ` and why."""

    def take(self, step: int, due: Due) -> Signals:
        """Do what is due at a step; its signals stay on the device."""


@dataclass(frozen=True)
class EagerSteps:
    """Steps that Python takes, one operation after the other."""

    stage: Stage
    loss: Loss
    real_distance: Tensor
    """Mean distance, a scalar, between pairs of real samples."""
    graphs: str = "not used: not asked for"

    def take(self, step: int | None, due: Due) -> Signals:
        """Do what is due at a step; without its number, it can be any step with this due.

        Raises:
            UnrecordableError: when the loss asks for a number that there is not.
        """
        recorder = self.stage.recorder
        fake = self._learn(step, due)
        self.stage.players.average()
        if fake is not None and due.pair_ratio:
            recorder.add({"pair_ratio": mean_pair_distance(fake) / self.real_distance})
        return recorder.close_step()

    def _learn(self, step: int | None, due: Due) -> Tensor | None:
        """Every update that is due; the last generated samples, if there are any."""
        fake: Tensor | None = None
        handed_down: Generated | None = None
        for phase, following in zip(due.phases, [*due.phases[1:], None], strict=True):
            # Samples that the discriminator has just scored serve the generator too, as in DCGAN's own code.
            for_both = (
                following is not None
                and following.trains == "generator"
                and following.share == phase.share
            )
            scene = BatchLossInputs(
                self.stage, phase, step, handed_down=handed_down, for_both=for_both
            )
            self._update(phase, scene, count_predictions=due.predictions)
            handed_down = scene.left_over()
            fake = generated.fake if (generated := scene.generated()) else fake
        return fake

    def _update(self, phase: Phase, scene: BatchLossInputs, *, count_predictions: bool) -> None:
        """One network learns, and its signals are noted."""
        recorder, loss = self.stage.recorder, self.loss
        value: Tensor = getattr(loss, phase.objective)(scene)
        norms = self.stage.players[phase.trains].learn(value)
        if phase.trains == "generator":
            recorder.add(
                {"g_loss": value.detach()} | {f"g_{name}": norm for name, norm in norms.items()}
            )
            return
        recorder.add(scene.discriminator_signals(loss))
        recorder.add({f"d_{name}": norm for name, norm in norms.items()})
        if count_predictions:
            recorder.add_predictions(scene.predictions(loss))
