"""Components: the contract between gansearch and what plugs into it, one base class a role.

A component is a frozen, validated pydantic model. `Field` bounds say which values may exist; a
domain in the annotation says which ones `search: true` tries. Tensors are `NCHW`: N samples,
C channels, H rows, W columns; a point in the plane is a sample of shape (2, 1, 1).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gansearch.domains import Domain, FloatRange
from gansearch.errors import DomainError
from gansearch.run_context import RunContext
from gansearch.signals import Row, Verdict

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

API_VERSION = 1
"""Raised when a plugin written for the contract as it stands here would no longer work."""


class ImageShape(NamedTuple):
    """The shape of one sample."""

    channels: int
    height: int
    width: int

    @property
    def numel(self) -> int:
        return self.channels * self.height * self.width


class Component(BaseModel):
    """Something that a study can name in `use:` and that a search can vary."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    role: ClassVar[str]
    # Stays 1 for ever: a plugin that declares nothing was written for the first version.
    api_version: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, domain in cls.domains().items():
            try:
                check_domain(cls, name, domain)
            except DomainError as error:
                raise DomainError(f"{cls.__name__}.{name}: {error}") from None

    @classmethod
    def domains(cls) -> dict[str, Domain]:
        """What `search: true` tries: the fields with a domain in their annotation."""
        return {
            name: entry
            for name, field in cls.model_fields.items()
            for entry in field.metadata
            if isinstance(entry, Domain)
        }

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]


def check_field(component: type[Component], name: str, value: object) -> Any:
    """Validate one field's value by itself.

    Raises:
        ValidationError: as pydantic words it.
    """
    field = component.model_fields[name]
    legal = [entry for entry in field.metadata if not isinstance(entry, Domain)]
    annotation: Any = Annotated[field.annotation, Field(), *legal]
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False)).validate_python(value)


def check_domain(component: type[Component], name: str, domain: Domain) -> None:
    """Hold a domain against the values that its field allows.

    Raises:
        DomainError: naming the rule and the value that breaks it.
    """
    for value in domain.extremes():
        try:
            check_field(component, name, value)
        except ValidationError as error:
            rule = error.errors()[0]["msg"]
            raise DomainError(
                f"the domain {domain} holds {value!r}, which the field refuses: {rule}"
            ) from None


def is_whole(component: type[Component], name: str) -> bool:
    """Whether a field takes whole numbers and nothing finer."""
    for value in (0.5, 1.5, 2.5):
        try:
            check_field(component, name, value)
        except ValidationError as error:
            if any(problem["type"] in ("int_from_float", "int_type") for problem in error.errors()):
                return True
    return False


# --------------------------------------------------------------------------------------------------
# Networks


class Network(Component):
    """A component that builds a network, on whatever device torch's default names."""

    @abstractmethod
    def build(self, images: ImageShape) -> nn.Module:
        """Build the network, initialised, for samples of this shape.

        Called under `torch.device("meta")` too, to count without memory: no tensor's value may be
        looked at.

        Raises:
            ValueError: when these fields and this shape do not go together.
        """


class Generator(Network):
    """Builds a module that maps latents of shape (N, latent) to samples (N, C, H, W).

    One that feeds on samples is an autoencoder: it maps samples (N, C, H, W) of the data to samples,
    and `latent` is the width of its bottleneck.
    """

    role: ClassVar[str] = "generator"
    feeds_on: ClassVar[Literal["latents", "samples"]] = "latents"

    latent: Annotated[int, Field(ge=1)]

    def input_shape(self, images: ImageShape) -> tuple[int, ...]:
        """The shape of one input, for samples of this shape."""
        return tuple(images) if self.feeds_on == "samples" else (self.latent,)

    def draw_latents(self, count: int, device: torch.device | str) -> Tensor:
        """Latents of shape (count, latent), standard normal."""
        import torch

        return torch.randn(count, self.latent, device=device)


class Discriminator(Network):
    """Builds a module that maps samples (N, C, H, W) to scores: high means real.

    There is a score for each sample, (N,), or one for every m samples that are judged together, (N // m,).
    """

    role: ClassVar[str] = "discriminator"

    def matched(self, generator: nn.Module, images: ImageShape) -> Discriminator:
        """The discriminator for a generator that is built already: itself, unless it takes its size from that one."""
        return self


# --------------------------------------------------------------------------------------------------
# Losses


class LossInputs(Protocol):
    """What a loss can see of a training step. Everything is computed when first asked for."""

    @property
    def step(self) -> int:
        """The step under way, counted from 1."""

    @property
    def steps(self) -> int:
        """Of the whole training."""

    @property
    def real(self) -> Tensor:
        """Real samples, (N, C, H, W)."""

    @property
    def inputs(self) -> Tensor:
        """What `fake` was generated from: latents (N, latent), or `real` where the generator feeds on samples."""

    @property
    def fake(self) -> Tensor:
        """Generated samples, (N, C, H, W), through which gradients reach the generator when it learns."""

    @property
    def real_scores(self) -> Tensor:
        """The discriminator's scores of `real`, (N,)."""

    @property
    def fake_scores(self) -> Tensor:
        """The discriminator's scores of `fake`, (N,)."""

    @property
    def real_features(self) -> Tensor:
        """What the discriminator's last dense or convolutional layer was given of `real`, (N, F)."""

    @property
    def fake_features(self) -> Tensor:
        """The same of `fake`, (N, F)."""

    @property
    def generator(self) -> nn.Module:
        """The generator's network."""

    @property
    def discriminator(self) -> nn.Module:
        """The discriminator's network."""

    def note(self, name: str, value: Tensor) -> None:
        """Record a scalar among the step's signals, under a name of the loss's own."""


class Loss(Component):
    """Formulas for scores, and the objectives made from them that a schedule's phases name.

    A plain loss defines `of_real`, `of_fake` and `of_generator`. One that needs more of the scene
    (a penalty, a reconstruction) overrides or adds objectives: any method that takes a `LossInputs` and
    gives a scalar tensor can be named by a phase.
    """

    role: ClassVar[str] = "loss"

    @abstractmethod
    def of_real(self, scores: Tensor) -> Tensor:
        """The discriminator's loss, a scalar, for scores (N,) of real samples."""

    @abstractmethod
    def of_fake(self, scores: Tensor) -> Tensor:
        """The discriminator's loss, a scalar, for scores (N,) of generated samples."""

    @abstractmethod
    def of_generator(self, scores: Tensor) -> Tensor:
        """The generator's loss, a scalar, for scores (N,) of generated samples."""

    def logits(self, scores: Tensor) -> Tensor | None:
        """Scores as log-odds of being real, for the signals; None where they have no such meaning."""
        return scores

    def discriminate(self, scene: LossInputs) -> Tensor:
        """Objective: real and generated samples together."""
        return self.of_real(scene.real_scores) + self.of_fake(scene.fake_scores)

    def discriminate_real(self, scene: LossInputs) -> Tensor:
        """Objective: real samples alone."""
        return self.of_real(scene.real_scores)

    def discriminate_fake(self, scene: LossInputs) -> Tensor:
        """Objective: generated samples alone."""
        return self.of_fake(scene.fake_scores)

    def generate(self, scene: LossInputs) -> Tensor:
        """Objective: generated samples that the discriminator should take for real."""
        return self.of_generator(scene.fake_scores)


# --------------------------------------------------------------------------------------------------
# Schedules

Player = Literal["generator", "discriminator"]


@dataclass(frozen=True)
class Phase:
    """Which network learns what, on how much data, and at which steps.

    It runs at the steps from `start` (included) to `stop` (excluded) whose position in a cycle of
    `period` steps lies in [`begin`, `end`).
    """

    trains: Player
    objective: str
    """Name of a method of the loss that maps a scene to a scalar."""
    share: float = 1.0
    """Of the batch size."""
    updates: int = 1
    mixed: bool = False
    """Whether real and generated samples pass the discriminator as one batch, so that its norms see both together."""
    start: int = 0
    stop: int | None = None
    period: int = 1
    begin: int = 0
    end: int | None = None

    def __post_init__(self) -> None:
        end = self.period if self.end is None else self.end
        if not (0 < self.share <= 1 and self.updates >= 1 and self.period >= 1):
            raise ValueError(
                f"a phase needs 0 < share <= 1, updates >= 1 and period >= 1, got {self}"
            )
        if not 0 <= self.begin < end <= self.period:
            raise ValueError(f"a phase needs 0 <= begin < end <= period, got {self}")

    def due(self, step: int) -> bool:
        """Whether the phase runs at a step, counted from 0."""
        if step < self.start or (self.stop is not None and step >= self.stop):
            return False
        position = (step - self.start) % self.period
        return self.begin <= position < (self.period if self.end is None else self.end)


class Schedule(Component):
    """Says which network trains on what and when, as data, and with which Adam."""

    role: ClassVar[str] = "schedule"

    generator_lr: Annotated[float, Field(gt=0), FloatRange(1e-4, 2e-3, log=True)] = 2e-4
    discriminator_lr: Annotated[float, Field(gt=0), FloatRange(1e-4, 2e-3, log=True)] = 2e-4
    generator_beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    generator_beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    discriminator_beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    discriminator_beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    generator_ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the exponential moving average of the generator that is judged; 0 judges the generator itself."""

    @abstractmethod
    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        """The phases of a step, in order."""


# --------------------------------------------------------------------------------------------------
# Data


@dataclass(frozen=True)
class Split:
    """Samples (N, C, H, W), uint8 for images and float32 for points, with labels (N,) where known."""

    samples: np.ndarray
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class Data:
    """A data set in memory, and where it came from."""

    train: Split
    test: Split
    source: str
    """For the record: the name of the data and of the place it was found, without the machine's paths."""
    digest: str
    """sha256 of all samples, in hexadecimal."""
    value_range: tuple[float, float] = (-1.0, 1.0)
    """What 0 and 255 become for the networks; points are passed as they are."""
    extractor: str | None = None
    """Name of the feature extractor that ships for this data; None takes random features."""
    modes: np.ndarray | None = None
    """Centres (modes, 2) of a mixture of points, whose standard deviation is `mode_std`."""
    mode_std: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def shape(self) -> ImageShape:
        return ImageShape(*self.train.samples.shape[1:])

    @property
    def is_image(self) -> bool:
        return bool(self.train.samples.dtype == "uint8")

    def to_range(self, samples: Tensor) -> Tensor:
        """Stored samples (N, C, H, W) as the networks see them: float32, images scaled to `value_range`."""
        if not self.is_image:
            return samples.float()
        low, high = self.value_range
        return samples.float().mul_((high - low) / 255).add_(low)


class Dataset(Component):
    """Loads samples into memory."""

    role: ClassVar[str] = "dataset"

    @abstractmethod
    def load(self) -> Data:
        """Read or make the data.

        Raises:
            DataError: when it is missing or unreadable, saying how to get it.
        """


# --------------------------------------------------------------------------------------------------
# Judging


class Metric(Component):
    """Figure by which trials are compared. Subclass `SizeMetric` or `SampleMetric`."""

    role: ClassVar[str] = "metric"
    direction: ClassVar[Literal["minimize", "maximize"]]


class SizeMetric(Metric):
    """Metric known before training, from networks on the meta device."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"

    @abstractmethod
    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        """Return the size of networks on the meta device; `inputs` is one input of the generator."""


class Evidence(Protocol):
    """Samples of a trained generator beside real ones, and what is computed from them on demand."""

    @property
    def real(self) -> Tensor:
        """Real samples (N, C, H, W), uint8 or float32 as in `Data`.

        Test samples; where there are few of these, training samples follow.
        """

    @property
    def fake(self) -> Tensor:
        """Generated samples, as many as real ones and quantised like them."""

    @property
    def inputs(self) -> Tensor | None:
        """Test samples of which those in `fake` were made one by one; None for latents."""

    @property
    def real_features(self) -> Tensor:
        """Features (N, F) of `real`, float32."""

    @property
    def fake_features(self) -> Tensor:
        """Features (N, F) of `fake`, float32."""

    @property
    def neighbourhoods(self) -> Mapping[str, float]:
        """Precision, recall, density and coverage with k = 5, by name."""

    @property
    def data(self) -> Data:
        """The data set."""


class SampleMetric(Metric):
    """Measured on samples of the trained generator."""

    @abstractmethod
    def measure(self, evidence: Evidence) -> float:
        """Return the figure; NaN where it has no meaning for these data."""


class Watch(Protocol):
    """State of one detector over one run."""

    def observe(self, step: int, row: Row) -> Verdict | None:
        """Take the signals of the next step; return the verdict as of this step, None for none."""

    def conclude(self) -> Verdict | None:
        """Return the verdict on a run that ends here: None for none.

        `unjudged` says that the run ended before the detector could look, so that nobody takes it
        for healthy.
        """


class Detector(Component):
    """Tell from the signals of a run whether it fails, as early as it can be known."""

    role: ClassVar[str] = "detector"
    reads: ClassVar[tuple[str, ...]]
    """Columns without which it cannot judge; of alternatives written `a|b`, one is enough."""

    @abstractmethod
    def watch(self, context: RunContext | None = None) -> Watch:
        """Return a fresh watch over one run; without a context, over a log."""

    def probe_due(self, step: int, steps: int | None) -> bool:
        """Tell whether samples should be measured after this step of a training of `steps`.

        The next row then holds `coverage`, `duplicates`, `coarse_duplicates` and `spread`.
        """
        return False


ROLES: Mapping[str, type[Component]] = {
    role.role: role
    for role in (Generator, Discriminator, Loss, Schedule, Dataset, Metric, Detector)
}
