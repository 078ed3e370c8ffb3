"""Training steps: all updates of one step, done without waiting for the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from gansearch.components import Loss, Phase
from gansearch.errors import PluginError
from gansearch.training.loss_inputs import BatchLossInputs, GeneratedBatch, StepContext
from gansearch.training.recorder import StepSignals, mean_pair_distance

PAIR_RATIO_EVERY = 10


@dataclass(frozen=True)
class StepPlan:
    """Updates and measurements of a step; steps of equal plans differ only in their numbers."""

    updates: tuple[Phase, ...]
    """Phases in order; a phase with several updates appears as often."""
    predictions: bool
    """True where the discriminator's predictions are counted."""
    pair_ratio: bool
    """True where the diversity of generated samples is compared with that of real ones."""

    @classmethod
    def at(cls, step: int, phases: Sequence[Phase], predictions_every: int) -> StepPlan:
        """Return the plan of a step, counted from 1."""
        updates = [phase for phase in phases if phase.due(step - 1) for _ in range(phase.updates)]
        predictions = is_due(predictions_every, step)
        return cls(tuple(updates), predictions, is_due(PAIR_RATIO_EVERY, step))


def is_due(interval: int, step: int) -> bool:
    """Return True at every multiple of an interval; an interval of 0 means never."""
    return interval > 0 and step % interval == 0


class Steps(Protocol):
    """Way to run a training's steps: eagerly or by CUDA graphs."""

    @property
    def graphs(self) -> str:
        """Use of CUDA graphs, for the record: `used`, or `not used: ` and the reason."""

    def run(self, step: int, plan: StepPlan) -> StepSignals:
        """Run a step; its signals stay on the device."""


@dataclass(frozen=True)
class EagerSteps:
    """Steps that run one operation after the other."""

    context: StepContext
    loss: Loss
    real_distance: Tensor
    """Mean distance, a scalar, between pairs of real samples."""
    graphs: str = "not used: not asked for"

    def run(self, step: int | None, plan: StepPlan) -> StepSignals:
        """Run a step; None for its number stands for any step with this plan.

        Raises:
            NotCapturableError: if the step has no number and the loss reads it.
        """
        recorder = self.context.recorder
        fake: Tensor | None = None
        reused: GeneratedBatch | None = None
        for phase, following in zip(plan.updates, [*plan.updates[1:], None], strict=True):
            # As in DCGAN's own code, the generator trains on the samples just scored.
            keep_graph = (
                following is not None
                and following.trains == "generator"
                and following.share == phase.share
            )
            inputs = BatchLossInputs(
                self.context, phase, step, reused=reused, keep_graph=keep_graph
            )
            self._update(phase, inputs, predictions=plan.predictions)
            reused = inputs.reusable()
            if (generated := inputs.generated()) is not None:
                fake = generated.fake
        self.context.networks.update_ema()
        if fake is not None and plan.pair_ratio:
            recorder.add({"pair_ratio": mean_pair_distance(fake) / self.real_distance})
        return recorder.end_step()

    def _update(self, phase: Phase, inputs: BatchLossInputs, *, predictions: bool) -> None:
        """Train one network on one batch and record its signals."""
        recorder, loss = self.context.recorder, self.loss
        value: Tensor = getattr(loss, phase.objective)(inputs)
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            raise PluginError(
                f"loss {type(loss).__name__}: `{phase.objective}` returned {_described(value)}; "
                "it must return a tensor of one number that depends on the networks"
            )
        norms = self.context.networks[phase.trains].update(value)
        if phase.trains == "generator":
            recorder.add({"g_loss": value.detach()})
            recorder.add({f"g_{name}": norm for name, norm in norms.items()})
            return
        recorder.add(inputs.discriminator_signals(loss))
        recorder.add({f"d_{name}": norm for name, norm in norms.items()})
        if predictions:
            recorder.add_predictions(inputs.predictions(loss))


def _described(value: object) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    if value.numel() != 1:
        return f"a tensor of the shape {tuple(value.shape)}"
    return "a tensor without a gradient"
