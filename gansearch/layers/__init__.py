"""Building blocks of networks, for built-in components and plugins alike.

The mixins (`Initialised`, `Normalised`, `SpectrallyNormalised`, `Packed`) give a component fields
and the method that applies them; the modules and functions are plain torch.

    class Plain(Generator, Initialised, Normalised):
        def build(self, images: ImageShape) -> nn.Module:
            hidden = [nn.Linear(self.latent, 64, bias=self.needs_bias), *self.after(64, flat=True)]
            output = [nn.Linear(64, images.numel), nn.Tanh(), nn.Unflatten(1, tuple(images))]
            return self.initialise(nn.Sequential(*hidden, *output))
"""

from __future__ import annotations

from gansearch.layers.mixins import Block, Initialised, Normalised, Packed, SpectrallyNormalised
from gansearch.layers.modules import (
    Activation,
    Maxout,
    Norm,
    Output,
    Pack,
    Resize,
    Size,
    ToMap,
    ToVector,
    halved,
    make_activation,
    make_norm,
    make_output,
    upsample,
)

__all__ = [
    "Activation",
    "Block",
    "Initialised",
    "Maxout",
    "Norm",
    "Normalised",
    "Output",
    "Pack",
    "Packed",
    "Resize",
    "Size",
    "SpectrallyNormalised",
    "ToMap",
    "ToVector",
    "halved",
    "make_activation",
    "make_norm",
    "make_output",
    "upsample",
]
