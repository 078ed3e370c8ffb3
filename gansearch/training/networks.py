"""Generator and discriminator in training, each with its optimizer, and the generator's EMA."""

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
from gansearch.components import ImageShape, Player, Schedule
from gansearch.training.batches import BatchSampler
from gansearch.training.data_parallel import shared
from gansearch.training.distributed import SINGLE, Ranks
from gansearch.training.ema import EMA
from gansearch.training.optimizers import decay_factor, make_optimizer
from gansearch.training.precision import MemoryFormat, Precision, autocast, to_device

OptimizerSettings = tuple[object, ...]
"""Numbers that an optimizer reads on the host at every step."""


class TrainableNetwork:
    """Network with its optimizer."""

    def __init__(
        self, network: nn.Module, schedule: Schedule, player: Player, ranks: Ranks
    ) -> None:
        self.network, self._ranks = network, ranks
        self.shared = shared(network, ranks)
        """The network as all ranks run it, each on its share of a batch."""
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(schedule, player, self.parameters)
        self._first_lr = self.optimizer.defaults["lr"]
        self._first_weight = next((i for i, p in enumerate(self.parameters) if p.ndim > 1), 0)

    def update(self, loss: Tensor) -> dict[str, Tensor]:
        """Take an optimizer step; return the gradient's norm, whole and of the first weight."""
        self.optimizer.zero_grad(set_to_none=True)
        # `inputs` saves the gradients of the other network's weights.
        loss.backward(inputs=self.parameters)  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        self._ranks.average_gradients(gradients)
        first = self.parameters[self._first_weight].grad
        norms = {"grad_norm": nn.utils.get_total_norm(gradients)}
        if first is not None:
            norms["first_grad_norm"] = torch.linalg.vector_norm(first)
        self.optimizer.step()
        return norms

    def scale_learning_rate(self, factor: float) -> None:
        """Set the learning rate to a multiple of that of the schedule."""
        for group in self.optimizer.param_groups:
            group["lr"] = factor * self._first_lr

    @property
    def optimizer_settings(self) -> OptimizerSettings:
        """Learning rate and betas of each parameter group."""
        return tuple((group["lr"], group.get("betas")) for group in self.optimizer.param_groups)


class DiscriminatorOutput(NamedTuple):
    """Scores and features of a batch."""

    scores: Tensor
    """Scores (N,)."""
    features: Callable[[], Tensor] | None
    """Getter of the features (N, ...) of all ranks; None if no layer has any."""


class LastLayerInput:
    """Input of the dense or convolutional layer of a network that ran last."""

    def __init__(self, network: nn.Module) -> None:
        self._tensor: Tensor | None = None
        for layer in network.modules():
            if isinstance(layer, (nn.Linear, _ConvNd)):
                layer.register_forward_pre_hook(self._keep)

    def _keep(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._tensor = inputs[0]

    def pop(self) -> Tensor | None:
        """Return the tensor (N, ...) and drop it, so that its graph is freed."""
        tensor, self._tensor = self._tensor, None
        return tensor


class GANNetworks:
    """Generator and discriminator of a candidate in training."""

    def __init__(
        self,
        candidate: Candidate,
        shape: ImageShape,
        device: torch.device,
        precision: Precision,
        ranks: Ranks = SINGLE,
        memory_format: MemoryFormat = "channels_last",
    ) -> None:
        schedule = candidate.schedule
        self.device, self.ranks = device, ranks
        self._candidate, self._precision = candidate, precision
        generator, discriminator = (
            to_device(network, device, memory_format) for network in candidate.networks(shape)
        )
        self.generator = TrainableNetwork(generator, schedule, "generator", ranks)
        self.discriminator = TrainableNetwork(discriminator, schedule, "discriminator", ranks)
        self._features = LastLayerInput(discriminator)
        self._ema = EMA(generator, schedule.generator_ema) if schedule.generator_ema > 0 else None

    def __getitem__(self, name: Player) -> TrainableNetwork:
        return self.generator if name == "generator" else self.discriminator

    @property
    def evaluated_generator(self) -> nn.Module:
        """Generator that is sampled and saved: the EMA if the schedule has one."""
        return self.generator.network if self._ema is None else self._ema.network

    def decay_learning_rates(self, step: int, steps: int) -> None:
        """Set both learning rates for a step, counted from 1; leave constant ones alone."""
        decay = self._candidate.schedule.decay
        if decay != "constant":
            for network in (self.generator, self.discriminator):
                network.scale_learning_rate(decay_factor(decay, step, steps))

    def update_ema(self) -> None:
        """Update the generator's EMA, if there is one."""
        if self._ema is not None:
            self._ema.update()

    @property
    def is_autoencoder(self) -> bool:
        """True if the generator maps samples, not latents, to samples."""
        return self._candidate.generator.feeds_on == "samples"

    def draw_latents(self, count: int) -> Tensor:
        """Draw latents (count, latent)."""
        return self._candidate.generator.draw_latents(count, self.device)

    def evaluation_inputs(self, count: int, batches: BatchSampler) -> Tensor:
        """Return inputs for the evaluated generator: latents, or at most `count` test samples."""
        if self.is_autoencoder:
            return batches.test_samples(count)
        return self.draw_latents(count)

    def generate(self, inputs: Tensor) -> Tensor:
        """Return samples (N, C, H, W), float32, of the generator in training."""
        with autocast(self._precision, self.device):
            samples: Tensor = self.generator.shared(inputs)
        return samples.float()

    def discriminate(self, samples: Tensor) -> DiscriminatorOutput:
        """Return the discriminator's scores and features of samples (N, C, H, W)."""
        with autocast(self._precision, self.device):
            scores: Tensor = self.discriminator.shared(samples)
        features = self._features.pop()
        scores = scores.float()
        if features is None:
            return DiscriminatorOutput(scores, None)
        return DiscriminatorOutput(scores, partial(self.ranks.gather, features, len(scores)))

    @torch.no_grad()
    def sample(self, inputs: Tensor, batch: int = 250) -> Tensor:
        """Return samples (N, C, H, W), float32, of the evaluated generator in evaluation mode."""
        generator = shared(self.evaluated_generator, self.ranks)
        parts = torch.split(inputs, batch * self.ranks.size)
        self.evaluated_generator.eval()
        try:
            return torch.cat([generator(part) for part in parts])
        finally:
            self.evaluated_generator.train()

    @property
    def optimizer_settings(self) -> OptimizerSettings:
        """Settings of both optimizers."""
        return self.generator.optimizer_settings, self.discriminator.optimizer_settings

    def tensors(self) -> list[Tensor]:
        """Return all tensors that a step changes: weights, statistics, EMA and optimizers."""
        trained = (self.generator, self.discriminator)
        modules = [one.network for one in trained]
        if self._ema is not None:
            modules.append(self._ema.network)
        tensors = [value for m in modules for value in chain(m.parameters(), m.buffers())]
        states = [state.values() for one in trained for state in one.optimizer.state.values()]
        return [value.detach() for value in chain(tensors, *states)]

    @contextmanager
    def capturable(self) -> Iterator[None]:
        """Allow CUDA graphs to capture the optimizers, which compute the same either way."""
        groups = [
            *self.generator.optimizer.param_groups,
            *self.discriminator.optimizer.param_groups,
        ]
        before = [group["capturable"] for group in groups]
        for group in groups:
            group["capturable"] = True
        try:
            yield
        finally:
            for group, capturable in zip(groups, before, strict=True):
                group["capturable"] = capturable

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
        return parts if self._ema is None else parts | {"generator_ema": self._ema}
