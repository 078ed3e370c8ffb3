"""A candidate: one concrete choice of components, identified by the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from gansearch.component_file import content_reference
from gansearch.components import (
    Component,
    Dataset,
    Discriminator,
    Distillation,
    Generator,
    ImageShape,
    Loss,
    Schedule,
)
from gansearch.registry import Registry

if TYPE_CHECKING:
    from torch import nn

CANDIDATE_ROLES = ("dataset", "generator", "discriminator", "loss", "schedule")
TEACHER = "teacher"
"""Role that a candidate has besides if its study has a teacher."""


@dataclass(frozen=True)
class Candidate:
    """The components of one training, with all fields set."""

    dataset: Dataset
    generator: Generator
    discriminator: Discriminator
    loss: Loss
    schedule: Schedule
    uses: Mapping[str, str]
    """Name of the component by role, as a study has it after `use:`."""
    teacher: Distillation | None = None
    """Distillation from the study's teacher; None where the study has none."""

    @classmethod
    def of(cls, components: Mapping[str, tuple[str, Component]]) -> Self:
        """Make a candidate from (name, component) by role."""
        roles = [role for role in (*CANDIDATE_ROLES, TEACHER) if role in components]
        parts: dict[str, Any] = {role: components[role][1] for role in roles}
        return cls(**parts, uses={role: components[role][0] for role in roles})

    def to_json(self) -> dict[str, Any]:
        """Return every field of every component as plain data, by role."""
        parts: dict[str, Component] = {role: getattr(self, role) for role in CANDIDATE_ROLES}
        if self.teacher is not None:
            parts[TEACHER] = self.teacher
        return {
            role: {"use": self.uses[role]} | part.model_dump(mode="json")
            for role, part in parts.items()
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Mapping[str, Any]], registry: Registry) -> Self:
        """Make the candidate that `to_json` wrote.

        Raises:
            PluginError: when a component it names is not installed.
        """
        components: dict[str, tuple[str, Component]] = {}
        for role in CANDIDATE_ROLES:
            fields = dict(record[role])
            use = fields.pop("use")
            components[role] = (use, registry.load(role, use).model_validate(fields))
        if TEACHER in record:
            fields = dict(record[TEACHER])
            components[TEACHER] = (fields.pop("use"), Distillation.model_validate(fields))
        return cls.of(components)

    def located(self, place: Mapping[str, Any]) -> Self:
        """Return the candidate with its data in another place, as `Dataset.place` gives it."""
        return replace(self, dataset=self.dataset.model_copy(update=dict(place)))

    def networks(self, images: ImageShape) -> tuple[nn.Module, nn.Module]:
        """Build generator and discriminator for samples of this shape.

        Raises:
            ValueError: when the fields and the shape do not fit together.
        """
        generator = self.generator.build(images)
        return generator, self.discriminator.matched(generator, images).build(images)

    def missing_objectives(self) -> list[str]:
        """Return the objectives that the schedule names and the loss does not have."""
        named = dict.fromkeys(phase.objective for phase in self.schedule.phases(steps_per_epoch=1))
        return [name for name in named if not callable(getattr(self.loss, name, None))]

    @cached_property
    def identity(self) -> str:
        """Hash of all fields but the places of data and files, 16 hexadecimal digits.

        A component of a file counts by the content of the file.
        """
        parts = self.to_json()
        for part in parts.values():
            part["use"] = content_reference(part["use"])
        parts["dataset"] |= dict.fromkeys(self.dataset.location)
        content = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()[:16]
