"""The section `training` of a study file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from gansearch.study.section import Section

DEFAULT_STEPS = 1500
_EPOCHS = r"[1-9][0-9]* epochs?"


def _check_interval(interval: object) -> object:
    """Refuse with one message, where pydantic would give one for each type of the union."""
    if isinstance(interval, str) and re.fullmatch(_EPOCHS, interval):
        return interval
    if isinstance(interval, int) and not isinstance(interval, bool) and interval >= 0:
        return interval
    raise ValueError("should be a number of steps, 0 or more, or of epochs, such as '10 epochs'")


Interval = Annotated[
    Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=f"^{_EPOCHS}$")],
    BeforeValidator(_check_interval),
]
"""A whole number of steps, or a string such as `10 epochs`."""


class TrainingSettings(Section):
    """Settings of a training that are the same in steps and in epochs."""

    former_names: ClassVar[Mapping[str, str]] = {
        "read_every": "signals_every",
        "judged_samples": "eval_samples",
    }

    batch_size: Annotated[int, Field(ge=2)] = 64
    """Samples per batch."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of weights, batches and latents."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of the networks; `auto` is bf16 if the device has matrix units for it."""
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    """Device to train on: `cpu`, `cuda`, `cuda:1`; `auto` is a GPU if there is one."""
    memory_format: Literal["channels_last", "contiguous"] = "channels_last"
    """Layout of weights and images in memory (torch's `memory_format`).

    The faster one depends on the networks and the device.
    """
    graphs: bool = False
    """Capture steps as CUDA graphs and replay them, which is faster for small networks on a GPU.

    A captured step is used only if it equals the eager step. Otherwise, and without CUDA, the run
    is trained eagerly and its stamp says why. A loss that depends on the number of the step cannot
    be captured, nor can a step whose learning rate decays. Components must not keep state outside
    of parameters and buffers.
    """
    signals_every: Annotated[int, Field(ge=1)] = 10
    """Steps between two reads of the signals from the device."""
    checkpoint_every: Annotated[int, Field(ge=0)] = 500
    """Steps between two checkpoints from which an interrupted run continues; 0 writes none."""
    eval_samples: Annotated[int, Field(ge=10)] = 2000
    """Number of generated samples for the metrics, and largest number of test samples."""

    keep: Literal["last", "best"] = "last"
    """Generator that is kept and measured: that of the last step, or that of the best look.

    The detectors say when samples are looked at. `best` measures the study's first quality there,
    on at most 1,000 samples, and the kept generator's figures afterwards on new ones.
    """

    augment: tuple[Literal["color", "translation", "cutout"], ...] = ()
    """Random transforms of all samples that the discriminator sees, for few pictures
    (DiffAugment)."""

    def steps_per_epoch(self, samples: int) -> int:
        """Return the number of whole batches in so many training samples, at least 1."""
        return max(1, samples // self.batch_size)


class StepsSpec(TrainingSettings):
    """Training with all durations in steps, as the training loop takes it."""

    steps: Annotated[int, Field(ge=1)] = DEFAULT_STEPS
    """Duration in steps."""
    sample_every: Annotated[int, Field(ge=0)] = 100
    """Steps between two saved grids of samples; 0 saves only the last one."""


class TrainingSpec(TrainingSettings):
    """Training of each candidate; an epoch is one pass over its training samples.

    >>> TrainingSpec(epochs=3, batch_size=100).in_steps(samples=1050).steps
    30
    """

    steps: Annotated[int, Field(ge=1)] | None = None
    """Duration in steps; 1500 if neither `steps` nor `epochs` is given."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """Duration in epochs, instead of `steps`."""
    sample_every: Interval = 100
    """Steps between two saved grids of samples, or `10 epochs`; 0 saves only the last one."""

    @model_validator(mode="before")
    @classmethod
    def _set_duration(cls, tree: object) -> object:
        if not isinstance(tree, Mapping):
            return tree
        given = [key for key in ("steps", "epochs") if tree.get(key) is not None]
        if len(given) == 2:
            raise ValueError("takes steps or epochs, not both")
        return tree if given else {**tree, "steps": DEFAULT_STEPS}

    def in_steps(self, samples: int) -> StepsSpec:
        """Convert epochs to steps for a data set of so many training samples."""
        steps_per_epoch = self.steps_per_epoch(samples)
        fields = self.model_dump(exclude={"epochs"})
        if self.epochs is not None:
            fields["steps"] = self.epochs * steps_per_epoch
        if isinstance(self.sample_every, str):
            fields["sample_every"] = int(self.sample_every.split()[0]) * steps_per_epoch
        return StepsSpec.model_validate(fields)
