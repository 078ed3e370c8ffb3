"""Inputs of a loss for one update, each computed on first access."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gansearch.components import Loss, Phase
from gansearch.errors import GansearchError
from gansearch.training.batches import BatchSampler, StaticBatch
from gansearch.training.networks import DiscriminatorOutput, GANNetworks
from gansearch.training.recorder import Recorder

KINDS = (("real", 1), ("fake", -1))
"""Kinds of samples, with the sign of the scores that a discriminator should give them."""


class NotCapturableError(GansearchError):
    """A step that cannot be captured by a CUDA graph and replayed."""


@dataclass(frozen=True)
class StepContext:
    """Networks, data and recorder that all steps of a run share."""

    networks: GANNetworks
    batches: BatchSampler | StaticBatch
    recorder: Recorder
    batch_size: int
    steps: int


class GeneratedBatch(NamedTuple):
    """Generated samples and the inputs that they were generated from."""

    inputs: Tensor
    fake: Tensor


class BatchLossInputs:
    """Implementation of `components.LossInputs` for one update of one network."""

    def __init__(
        self,
        context: StepContext,
        phase: Phase,
        step: int | None,
        *,
        reused: GeneratedBatch | None = None,
        keep_graph: bool = False,
    ) -> None:
        """Create the inputs of an update.

        Args:
            context: networks, data and recorder of the run.
            phase: the update.
            step: number of the step, from 1; None for a step that is to be captured.
            reused: samples of the update before, which the generator has not trained on yet.
            keep_graph: True if the generator's update after this one reuses the samples.
        """
        self._step, self.steps = step, context.steps
        self._context, self._networks = context, context.networks
        self._size = max(1, round(phase.share * context.batch_size))
        self._trains, self._mixed = phase.trains, phase.mixed
        self._reused, self._keep_graph = reused, keep_graph

    @property
    def step(self) -> int:
        if self._step is None:
            raise NotCapturableError("the loss reads the number of the step")
        return self._step

    @cached_property
    def real(self) -> Tensor:
        if self._reused is not None and self._networks.is_autoencoder:
            return self._reused.inputs
        return self._context.batches.draw(self._size)

    @cached_property
    def inputs(self) -> Tensor:
        if self._reused is not None:
            return self._reused.inputs
        if self._networks.is_autoencoder:
            return self.real
        return self._networks.draw_latents(self._size)

    @cached_property
    def fake(self) -> Tensor:
        if self._reused is not None:
            return self._reused.fake
        with torch.set_grad_enabled(self._trains == "generator" or self._keep_graph):
            return self._networks.generate(self.inputs)

    @property
    def real_scores(self) -> Tensor:
        return self._real_output.scores

    @property
    def fake_scores(self) -> Tensor:
        return self._fake_output.scores

    @property
    def real_features(self) -> Tensor:
        return _features(self._real_output)

    @property
    def fake_features(self) -> Tensor:
        return _features(self._fake_output)

    @property
    def generator(self) -> nn.Module:
        return self._networks.generator.shared

    @property
    def discriminator(self) -> nn.Module:
        return self._networks.discriminator.shared

    def note(self, name: str, value: Tensor) -> None:
        self._context.recorder.add({name: value.detach()})

    @cached_property
    def _real_output(self) -> DiscriminatorOutput:
        if self._mixed:
            return self._mixed_outputs[0]
        return self._networks.discriminate(self.real)

    @cached_property
    def _fake_output(self) -> DiscriminatorOutput:
        if self._mixed:
            return self._mixed_outputs[1]
        return self._networks.discriminate(self._scored_fake())

    @cached_property
    def _mixed_outputs(self) -> list[DiscriminatorOutput]:
        """Outputs for real and for generated samples that passed as one batch."""
        fake = self._scored_fake()  # first: the order of draws decides what a seed gives
        scores, features = self._networks.discriminate(torch.cat([self.real, fake]))
        halves = torch.split(scores, len(scores) // 2)
        if features is None:
            return [DiscriminatorOutput(half, None) for half in halves]

        def half_of_features(index: int) -> Tensor:
            both = features()
            return torch.split(both, len(both) // 2)[index]

        return [
            DiscriminatorOutput(half, partial(half_of_features, index))
            for index, half in enumerate(halves)
        ]

    def _scored_fake(self) -> Tensor:
        """Return generated samples, detached unless the generator is being updated."""
        return self.fake if self._trains == "generator" else self.fake.detach()

    def generated(self) -> GeneratedBatch | None:
        """Return the generated samples if the loss has read any."""
        if "fake" not in self.__dict__:
            return None
        return GeneratedBatch(self.inputs, self.fake)

    def reusable(self) -> GeneratedBatch | None:
        """Return the generated samples that the generator can still train on."""
        reusable = self._trains == "discriminator" and self._keep_graph
        return self.generated() if reusable else None

    @torch.no_grad()
    def discriminator_signals(self, loss: Loss) -> dict[str, Tensor]:
        """Return the discriminator's signals for the samples that the loss has scored."""
        signals: dict[str, Tensor] = {}
        computed = self._computed_scores(loss)
        for kind, sign in KINDS:
            if (scores := computed.get(kind)) is None:
                continue
            loss_of_kind = loss.of_real if kind == "real" else loss.of_fake
            signals[f"d_loss_{kind}"] = loss_of_kind(scores)
            signals[f"d_logit_{kind}"] = scores.mean()
            if (logits := loss.logits(scores)) is not None:
                signals[f"d_acc_{kind}"] = (sign * logits > 0).float().mean()
                signals[f"dominance_{kind}"] = softplus(-sign * logits).mean()
        return signals

    @torch.no_grad()
    def predictions(self, loss: Loss) -> dict[str, Tensor]:
        """Return probabilities (N,) of being real by kind of sample; none where undefined."""
        predictions = {}
        for kind, scores in self._computed_scores(loss).items():
            if (logits := loss.logits(scores)) is not None:
                predictions[kind] = torch.sigmoid(logits)
        return predictions

    def _computed_scores(self, loss: Loss) -> dict[str, Tensor]:
        """Return the scores that the loss has read, by kind, as its formulas take them."""
        outputs: dict[str, DiscriminatorOutput] = {
            kind: output
            for kind, _ in KINDS
            if (output := self.__dict__.get(f"_{kind}_output")) is not None
        }
        scores = {kind: output.scores.detach() for kind, output in outputs.items()}
        if len(scores) == len(KINDS):
            scores["real"], scores["fake"] = loss.relative(scores["real"], scores["fake"])
        return scores


def _features(output: DiscriminatorOutput) -> Tensor:
    if output.features is None:
        raise GansearchError(
            "feature matching needs a dense or convolutional layer, and this discriminator has none"
        )
    return output.features().flatten(1).float()
