"""Tests of generators and discriminators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
import torch
from torch import Tensor, nn

from gansearch.components import Discriminator, Generator, ImageShape, Network
from gansearch.evaluation.counting import count_parameters
from gansearch.export.manifest import Input, Output
from gansearch.export.model_file import model_source
from gansearch.export.network_source import NetworkSourceError
from gansearch.export.onnx_file import write_onnx
from gansearch.testing.component import ComponentContract, variants

N = TypeVar("N", bound=Network)


class _NetworkContract(ComponentContract):
    shapes: ClassVar[Sequence[ImageShape]] = (ImageShape(1, 28, 28), ImageShape(3, 32, 32))
    """Shapes of samples that the network is built for."""

    def inputs(self, component: Any, shape: ImageShape) -> Tensor:
        raise NotImplementedError

    def networks(self, component: N) -> Iterator[tuple[N, ImageShape, nn.Module]]:
        """Build every variant for every shape; a ValueError refuses a shape."""
        built = 0
        for variant in variants(component):
            for shape in self.shapes:
                try:
                    network = variant.build(shape)
                except ValueError as error:
                    assert str(error), "a ValueError of build needs a message"
                    continue
                built += 1
                yield variant, shape, network
        assert built, "no variant could be built for any shape"

    def test_has_a_finite_gradient_for_every_weight(self, component: Network) -> None:
        for variant, shape, network in self.networks(component):
            network(self.inputs(variant, shape)).square().sum().backward()
            for name, weight in network.named_parameters():
                assert weight.grad is not None, f"{name} has no gradient"
                assert weight.grad.isfinite().all(), f"the gradient of {name} is not finite"

    def test_counts_the_same_on_the_meta_device(self, component: Network) -> None:
        for variant, shape, network in self.networks(component):
            with torch.device("meta"):
                assert count_parameters(variant.build(shape)) == count_parameters(network)

    def test_is_built_the_same_from_the_same_seed(self, component: Network) -> None:
        for variant, shape, _ in self.networks(component):
            states = []
            for _ in range(2):
                torch.manual_seed(0)
                states.append(variant.build(shape).state_dict())
            assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


class GeneratorContract(_NetworkContract):
    """Tests of a generator."""

    def inputs(self, component: Generator, shape: ImageShape) -> Tensor:
        if component.feeds_on == "samples":
            return torch.randn(4, *shape)
        latents = component.draw_latents(4, "cpu")
        assert latents.shape == (4, *component.input_shape(shape))
        return latents

    def test_returns_a_sample_for_every_input(self, component: Generator) -> None:
        for variant, shape, network in self.networks(component):
            assert network(self.inputs(variant, shape)).shape == (4, *shape)

    def test_is_the_same_network_in_plain_torch(self, component: Generator) -> None:
        """Execute `model.py` as an exported bundle holds it; skipped where it is left out."""
        for variant, shape, network in self.networks(component):
            takes = Input(kind="custom", shape=variant.input_shape(shape))
            gives = Output(shape=tuple(shape), is_image=False, value_range=(-1.0, 1.0))
            try:
                source = model_source(network, takes, gives)
            except NetworkSourceError as error:
                pytest.skip(f"its bundles have no model.py: {error}")
            model: dict[str, Any] = {"__name__": "model", "__file__": "model.py"}
            exec(compile(source, "model.py", "exec"), model)
            again = model["build"]()
            again.load_state_dict(network.state_dict())
            inputs = self.inputs(variant, shape)
            with torch.no_grad():
                assert torch.equal(again.eval()(inputs), network.eval()(inputs))

    def test_is_the_same_network_in_onnx(self, component: Generator, tmp_path: Path) -> None:
        """Export the component itself for its first shape; variants would take minutes."""
        pytest.importorskip("onnxscript", reason="needs gansearch[export]")
        variant, shape, network = next(self.networks(component))
        inputs = torch.cat([self.inputs(variant, shape) for _ in range(4)])
        write_onnx(network.eval(), inputs, tmp_path / "generator.onnx")


class DiscriminatorContract(_NetworkContract):
    """Tests of a discriminator."""

    def inputs(self, component: Discriminator, shape: ImageShape) -> Tensor:
        return torch.randn(8, *shape)

    def test_returns_a_score_for_every_sample_or_for_every_pack_of_samples(
        self, component: Discriminator
    ) -> None:
        for variant, shape, network in self.networks(component):
            samples = self.inputs(variant, shape)
            scores, twice_as_many = network(samples), network(torch.cat([samples, samples]))
            assert scores.ndim == 1
            assert len(samples) % len(scores) == 0
            assert len(twice_as_many) == 2 * len(scores)
