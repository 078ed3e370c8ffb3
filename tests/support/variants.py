"""Candidates that differ from another one, and the components for it that we do not ship."""

from typing import ClassVar

from torch import nn
from torch.nn.functional import mse_loss

from gansearch.builtin.losses.bce import BCE
from gansearch.candidate import CANDIDATE_ROLES, Candidate
from gansearch.components import Generator


def variant(candidate, **parts):
    """The candidate with other components."""
    components = {
        role: (candidate.uses[role], parts.get(role, getattr(candidate, role)))
        for role in CANDIDATE_ROLES
    }
    return Candidate.of(components)


class Echo(Generator):
    """Gives back what it gets, shifted."""

    feeds_on: ClassVar = "samples"
    latent: int = 2

    def build(self, images):
        return nn.Conv2d(images.channels, images.channels, 1)


class Reconstruction(BCE):
    """Beside fooling the discriminator, the generator gives back what it is given."""

    def generate(self, scene):
        distance = mse_loss(scene.fake, scene.inputs)
        scene.note("reconstruction", distance)
        return distance + super().generate(scene)
