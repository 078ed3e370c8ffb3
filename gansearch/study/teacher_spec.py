"""The section `teacher` of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from gansearch.study.section import Section

FOLDER, RECORD = "teacher", "teacher.json"
GENERATOR, DISCRIMINATOR = "generator.safetensors", "discriminator.safetensors"
"""Folder of the copy that a run folder keeps of its teacher, and its files."""
FORMS = "should name a trial of a run, {run: RUN, trial: N}, or a bundle, {bundle: DIR}"
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TeacherSpec(Section):
    """Trained generator that all candidates learn from, and the term by which they do."""

    run: str | None = None
    """Run folder of the teacher; a relative path counts from here, or else from the study file."""
    trial: Annotated[int, Field(ge=0)] | None = None
    """Number of the teacher's trial in that run."""
    bundle: str | None = None
    """Bundle of the teacher, in place of run and trial; it has no discriminator."""
    distill: JsonValue = "pixel"
    """Distillation term: `pixel`, `feature`, `mmd` or `adversarial`; may be searched."""
    weight: JsonValue = 0.5
    """Weight of the distillation term, from 0 to 1, against the data term; may be searched."""
    sha256: Digest | None = None
    """SHA-256 of the generator's weights, which a run fills in and holds the teacher to."""
    discriminator_sha256: Digest | None = None
    """SHA-256 of the discriminator's weights, filled in where the study trains by them."""

    @model_validator(mode="before")
    @classmethod
    def _check_section(cls, tree: object) -> object:
        if not isinstance(tree, (Mapping, TeacherSpec)):
            raise ValueError(FORMS)
        return tree

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        of_run, of_bundle = self.run is not None, self.bundle is not None
        if of_run == of_bundle or (self.trial is not None) != of_run:
            raise ValueError(FORMS)
        return self

    @property
    def terms(self) -> frozenset[str]:
        """Distillation terms that candidates may have."""
        choices = self.distill.get("choices") if isinstance(self.distill, dict) else None
        return frozenset(map(str, choices if isinstance(choices, list) else [self.distill]))

    @property
    def place(self) -> str:
        """Key that says where the teacher lies."""
        return "run" if self.run is not None else "bundle"
