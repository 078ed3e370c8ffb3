"""A study's teacher: its components and weights by value, and whom and on what it can teach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self, cast

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from torch import nn

from gansearch.candidate import Candidate
from gansearch.component_file import is_file_reference
from gansearch.components import Data, Discriminator, Generator, Loss, SampleFormat
from gansearch.errors import GansearchError, PluginError
from gansearch.evaluation.counting import count_parameters
from gansearch.files import json_with_digest
from gansearch.registry import Registry
from gansearch.study.teacher_spec import DISCRIMINATOR, GENERATOR, RECORD, Digest

SAME_LATENTS = ("pixel", "feature")
"""Distillation terms that compare samples of the same latents."""


class TeacherError(GansearchError):
    """A teacher that is missing, damaged or another one than before, or that does not fit."""

    def __init__(self, message: str, key: str = "") -> None:
        """Create an error; `key` is the key of the section `teacher` that is to blame."""
        super().__init__(message)
        self.key = key


class TeacherRecord(BaseModel):
    """Content of teacher.json."""

    model_config = ConfigDict(frozen=True)

    study: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
    trial: int
    parameters: int = 0
    """Parameters of the generator."""
    sha256: Digest
    discriminator_sha256: Digest | None = None
    dataset: str
    """Source of the data that it was trained on."""
    dataset_sha256: str
    format: SampleFormat
    components: Mapping[str, Mapping[str, Any]]
    """Components by role, as a candidate has them."""


@dataclass(frozen=True)
class Teacher:
    """A trained generator, and the discriminator that it was trained with where that was kept."""

    record: TeacherRecord
    weights: bytes = field(repr=False)
    """Weights of the generator as safetensors."""
    discriminator_weights: bytes | None = field(default=None, repr=False)
    """The same of the discriminator; None where they were not kept, or are not needed."""

    @cached_property
    def generator(self) -> Generator:
        """Component of the generator."""
        return cast(Generator, self._component("generator"))

    @cached_property
    def discriminator(self) -> Discriminator:
        """Component of the discriminator."""
        return cast(Discriminator, self._component("discriminator"))

    @cached_property
    def loss(self) -> Loss:
        """Loss that it was trained with."""
        return cast(Loss, self._component("loss"))

    def _component(self, role: str) -> Any:
        """Make one of its components.

        Raises:
            TeacherError: when it is not installed, is a class of a file, or refuses its fields.
        """
        try:
            fields = dict(self.record.components[role])
            use = fields.pop("use")
            if is_file_reference(use):
                raise TeacherError(
                    f"the {role} of {self} is a class of a file ({Path(use).name}), which is not "
                    "imported for a teacher, since run folders may come from anybody; make the "
                    "class a plugin (gansearch plugins new)"
                )
            return Registry().load(role, use).model_validate(fields)
        except (PluginError, KeyError, TypeError, ValidationError) as error:
            raise TeacherError(f"the {role} of {self} cannot be made: {error}") from None

    def networks(self) -> tuple[nn.Module, nn.Module | None]:
        """Build generator and discriminator on torch's default device, with their first weights.

        The discriminator is None where its weights were not kept.
        """
        shape = self.record.format.shape
        generator = self.generator.build(shape)
        if self.discriminator_weights is None:
            return generator, None
        return generator, self.discriminator.matched(generator, shape).build(shape)

    def __str__(self) -> str:
        return f"trial {self.record.trial} of {self.record.study}"

    @property
    def stamp(self) -> dict[str, Any]:
        """Return what a student's figures say of it."""
        return {name: getattr(self.record, name) for name in ("study", "trial", "parameters")} | {
            "sha256": self.record.sha256
        }

    def refusal(self, candidate: Candidate) -> str:
        """Return why a candidate cannot be its student; empty if it can."""
        if candidate.teacher is None:
            return ""
        if candidate.generator.feeds_on == "samples":
            return "an autoencoder cannot be a student: it makes samples of samples, not of latents"
        phases = candidate.schedule.phases(steps_per_epoch=1)
        if not any(phase.objective == "generate" for phase in phases):
            return (
                "the distillation term is part of the objective `generate`, which the schedule "
                f"{candidate.uses['schedule']!r} does not name"
            )
        term = candidate.teacher.distill
        if term not in SAME_LATENTS:
            return ""
        own, others = self.generator.latent, candidate.generator.latent
        if others < own:
            return (
                f"distill: {term} gives the teacher the first {own} values of a student's latents, "
                f"and generator.latent is {others}; take {own} or more, or distill: mmd"
            )
        for kind in (self.generator, candidate.generator):
            if type(kind).draw_latents is not Generator.draw_latents:
                return (
                    f"distill: {term} needs standard normal latents, and {type(kind).__name__} "
                    "draws its own; take distill: mmd"
                )
        return ""

    def check_data(self, data: Data) -> None:
        """Check that it was trained on a study's data.

        Raises:
            TeacherError: when shape, range of values or content differ.
        """
        own = self.record.format
        if (own.shape, own.is_image) != (data.shape, data.is_image):
            sides = [" x ".join(map(str, shape)) for shape in (own.shape, data.shape)]
            raise TeacherError(f"{self} makes samples of {sides[0]}, and the data are {sides[1]}")
        if own.value_range != data.value_range:
            raise TeacherError(
                f"{self} was trained on values {own.value_range}, and the data have "
                f"{data.value_range}"
            )
        if self.record.dataset_sha256 != data.digest:
            raise TeacherError(
                f"{self} was trained on other data: {self.record.dataset} (sha256 "
                f"{self.record.dataset_sha256[:12]}), not {data.source} ({data.digest[:12]})"
            )

    def checked(self) -> Self:
        """Return it with its parameters counted, after checking that its weights fit.

        Raises:
            TeacherError: if they do not, or a component cannot be made.
        """
        if self.generator.feeds_on == "samples":
            raise TeacherError(f"{self} is an autoencoder, which makes no samples of latents")
        try:
            with torch.device("meta"):
                generator, discriminator = self.networks()
            for network, weights in (
                (generator, self.weights),
                (discriminator, self.discriminator_weights),
            ):
                if network is not None and weights is not None:
                    network.load_state_dict(safetensors.torch.load(weights), assign=True)
        except (ValueError, RuntimeError, SafetensorError) as error:
            raise TeacherError(f"the weights of {self} do not fit its networks: {error}") from None
        parameters = count_parameters(generator).total
        return replace(self, record=self.record.model_copy(update={"parameters": parameters}))

    def files(self) -> dict[str, bytes]:
        """Return its files by name, as a run folder keeps them."""
        files = {GENERATOR: self.weights}
        if self.discriminator_weights is not None:
            files[DISCRIMINATOR] = self.discriminator_weights
        return files | {RECORD: json_with_digest(self.record.model_dump(mode="json"))}
