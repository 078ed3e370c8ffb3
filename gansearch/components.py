"""Contract of the components: one base class for each role that a plugin can fill.

A component is a frozen, validated pydantic model. `Field` bounds state which values may exist; a
domain in the annotation states which ones `search: true` tries; the docstring under a field is its
description in the study's JSON schema. Tensors are `NCHW`: N samples, C channels, H rows and W
columns; a point in the plane is a sample of shape (2, 1, 1).
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gansearch.domains import Domain, FloatRange
from gansearch.errors import ComponentError, DomainError
from gansearch.run_context import RunContext
from gansearch.signals import Row, Verdict

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

API_VERSION = 1
"""Version of this contract; raised when plugins written for it would no longer work."""


class ImageShape(NamedTuple):
    """Shape of one sample.

    >>> ImageShape(3, 80, 80).numel
    19200
    """

    channels: int
    height: int
    width: int

    @property
    def numel(self) -> int:
        """Number of values in one sample."""
        return self.channels * self.height * self.width


class Component(BaseModel):
    """Base of everything that a study can name in `use:` and that a search can vary.

    Raises:
        DomainError: when a class is defined whose domain holds a value that its field refuses.
        ComponentError: when a class is defined without a class variable that its role requires, or
            with a wrong value of it.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

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
        _check_class_variables(cls)

    @classmethod
    def domains(cls) -> dict[str, Domain]:
        """Return the domains in the annotations of the fields, which `search: true` tries."""
        return {
            name: entry
            for name, field in cls.model_fields.items()
            for entry in field.metadata
            if isinstance(entry, Domain)
        }

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]


def check_field(component: type[Component], name: str, value: object) -> Any:
    """Validate the value of one field by itself and return it as the field stores it.

    Raises:
        ValidationError: when the field refuses the value.
    """
    field = component.model_fields[name]
    constraints = [entry for entry in field.metadata if not isinstance(entry, Domain)]
    annotation: Any = Annotated[field.annotation, Field(), *constraints]
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False)).validate_python(value)


def check_domain(component: type[Component], name: str, domain: Domain) -> None:
    """Check that a field accepts every value of a domain.

    Raises:
        DomainError: with the rule and the value that breaks it.
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
    """Return True for a field that takes whole numbers only."""
    for value in (0.5, 1.5, 2.5):
        try:
            check_field(component, name, value)
        except ValidationError as error:
            if any(problem["type"] in ("int_from_float", "int_type") for problem in error.errors()):
                return True
    return False


def _check_class_variables(component: type[Component]) -> None:
    """Check that a class that can be instantiated has the class variables of its role.

    Raises:
        ComponentError: naming class and variable.
    """
    bases = [base for base in component.__mro__ if issubclass(base, Component)]
    role = next((base for base in bases if "role" in vars(base)), None)
    if role is None or role is component or inspect.isabstract(component):
        return
    for name, annotation in inspect.get_annotations(role, eval_str=True).items():
        if name not in role.__class_vars__:
            continue
        place, kind = f"{component.__name__}.{name}", get_args(annotation)[0]
        if not hasattr(component, name):
            wanted = str(kind).replace("typing.", "")
            raise ComponentError(f"{place} is missing; set this class variable to a {wanted}")
        try:
            TypeAdapter(kind).validate_python(getattr(component, name))
        except ValidationError as error:
            rule = error.errors()[0]["msg"]
            raise ComponentError(f"{place} is {getattr(component, name)!r}: {rule}") from None


# --------------------------------------------------------------------------------------------------
# Networks


class Network(Component):
    """A component that builds a network, on torch's default device."""

    @abstractmethod
    def build(self, images: ImageShape) -> nn.Module:
        """Build the network, initialised, for samples of this shape.

        Sizes are counted by building under `torch.device("meta")`, which allocates no memory; the
        method must not read the value of a tensor.

        Raises:
            ValueError: when these fields and this shape do not fit together.
        """


class Generator(Network):
    """A component that builds a module from latents (N, latent) to samples (N, C, H, W).

    With `feeds_on = "samples"` it is an autoencoder: a module from samples (N, C, H, W) of the data
    to samples, with `latent` values in its bottleneck.
    """

    role: ClassVar[str] = "generator"
    feeds_on: ClassVar[Literal["latents", "samples"]] = "latents"

    latent: Annotated[int, Field(ge=1)]
    """Number of values in one latent."""

    def input_shape(self, images: ImageShape) -> tuple[int, ...]:
        """Return the shape of one input, for samples of this shape."""
        return tuple(images) if self.feeds_on == "samples" else (self.latent,)

    def draw_latents(self, count: int, device: torch.device | str) -> Tensor:
        """Draw latents (count, latent) from the standard normal distribution."""
        # Imported here: the driver imports this module and must start without torch.
        import torch

        return torch.randn(count, self.latent, device=device)


class Discriminator(Network):
    """A component that builds a module from samples (N, C, H, W) to scores; high means real.

    The module returns one score per sample, (N,), or one per pack of m samples, (N // m,).
    """

    role: ClassVar[str] = "discriminator"

    def matched(self, generator: nn.Module, images: ImageShape) -> Discriminator:
        """Return the discriminator for a built generator, for samples of this shape.

        That is this one, unless its size follows from the generator's.
        """
        return self


# --------------------------------------------------------------------------------------------------
# Losses


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


# --------------------------------------------------------------------------------------------------
# Schedules

Player = Literal["generator", "discriminator"]


@dataclass(frozen=True)
class Phase:
    """Updates of one network within a step: objective, share of the batch, and when they are due.

    A phase is due at the steps from `start` (included) to `stop` (excluded) whose position in a
    cycle of `period` steps lies in [`begin`, `end`). Steps are counted from 0.

    >>> phase = Phase("generator", "generate", period=6, begin=3)
    >>> [step for step in range(12) if phase.due(step)]
    [3, 4, 5, 9, 10, 11]
    """

    trains: Player
    """Network that is updated."""
    objective: str
    """Name of the method of the loss that maps `LossInputs` to a scalar."""
    share: float = 1.0
    """Share of the batch size."""
    updates: int = 1
    """Updates in a row, each on a batch of its own."""
    mixed: bool = False
    """Pass real and generated samples through the discriminator as one batch.

    Batch norms then see both together.
    """
    start: int = 0
    """First step."""
    stop: int | None = None
    """Step after the last one; None for the end of the training."""
    period: int = 1
    """Length of the cycle in steps."""
    begin: int = 0
    """First position in the cycle."""
    end: int | None = None
    """Position after the last one in the cycle; None for `period`."""

    def __post_init__(self) -> None:
        end = self.period if self.end is None else self.end
        if self.trains not in get_args(Player):
            raise ValueError(
                f"a phase trains {' or '.join(map(repr, get_args(Player)))}, got {self.trains!r}"
            )
        if not (0 < self.share <= 1 and self.updates >= 1 and self.period >= 1):
            raise ValueError(
                f"a phase needs 0 < share <= 1, updates >= 1 and period >= 1, got {self}"
            )
        if not 0 <= self.begin < end <= self.period:
            raise ValueError(f"a phase needs 0 <= begin < end <= period, got {self}")

    def due(self, step: int) -> bool:
        """Return True if the phase runs at a step, counted from 0."""
        if step < self.start or (self.stop is not None and step >= self.stop):
            return False
        position = (step - self.start) % self.period
        return self.begin <= position < (self.period if self.end is None else self.end)


class Schedule(Component):
    """Phases of the training, as data, and the settings of both Adam optimizers."""

    role: ClassVar[str] = "schedule"

    generator_lr: Annotated[float, Field(gt=0), FloatRange(1e-4, 2e-3, log=True)] = 2e-4
    """Learning rate of the generator."""
    discriminator_lr: Annotated[float, Field(gt=0), FloatRange(1e-4, 2e-3, log=True)] = 2e-4
    """Learning rate of the discriminator."""
    generator_beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Adam's beta1 of the generator."""
    generator_beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Adam's beta2 of the generator."""
    discriminator_beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Adam's beta1 of the discriminator."""
    discriminator_beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Adam's beta2 of the discriminator."""
    generator_ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the moving average (EMA) of the generator, which is then judged; 0 for none."""

    @abstractmethod
    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        """Return the phases of a step, in order."""


# --------------------------------------------------------------------------------------------------
# Data


@dataclass(frozen=True)
class Split:
    """Samples (N, C, H, W), uint8 for images and float32 for points, with labels (N,) if known."""

    samples: np.ndarray
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class SampleFormat:
    """Shape and range of values: all that a trained generator needs to know of its data."""

    shape: ImageShape
    is_image: bool
    value_range: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, which `TypeAdapter(SampleFormat)` reads."""
        return asdict(self)


@dataclass(frozen=True)
class Data:
    """A dataset in memory, or mapped into it from files, and its source."""

    train: Split
    test: Split
    source: str
    """Name of the data and of its origin, without paths of this machine."""
    digest: str
    """sha256 of all samples, in hexadecimal."""
    value_range: tuple[float, float] = (-1.0, 1.0)
    """Values of 0 and 255 as the networks see them; points are passed unchanged."""
    extractor: str | None = None
    """Name of the feature extractor that ships for this data; None takes random features."""
    modes: np.ndarray | None = None
    """Centres (modes, 2) of a mixture of points, whose standard deviation is `mode_std`."""
    mode_std: float | None = None
    flip: bool = False
    """Mirror each training sample left to right with probability 1/2 when a batch is drawn."""
    warnings: tuple[str, ...] = ()
    """Messages for the user, such as the names of damaged files."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Properties of the source files, as JSON: formats, sizes and what was left out."""

    @property
    def shape(self) -> ImageShape:
        return ImageShape(*self.train.samples.shape[1:])

    @property
    def is_image(self) -> bool:
        return bool(self.train.samples.dtype == "uint8")

    @property
    def format(self) -> SampleFormat:
        """Shape and range of values of a sample."""
        return SampleFormat(self.shape, self.is_image, self.value_range)

    @property
    def summary(self) -> str:
        """One line for the user: how many samples there are, of which kind, and what for."""
        train, test = len(self.train.samples), len(self.test.samples)
        channels, height, width = self.shape
        noun = "pictures" if self.is_image else "points"
        parts = [f"{train + test} {noun}: {train} train, {test} test"]
        if self.is_image:
            colours = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
            parts.append(f"at {height} x {width} {colours}")
        if formats := self.details.get("formats"):
            kinds = ", ".join(f"{count} {name}" for name, count in formats.items())
            smallest, largest = (
                " x ".join(map(str, self.details[name])) for name in ("smallest", "largest")
            )
            sizes = smallest if smallest == largest else f"{smallest} to {largest}"
            parts.append(f"from {kinds} of {sizes} pixels (width x height)")
        if left_out := sum(self.details.get("left_out", {}).values()):
            parts.append(f"{left_out} files left out")
        return "; ".join([*parts, *self.details.get("notes", ())])

    def to_range(self, samples: Tensor) -> Tensor:
        """Convert stored samples (N, C, H, W) to float32, images scaled to `value_range`."""
        if not self.is_image:
            return samples.float()
        low, high = self.value_range
        return samples.float().mul_((high - low) / 255).add_(low)


class Dataset(Component):
    """A component that loads samples into memory."""

    role: ClassVar[str] = "dataset"
    location: ClassVar[frozenset[str]] = frozenset()
    """Fields that name the place of the data, such as a path, and change nothing about them.

    A study may change them while it runs; a relative path may count from the study file.
    """

    def place(self) -> dict[str, Any]:
        """Return the values of the fields in `location`."""
        return {field: getattr(self, field) for field in sorted(self.location)}

    @abstractmethod
    def load(self) -> Data:
        """Read or generate the data.

        Raises:
            DataError: when it is missing or unreadable, saying how to get it.
        """


# --------------------------------------------------------------------------------------------------
# Judging


class Metric(Component):
    """A figure that trials are compared by; subclass `SizeMetric` or `SampleMetric`."""

    role: ClassVar[str] = "metric"
    direction: ClassVar[Literal["minimize", "maximize"]]


class SizeMetric(Metric):
    """A metric known before training, from networks on the meta device."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"

    @abstractmethod
    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        """Return the size of networks on the meta device, as is `inputs`, one input."""


class Evidence(Protocol):
    """Samples and features of a trained generator for a metric, computed on first access."""

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
        """Inputs (N, C, H, W) of an autoencoder, one per sample in `fake`; None for latents."""

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
    """A metric measured on samples of the trained generator."""

    @abstractmethod
    def measure(self, evidence: Evidence) -> float:
        """Return the figure, or NaN where it has no meaning for this data."""


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
    """A test of the signals of a run for one kind of failure, as early as it shows."""

    role: ClassVar[str] = "detector"
    reads: ClassVar[tuple[str, ...]]
    """Columns that the detector needs; of alternatives written `a|b`, one is enough."""

    @abstractmethod
    def watch(self, context: RunContext | None = None) -> Watch:
        """Return a fresh watch over one run; without a context, over a log."""

    def probe_due(self, step: int, steps: int | None) -> bool:
        """Return True if samples should be measured after this step of a training of `steps`.

        The next row then holds `coverage`, `duplicates`, `coarse_duplicates` and `spread`.
        """
        return False


ROLES: Mapping[str, type[Component]] = {
    role.role: role
    for role in (Generator, Discriminator, Loss, Schedule, Dataset, Metric, Detector)
}
