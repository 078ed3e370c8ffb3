"""Layer tables of two networks, counted on the meta device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from gansearch.candidate import Candidate
from gansearch.components import ImageShape
from gansearch.evaluation.counting import Counts, count_parameters


@dataclass(frozen=True)
class Layer:
    """One line of a layer table."""

    name: str
    type: str
    output: tuple[int, ...] | None
    """Shape for one sample; None for a layer that was never called."""
    parameters: int
    trainable: int


@dataclass(frozen=True)
class NetworkTable:
    """A network's layers and totals."""

    layers: tuple[Layer, ...]
    counts: Counts

    def to_json(self) -> dict[str, Any]:
        return _totals(self.counts) | {"layers": [asdict(layer) for layer in self.layers]}


@dataclass(frozen=True)
class GANTable:
    """Both networks, and the GAN: the generator with a frozen discriminator behind it."""

    generator: NetworkTable
    discriminator: NetworkTable

    @property
    def counts(self) -> Counts:
        total = self.generator.counts.total + self.discriminator.counts.total
        return Counts(total, self.generator.counts.trainable)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON of `summary --json`."""
        return {
            "generator": self.generator.to_json(),
            "discriminator": self.discriminator.to_json(),
            "gan": _totals(self.counts) | {"layers": ["generator", "discriminator"]},
        }


def gan_table(candidate: Candidate, images: ImageShape) -> GANTable:
    """Return the tables of a candidate's networks for samples of this shape.

    Raises:
        ValueError: when a network cannot be built for this shape.
    """
    with torch.device("meta"):
        generator, discriminator = candidate.networks(images)
        # Several samples: batch norm needs a batch, and some discriminators judge packs.
        inputs = torch.empty(64, *candidate.generator.input_shape(images))
        samples = torch.empty(64, *images)
    return GANTable(network_table(generator, inputs), network_table(discriminator, samples))


def network_table(network: nn.Module, inputs: Tensor) -> NetworkTable:
    """Return the layers of a network in the order in which it holds them."""
    shapes = _output_shapes(network, inputs)
    layers = []
    for name, module in _layers(network):
        # A parametrised layer keeps its weight in a child module, which is not a layer, and
        # PyTorch derives a class for it.
        counts = count_parameters(module, recurse=is_parametrized(module))
        type_name = type(module).__name__.removeprefix("Parametrized")
        layers.append(Layer(name, type_name, shapes.get(name), counts.total, counts.trainable))
    return NetworkTable(tuple(layers), count_parameters(network))


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules without children, and those that hold parameters of their own."""
    for name, module in network.named_modules():
        if "parametrizations" in name.split("."):
            continue
        is_leaf = not any(True for _ in module.children())
        own = count_parameters(module, recurse=False).total
        if is_leaf or is_parametrized(module) or own:
            yield name, module


def _output_shapes(network: nn.Module, inputs: Tensor) -> dict[str, tuple[int, ...]]:
    """Return the shape of each layer's output, without the batch, from a meta-device pass."""
    shapes: dict[str, tuple[int, ...]] = {}

    def hook_for(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                shapes[name] = tuple(output.shape[1:])

        return hook

    was_training = network.training
    with ExitStack() as hooks, torch.no_grad():
        for name, module in _layers(network):
            hooks.callback(module.register_forward_hook(hook_for(name)).remove)
        network.eval()
        try:
            network(inputs)
        except (NotImplementedError, RuntimeError):
            # A network that branches on values has no meta pass; its parameters still count.
            shapes.clear()
        finally:
            network.train(was_training)
    return shapes


def _totals(counts: Counts) -> dict[str, int]:
    return {
        "total": counts.total,
        "trainable": counts.trainable,
        "non_trainable": counts.non_trainable,
    }
