"""Distillation: how a student learns from the teacher of its study."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gansearch.components.component import Component

DistillationTerm = Literal["pixel", "feature", "mmd", "adversarial"]


class Distillation(Component):
    """Distillation term of a student, and its weight against the data term.

    The generator minimises `(1 - weight) * data + weight * term`, where `data` is the objective of
    the study's loss. No plugin can fill this role: a study has it where it names a `teacher`.
    """

    role: ClassVar[str] = "teacher"

    distill: DistillationTerm = "pixel"
    """Distillation term.

    `pixel`: mean squared error to the teacher's samples of the same latents (Aguinaldo et al. 2019,
    arXiv:1902.00159). `feature`: the same between their features. `mmd`: squared maximum mean
    discrepancy between features of both networks' samples (DiME, arXiv:2405.11614). `adversarial`:
    the teacher's loss on scores of its fixed discriminator (DGL-GAN, arXiv:2112.06502).
    """
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of the distillation term; 0 is training without a teacher, 1 with nothing else."""
    sha256: str = ""
    """SHA-256 of the teacher's weights, set by the study."""
