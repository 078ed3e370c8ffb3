"""The two networks of a candidate, each with its optimizer, and the generator that is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from gansearch.candidate import Candidate
from gansearch.components import ImageShape, Player
from gansearch.training.batches import BatchSampler
from gansearch.training.data_parallel import shared
from gansearch.training.distributed import ALONE, Ranks
from gansearch.training.ema import Average
from gansearch.training.precision import MemoryFormat, Precision, arrange, autocast


class TrainableNetwork:
    """A network that learns."""

    def __init__(
        self, network: nn.Module, lr: float, betas: tuple[float, float], ranks: Ranks
    ) -> None:
        self.network, self._ranks = network, ranks
        self.shared = shared(network, ranks)
        """The network as all ranks run it, each on its share of a batch."""
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=lr, betas=betas, fused=True)
        self._first = next((i for i, p in enumerate(self.parameters) if p.ndim > 1), 0)

    def learn(self, loss: Tensor) -> dict[str, Tensor]:
        """Take a step down the loss; gives the gradient's norm, whole and of the first weight."""
        self.optimizer.zero_grad(set_to_none=True)
        # Naming the inputs spares the gradients of the other network's weights.
        loss.backward(inputs=self.parameters)  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        self._ranks.average(gradients)
        first = self.parameters[self._first].grad
        norms = {"grad_norm": nn.utils.get_total_norm(gradients)}
        if first is not None:
            norms["first_grad_norm"] = torch.linalg.vector_norm(first)
        self.optimizer.step()
        return norms

    @property
    def settings(self) -> Settings:
        """What its optimizer is set to."""
        return tuple((group["lr"], group["betas"]) for group in self.optimizer.param_groups)


Settings = tuple[object, ...]
"""Numbers that an optimizer reads on the host at every step."""


class Judged(NamedTuple):
    """What the discriminator makes of a batch."""

    scores: Tensor
    """(N,)"""
    features: Callable[[], Tensor] | None
    """Gives its features (N, ...), gathered from all ranks, where it has a layer to take them from."""


class LastInput:
    """Remembers what the dense or convolutional layer of a network that ran last was given."""

    def __init__(self, network: nn.Module) -> None:
        self._tensor: Tensor | None = None
        for layer in network.modules():
            if isinstance(layer, (nn.Linear, _ConvNd)):
                layer.register_forward_pre_hook(self._remember)

    def _remember(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._tensor = inputs[0]

    def take(self) -> Tensor | None:
        """The tensor (N, ...), and forget it, lest its graph be kept alive."""
        tensor, self._tensor = self._tensor, None
        return tensor


class GANNetworks:
    """Generator and discriminator as they train."""

    def __init__(
        self,
        candidate: Candidate,
        shape: ImageShape,
        device: torch.device,
        precision: Precision,
        ranks: Ranks = ALONE,
        layout: MemoryFormat = "channels_last",
    ) -> None:
        schedule = candidate.schedule
        self.device, self._precision, self.ranks = device, precision, ranks
        self._candidate = candidate
        generator, discriminator = (
            arrange(network, device, layout) for network in candidate.networks(shape)
        )
        betas = (schedule.generator_beta1, schedule.generator_beta2)
        self.generator = TrainableNetwork(generator, schedule.generator_lr, betas, ranks)
        betas = (schedule.discriminator_beta1, schedule.discriminator_beta2)
        self.discriminator = TrainableNetwork(
            discriminator, schedule.discriminator_lr, betas, ranks
        )
        self._features = LastInput(discriminator)
        self._average = (
            Average(generator, schedule.generator_ema) if schedule.generator_ema > 0 else None
        )

    def __getitem__(self, player: Player) -> TrainableNetwork:
        return self.generator if player == "generator" else self.discriminator

    @property
    def judged(self) -> nn.Module:
        """The generator that is sampled and kept: the average where the schedule asks for one."""
        return self.generator.network if self._average is None else self._average.network

    def average(self) -> None:
        """Let the average follow the generator by a step."""
        if self._average is not None:
            self._average.follow()

    @property
    def feed_on_samples(self) -> bool:
        """Whether the generator is an autoencoder."""
        return self._candidate.generator.feeds_on == "samples"

    def latents(self, count: int) -> Tensor:
        return self._candidate.generator.draw_latents(count, self.device)

    def test_inputs(self, count: int, feed: BatchSampler) -> Tensor:
        """What the judged generator is tried on: latents, or test samples, of which there may be fewer."""
        return feed.held_out(count) if self.feed_on_samples else self.latents(count)

    def generate(self, inputs: Tensor) -> Tensor:
        """Samples (N, C, H, W), float32, of the generator in training."""
        with autocast(self._precision, self.device):
            samples: Tensor = self.generator.shared(inputs)
        return samples.float()

    def judge(self, samples: Tensor) -> Judged:
        """What the discriminator makes of samples (N, C, H, W)."""
        with autocast(self._precision, self.device):
            scores: Tensor = self.discriminator.shared(samples)
        features = self._features.take()
        gathered = None if features is None else partial(self.ranks.gathered, features, len(scores))
        return Judged(scores.float(), gathered)

    @torch.no_grad()
    def sample(self, inputs: Tensor, batch: int = 250) -> Tensor:
        """Samples (N, C, H, W), float32, of the generator that is judged, as it would be used."""
        judged = shared(self.judged, self.ranks)
        with _evaluating(self.judged):
            return torch.cat(
                [judged(part) for part in torch.split(inputs, batch * self.ranks.size)]
            )

    @property
    def settings(self) -> Settings:
        """What both optimizers are set to."""
        return self.generator.settings, self.discriminator.settings

    def tensors(self) -> list[Tensor]:
        """All that a step changes, where it lies: weights, statistics, the average, what the optimizers remember."""
        learners = (self.generator, self.discriminator)
        networks = [learner.network for learner in learners] + (
            [] if self._average is None else [self._average.network]
        )
        values = [
            value
            for network in networks
            for value in chain(network.parameters(), network.buffers())
        ]
        memories = [
            memory.values() for learner in learners for memory in learner.optimizer.state.values()
        ]
        return [value.detach() for value in chain(values, *memories)]

    @contextmanager
    def capturable(self) -> Iterator[None]:
        """Where the optimizers let themselves be captured. Fused, they compute the same; eagerly, they would warn."""
        groups = [
            *self.generator.optimizer.param_groups,
            *self.discriminator.optimizer.param_groups,
        ]
        for group in groups:
            group["capturable"] = True
        try:
            yield
        finally:
            for group in groups:
                group["capturable"] = False

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "generator": self.generator.network,
            "discriminator": self.discriminator.network,
            "generator_optimizer": self.generator.optimizer,
            "discriminator_optimizer": self.discriminator.optimizer,
        }
        return parts if self._average is None else parts | {"generator_average": self._average}


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    network.eval()
    try:
        yield
    finally:
        network.train()
