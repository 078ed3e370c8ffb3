"""A scene: one batch as a loss sees it, every tensor computed when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gansearch.components import Loss, Phase
from gansearch.errors import GansearchError
from gansearch.training.batches import BatchSampler, StaticBatch
from gansearch.training.networks import GANNetworks, Judged
from gansearch.training.recorder import Recorder

KINDS = (("real", 1), ("fake", -1))
"""Of samples, each with the sign of the scores that a discriminator should give them."""


class UnrecordableError(GansearchError):
    """A step that cannot be recorded and played again."""


@dataclass(frozen=True)
class Stage:
    """What all scenes of a run have in common."""

    players: GANNetworks
    feed: BatchSampler | StaticBatch
    recorder: Recorder
    batch_size: int
    steps: int


class Generated(NamedTuple):
    """Generated samples, and what they were generated from."""

    inputs: Tensor
    fake: Tensor


class BatchLossInputs:
    """Implements `components.Scene` for one update of one network."""

    def __init__(
        self,
        stage: Stage,
        phase: Phase,
        step: int | None,
        *,
        handed_down: Generated | None = None,
        for_both: bool = False,
    ) -> None:
        """Set the scene.

        Args:
            stage: what it is set on.
            phase: the update.
            step: counted from 1; None where it can be any.
            handed_down: generated samples of the update before, not yet used by the generator.
            for_both: whether generated samples are handed on to the generator's update.
        """
        self._step, self.steps = step, stage.steps
        self._stage, self._players = stage, stage.players
        self._size = max(1, round(phase.share * stage.batch_size))
        self._trains, self._handed_down = phase.trains, handed_down
        self._for_both, self._mixed = for_both, phase.mixed

    @property
    def step(self) -> int:
        if self._step is None:
            raise UnrecordableError("the loss asks for the number of the step")
        return self._step

    @cached_property
    def real(self) -> Tensor:
        if self._handed_down is not None and self._players.feed_on_samples:
            return self._handed_down.inputs
        return self._stage.feed.draw(self._size)

    @cached_property
    def inputs(self) -> Tensor:
        if self._handed_down is not None:
            return self._handed_down.inputs
        return self.real if self._players.feed_on_samples else self._players.latents(self._size)

    @cached_property
    def fake(self) -> Tensor:
        if self._handed_down is not None:
            return self._handed_down.fake
        with torch.set_grad_enabled(self._trains == "generator" or self._for_both):
            return self._players.generate(self.inputs)

    @property
    def real_scores(self) -> Tensor:
        return self._real_judged.scores

    @property
    def fake_scores(self) -> Tensor:
        return self._fake_judged.scores

    @property
    def real_features(self) -> Tensor:
        return _features(self._real_judged)

    @property
    def fake_features(self) -> Tensor:
        return _features(self._fake_judged)

    @property
    def generator(self) -> nn.Module:
        return self._players.generator.shared

    @property
    def discriminator(self) -> nn.Module:
        return self._players.discriminator.shared

    def note(self, name: str, value: Tensor) -> None:
        self._stage.recorder.add({name: value.detach()})

    @cached_property
    def _real_judged(self) -> Judged:
        return self._judged_together[0] if self._mixed else self._players.judge(self.real)

    @cached_property
    def _fake_judged(self) -> Judged:
        if self._mixed:
            return self._judged_together[1]
        return self._players.judge(self.fake if self._trains == "generator" else self.fake.detach())

    @cached_property
    def _judged_together(self) -> list[Judged]:
        """Real and generated samples, judged as one batch."""
        fake = self.fake if self._trains == "generator" else self.fake.detach()
        scores, features = self._players.judge(torch.cat([self.real, fake]))
        halves = torch.split(scores, len(scores) // 2)
        pieces = (
            (None, None)
            if features is None
            else [partial(_half, features, half) for half in range(2)]
        )
        return [Judged(*parts) for parts in zip(halves, pieces, strict=True)]

    def generated(self) -> Generated | None:
        """Generated samples, if the loss has looked at any."""
        return Generated(self.inputs, self.fake) if "fake" in self.__dict__ else None

    def left_over(self) -> Generated | None:
        """Generated samples that the generator can still learn from."""
        return self.generated() if self._trains == "discriminator" and self._for_both else None

    @torch.no_grad()
    def discriminator_signals(self, loss: Loss) -> dict[str, Tensor]:
        """What the discriminator's scores tell; only of what the loss has looked at."""
        signals: dict[str, Tensor] = {}
        for kind, sign in KINDS:
            if (scores := self._looked_at(kind)) is None:
                continue
            signals[f"d_loss_{kind}"] = (
                loss.of_real(scores) if kind == "real" else loss.of_fake(scores)
            )
            signals[f"d_logit_{kind}"] = scores.mean()
            if (logits := loss.logits(scores)) is not None:
                signals[f"d_acc_{kind}"] = (sign * logits > 0).float().mean()
                signals[f"dominance_{kind}"] = softplus(-sign * logits).mean()
        return signals

    @torch.no_grad()
    def predictions(self, loss: Loss) -> dict[str, Tensor]:
        """The discriminator's predictions (N,), probabilities of being real, by kind; as far as they have a meaning."""
        scores = {kind: self._looked_at(kind) for kind, _ in KINDS}
        logits = {kind: loss.logits(one) for kind, one in scores.items() if one is not None}
        return {kind: torch.sigmoid(one) for kind, one in logits.items() if one is not None}

    def _looked_at(self, kind: str) -> Tensor | None:
        judged: Judged | None = self.__dict__.get(f"_{kind}_judged")
        return None if judged is None else judged.scores.detach()


def _features(judged: Judged) -> Tensor:
    if judged.features is None:
        raise GansearchError(
            "this discriminator has no dense or convolutional layer, so it has no features to match"
        )
    return judged.features().flatten(1).float()


def _half(features: Callable[[], Tensor], half: int) -> Tensor:
    both = features()
    return torch.split(both, len(both) // 2)[half]
