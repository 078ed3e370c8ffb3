"""Contract tests for components, one class for each role.

Subclass the one of your role and supply the component as a fixture:

    class TestMyGenerator(GeneratorContract):
        @pytest.fixture
        def component(self) -> Generator:
            return MyGenerator()

Every test runs on the component itself and, where fields have domains, on random draws from them.
"""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gansearch.components import (
    Component,
    Data,
    Dataset,
    Detector,
    Discriminator,
    Extractor,
    Generator,
    ImageShape,
    Loss,
    Metric,
    Network,
    SampleMetric,
    Schedule,
    SizeMetric,
    Split,
)
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.counting import count_parameters
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.extractors import LoadedExtractor
from gansearch.export.manifest import Input, Output
from gansearch.export.model_file import model_source
from gansearch.export.network_source import NetworkSourceError
from gansearch.export.onnx_file import write_onnx
from gansearch.signals import COLUMNS, LOG_COLUMNS, Row

DRAWS = 8
"""Random draws that each test runs on."""
C = TypeVar("C", bound=Component)
N = TypeVar("N", bound=Network)


class RandomSource:
    """Source of uniformly random values with the methods of an Optuna trial.

    >>> RandomSource(seed=0).suggest_int("width", 8, 64, step=8)
    56
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        if log:
            return min(high, int(math.exp(self._random.uniform(math.log(low), math.log(high + 1)))))
        return self._random.randrange(low, high + 1, step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if log:
            return math.exp(self._random.uniform(math.log(low), math.log(high)))
        if step is not None:
            return low + step * self._random.randint(0, int((high - low) / step))
        return self._random.uniform(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)


def variants(component: C) -> Iterator[C]:
    """Yield the component, and components with random draws of its searchable fields."""
    yield component
    domains = type(component).domains()
    for seed in range(DRAWS if domains else 0):
        source = RandomSource(seed)
        drawn = {name: domain.draw(source, name) for name, domain in domains.items()}
        yield type(component).model_validate(component.model_dump() | drawn)


class ComponentContract:
    """Tests of every component."""

    @pytest.fixture
    def component(self) -> Component:
        """The component under test."""
        raise NotImplementedError("a contract test supplies a `component` fixture")

    def test_has_a_summary_in_its_docstring(self, component: Component) -> None:
        assert type(component).summary()

    def test_describes_every_field(self, component: Component) -> None:
        for name, field in type(component).model_fields.items():
            assert field.description, f"{name} needs a docstring under the field"

    def test_is_the_same_after_a_round_trip_through_json(self, component: Component) -> None:
        for variant in variants(component):
            assert type(variant).model_validate_json(variant.model_dump_json()) == variant

    def test_is_the_same_after_pickling(self, component: Component) -> None:
        for variant in variants(component):
            assert pickle.loads(pickle.dumps(variant)) == variant

    def test_refuses_fields_that_it_does_not_have(self, component: Component) -> None:
        with pytest.raises(ValueError, match="no_such_field"):
            type(component).model_validate(component.model_dump() | {"no_such_field": 1})


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


class _FixedLossInputs:
    """Loss inputs of two small networks, computed at once."""

    def __init__(self, feeds_on: Literal["latents", "samples"]) -> None:
        torch.manual_seed(0)
        width = 4 if feeds_on == "samples" else 2
        self.generator: nn.Module = nn.Sequential(
            nn.Flatten(), nn.Linear(width, 4), nn.Unflatten(1, (1, 2, 2))
        )
        self.discriminator: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(4, 1), nn.Flatten(0))
        self.step, self.steps = 1, 2
        self.real = torch.randn(8, 1, 2, 2)
        self.inputs = self.real if feeds_on == "samples" else torch.randn(8, width)
        self.fake = self.generator(self.inputs)
        self.real_features, self.fake_features = self.real.flatten(1), self.fake.flatten(1)
        self.real_scores = self.discriminator(self.real)
        self.fake_scores = self.discriminator(self.fake)
        self.notes: dict[str, Tensor] = {}

    def note(self, name: str, value: Tensor) -> None:
        assert value.shape == (), f"{name} is not a scalar"
        self.notes[name] = value


class LossContract(ComponentContract):
    """Tests of a loss."""

    objectives: ClassVar[Sequence[str]] = (
        "discriminate",
        "discriminate_real",
        "discriminate_fake",
        "generate",
    )
    """Methods that a phase may name."""
    feeds_on: ClassVar[Literal["latents", "samples"]] = "latents"
    """Inputs of the generators that the loss is made for."""

    def test_every_objective_is_a_finite_scalar_with_a_gradient(self, component: Loss) -> None:
        for variant in variants(component):
            for objective in self.objectives:
                loss = getattr(variant, objective)(_FixedLossInputs(self.feeds_on))
                assert loss.shape == (), objective
                assert loss.isfinite(), objective
                assert loss.requires_grad, objective

    def test_a_better_discriminator_has_a_lower_loss(self, component: Loss) -> None:
        good, bad = torch.full((4,), 0.9), torch.full((4,), 0.1)
        assert component.of_real(good) < component.of_real(bad)
        assert component.of_fake(bad) < component.of_fake(good)
        assert component.of_generator(good) < component.of_generator(bad)

    def test_logits_increase_with_the_scores(self, component: Loss) -> None:
        logits = component.logits(torch.tensor([0.2, 0.6]))
        assert logits is None or logits[0] < logits[1]


class ScheduleContract(ComponentContract):
    """Tests of a schedule."""

    loss: ClassVar[type] = Loss
    """Loss with the objectives that the phases name."""
    patience: ClassVar[int] = 20
    """Steps within which both networks must be trained, at 10 steps per epoch.

    A schedule with a field `epochs` has so many times `epochs`.
    """

    def test_both_networks_are_trained_within_patience(self, component: Schedule) -> None:
        for variant in variants(component):
            phases = variant.phases(steps_per_epoch=10)
            steps = range(self.patience * max(1, getattr(variant, "epochs", 1)))
            assert {phase.trains for step in steps for phase in phases if phase.due(step)} == {
                "generator",
                "discriminator",
            }

    def test_every_phase_names_an_objective_of_the_loss(self, component: Schedule) -> None:
        for phase in component.phases(steps_per_epoch=10):
            assert callable(getattr(self.loss, phase.objective, None)), phase.objective


class DatasetContract(ComponentContract):
    """Tests of a data set."""

    def test_samples_have_the_shape_and_the_type_that_the_data_declares(
        self, component: Dataset
    ) -> None:
        data = component.load()
        for split in (data.train, data.test):
            assert split.samples.ndim == 4
            assert split.samples.shape[1:] == data.shape
            assert len(split.samples) >= 1
            assert split.labels is None or len(split.labels) == len(split.samples)
        assert data.train.samples.dtype == data.test.samples.dtype
        assert data.train.samples.dtype in (np.uint8, np.float32)

    def test_the_same_component_loads_the_same_data(self, component: Dataset) -> None:
        again = type(component).model_validate(component.model_dump())
        assert component.load().digest == again.load().digest

    def test_its_location_names_fields_of_its_own(self, component: Dataset) -> None:
        assert component.location <= {*type(component).model_fields}

    def test_its_summary_counts_the_samples(self, component: Dataset) -> None:
        data = component.load()
        counts = f"{len(data.train.samples)} train, {len(data.test.samples)} test"
        assert counts in data.summary

    def test_names_the_source_of_the_data(self, component: Dataset) -> None:
        assert component.load().source


def sample_data(samples: int = 64) -> Data:
    """Make small images of noise, on which a metric can be tried."""
    pixels = np.random.default_rng(0).integers(0, 256, (samples, 1, 28, 28), dtype=np.uint8)
    return Data(train=Split(pixels), test=Split(pixels), source="noise", digest="0" * 64)


class ExtractorContract(ComponentContract):
    """Tests of an extractor."""

    shapes: ClassVar[Sequence[ImageShape]] = (ImageShape(3, 32, 32), ImageShape(3, 40, 24))
    """Shapes of images that the extractor takes."""

    def images(self, shape: ImageShape) -> Tensor:
        """Make six different images of noise."""
        levels = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
        return torch.from_numpy(levels)

    def loaded(self, component: Extractor) -> Iterator[tuple[ImageShape, LoadedExtractor]]:
        for shape in self.shapes:
            yield shape, LoadedExtractor(component.load(shape))

    def test_gives_as_many_finite_features_for_every_image(self, component: Extractor) -> None:
        for shape, extractor in self.loaded(component):
            features = extractor.features(self.images(shape))
            assert features.ndim == 2 and len(features) == 6
            assert features.dtype == torch.float32
            assert features.isfinite().all()

    def test_different_images_have_different_features(self, component: Extractor) -> None:
        for shape, extractor in self.loaded(component):
            assert torch.pdist(extractor.features(self.images(shape))).min() > 0

    def test_features_do_not_depend_on_the_other_images(self, component: Extractor) -> None:
        for shape, extractor in self.loaded(component):
            images = self.images(shape)
            alone = torch.cat([extractor.features(images[i : i + 1]) for i in range(len(images))])
            together = extractor.features(images)
            apart = (together - alone).abs().max()
            assert apart <= 1e-3 * together.abs().max(), f"features differ by {apart:g}"

    def test_is_loaded_with_the_same_name_and_digest_again(self, component: Extractor) -> None:
        for shape in self.shapes:
            one, again = component.load(shape), component.load(shape)
            assert (one.name, one.digest) == (again.name, again.digest)
            assert one.name
            assert len(one.digest) == 64 and {*one.digest} <= {*"0123456789abcdef"}

    def test_its_location_names_fields_of_its_own(self, component: Extractor) -> None:
        assert component.location <= {*type(component).model_fields}


class MetricContract(ComponentContract):
    """Tests of a metric."""

    def test_has_a_direction(self, component: Metric) -> None:
        assert component.direction in ("minimize", "maximize")

    def test_measures_the_same_number_twice(self, component: Metric) -> None:
        figures = [self.measure(component) for _ in range(2)]
        assert isinstance(figures[0], (int, float))
        assert figures[0] == figures[1] or all(math.isnan(figure) for figure in figures)

    def measure(self, component: Metric) -> float:
        """Measure the metric on noise, or on small networks."""
        if isinstance(component, SampleMetric):
            torch.manual_seed(0)
            return component.measure(
                TrainedEvidence(sample_data(), torch.rand(64, 1, 28, 28) * 2 - 1)
            )
        assert isinstance(component, SizeMetric)
        with torch.device("meta"):
            generator = nn.Sequential(nn.Linear(4, 784), nn.Unflatten(1, (1, 28, 28)))
            discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
        return component.count(generator, discriminator, torch.empty(1, 4, device="meta"))


class DetectorContract(ComponentContract):
    """Tests of a detector."""

    balanced: ClassVar[Row] = {
        "d_loss_real": 0.6,
        "d_loss_fake": 0.6,
        "d_acc_real": 0.75,
        "d_acc_fake": 0.75,
        "g_loss": 1.0,
        "d_grad_norm": 1.0,
        "g_grad_norm": 1.0,
        "d_logit_real": 0.5,
        "d_logit_fake": -0.5,
        "dominance": 1.2,
        "pair_ratio": 0.9,
        "coverage": 0.3,
        "duplicates": 0.01,
        "coarse_duplicates": 0.01,
        "spread": 0.95,
        "levels": 0.2,
        "mmd": 50.0,
    }
    """Signals of a healthy run."""

    def test_calls_a_balanced_run_healthy(self, component: Detector) -> None:
        watch = RunWatch([component])
        for step in range(1, 2001):
            watch.observe(step, self.balanced)
        assert watch.conclude().status == "healthy"

    def test_reads_columns_that_exist(self, component: Detector) -> None:
        known = {*COLUMNS, *LOG_COLUMNS}
        assert {
            name for alternatives in component.reads for name in alternatives.split("|")
        } <= known

    def test_is_healthy_without_signals(self, component: Detector) -> None:
        watch = RunWatch([component])
        assert watch.observe(1, {}).status == "unjudged"
        assert watch.conclude().status == "unjudged"

    def test_each_watch_has_its_own_state(self, component: Detector) -> None:
        assert component.watch() is not component.watch()
