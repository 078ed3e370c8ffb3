"""Losses: formulas on scores, and the objectives that the phases of a schedule name."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from gansearch.components.component import Component

if TYPE_CHECKING:
    from torch import Tensor, nn


class LossInputs(Protocol):
    """Tensors and networks of a training step that a loss can use, computed on first access."""

    @property
    def step(self) -> int:
        """Number of the current step, counted from 1."""

    @property
    def steps(self) -> int:
        """Number of steps of the whole training."""

    @property
    def real(self) -> Tensor:
        """Real samples, (N, C, H, W)."""

    @property
    def inputs(self) -> Tensor:
        """Inputs of the generator: latents (N, latent), or `real` where it feeds on samples."""

    @property
    def fake(self) -> Tensor:
        """Generated samples, (N, C, H, W), with a gradient to the generator when it is trained."""

    @property
    def real_scores(self) -> Tensor:
        """Scores of `real` from the discriminator, (N,)."""

    @property
    def fake_scores(self) -> Tensor:
        """Scores of `fake` from the discriminator, (N,)."""

    @property
    def real_features(self) -> Tensor:
        """Inputs (N, F) of the discriminator's last dense or convolutional layer, for `real`."""

    @property
    def fake_features(self) -> Tensor:
        """Inputs (N, F) of the discriminator's last dense or convolutional layer, for `fake`."""

    @property
    def generator(self) -> nn.Module:
        """Network of the generator."""

    @property
    def discriminator(self) -> nn.Module:
        """Network of the discriminator."""

    def note(self, name: str, value: Tensor) -> None:
        """Record a scalar among the signals of the step, under a name that the loss chooses."""


class Loss(Component):
    """Formulas on scores, and the objectives made from them that the phases of a schedule name.

    A loss defines `of_real`, `of_fake` and `of_generator`. One that needs more than scores (a
    penalty, a reconstruction) overrides or adds objectives: a phase can name any method that maps
    `LossInputs` to a scalar tensor.

        class Hinge(Loss):
            def of_real(self, scores: Tensor) -> Tensor:
                return relu(1 - scores).mean()

            def of_fake(self, scores: Tensor) -> Tensor:
                return relu(1 + scores).mean()

            def of_generator(self, scores: Tensor) -> Tensor:
                return -scores.mean()
    """

    role: ClassVar[str] = "loss"

    @abstractmethod
    def of_real(self, scores: Tensor) -> Tensor:
        """Return the discriminator's loss, a scalar, for scores (N,) of real samples."""

    @abstractmethod
    def of_fake(self, scores: Tensor) -> Tensor:
        """Return the discriminator's loss, a scalar, for scores (N,) of generated samples."""

    @abstractmethod
    def of_generator(self, scores: Tensor) -> Tensor:
        """Return the generator's loss, a scalar, for scores (N,) of generated samples."""

    def logits(self, scores: Tensor) -> Tensor | None:
        """Convert scores to log-odds of being real, for the signals; None where undefined."""
        return scores

    def relative(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (N,) that the formulas take, from those of real and generated samples.

        They are the same, unless the loss compares the samples with each other.
        """
        return real, fake

    def discriminate(self, inputs: LossInputs) -> Tensor:
        """Objective of the discriminator on real and generated samples."""
        return self.of_real(inputs.real_scores) + self.of_fake(inputs.fake_scores)

    def discriminate_real(self, inputs: LossInputs) -> Tensor:
        """Objective of the discriminator on real samples alone."""
        return self.of_real(inputs.real_scores)

    def discriminate_fake(self, inputs: LossInputs) -> Tensor:
        """Objective of the discriminator on generated samples alone."""
        return self.of_fake(inputs.fake_scores)

    def generate(self, inputs: LossInputs) -> Tensor:
        """Objective of the generator: samples that the discriminator takes for real."""
        return self.of_generator(inputs.fake_scores)


class PairLoss(Loss):
    """Loss on pairs of a real and a generated sample: on the difference between their scores.

    It defines one formula, `of_pairs`, since a score alone means nothing to it.

        class Relativistic(PairLoss):
            def of_pairs(self, differences: Tensor) -> Tensor:
                return softplus(-differences).mean()
    """

    @abstractmethod
    def of_pairs(self, differences: Tensor) -> Tensor:
        """Return the loss, a scalar, for differences (N,) between scores.

        They are above zero where the network that is trained has the better of the pair: for the
        discriminator where the real sample has the higher score, for the generator the other.
        """

    def relative(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the score (N,) of each sample relative to the other one of its pair."""
        return real - fake, fake - real

    def of_real(self, scores: Tensor) -> Tensor:
        """Return the discriminator's loss for relative scores (N,) of real samples."""
        return self.of_pairs(scores)

    def of_fake(self, scores: Tensor) -> Tensor:
        """Return the discriminator's loss for relative scores (N,) of generated samples."""
        return self.of_pairs(-scores)

    def of_generator(self, scores: Tensor) -> Tensor:
        """Return the generator's loss for relative scores (N,) of generated samples."""
        return self.of_pairs(scores)

    def discriminate(self, inputs: LossInputs) -> Tensor:
        """Objective of the discriminator: the real sample of each pair has the higher score."""
        return self.of_pairs(inputs.real_scores - inputs.fake_scores)

    def discriminate_real(self, inputs: LossInputs) -> Tensor:
        """Objective of the discriminator on half a batch, which are pairs all the same."""
        return self.of_pairs(inputs.real_scores - inputs.fake_scores)

    def discriminate_fake(self, inputs: LossInputs) -> Tensor:
        """Objective of the discriminator on half a batch, which are pairs all the same."""
        return self.of_pairs(inputs.real_scores - inputs.fake_scores)

    def generate(self, inputs: LossInputs) -> Tensor:
        """Objective of the generator: its sample of each pair has the higher score."""
        return self.of_pairs(inputs.fake_scores - inputs.real_scores)
