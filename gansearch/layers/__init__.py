"""Building blocks of networks, for built-in components and plugins alike.

The mixins (`Initialised`, `Normalised`, `SpectrallyNormalised`, `Packed`, `Stacked`) give a
component fields and the methods that apply them; the modules and functions are plain torch.

    class Plain(Generator, Initialised, Normalised):
        def build(self, images: ImageShape) -> nn.Module:
            hidden = [nn.Linear(self.latent, 64, bias=self.needs_bias), *self.after(64, flat=True)]
            output = [nn.Linear(64, images.numel), nn.Tanh(), nn.Unflatten(1, tuple(images))]
            return self.initialise(nn.Sequential(*hidden, *output))
"""

from __future__ import annotations

from gansearch.layers.activations import (
    Activation,
    Maxout,
    Output,
    make_activation,
    make_output,
)
from gansearch.layers.attention import ExcitedLevels, SelfAttention, SkipExcitation
from gansearch.layers.blocks import (
    Convolution,
    Residual,
    Stacked,
    count_groups,
    start_at_shortcuts,
)
from gansearch.layers.maps import Size, ToMap, ToVector, halved, upsample
from gansearch.layers.minibatch import MinibatchStd, Pack, Packed
from gansearch.layers.norms import Norm, Normalised, PixelNorm, make_norm
from gansearch.layers.resampling import (
    Downsampling,
    DownsamplingMethod,
    Resampling,
    Resize,
    SameSize,
    Upsampling,
    UpsamplingMethod,
)
from gansearch.layers.weights import (
    Initialisation,
    Initialised,
    SpectrallyNormalised,
    kaiming_std,
)

__all__ = [
    "Activation",
    "Convolution",
    "Downsampling",
    "DownsamplingMethod",
    "ExcitedLevels",
    "Initialisation",
    "Initialised",
    "Maxout",
    "MinibatchStd",
    "Norm",
    "Normalised",
    "Output",
    "Pack",
    "Packed",
    "PixelNorm",
    "Resampling",
    "Residual",
    "Resize",
    "SameSize",
    "SelfAttention",
    "Size",
    "SkipExcitation",
    "SpectrallyNormalised",
    "Stacked",
    "ToMap",
    "ToVector",
    "Upsampling",
    "UpsamplingMethod",
    "count_groups",
    "halved",
    "kaiming_std",
    "make_activation",
    "make_norm",
    "make_output",
    "start_at_shortcuts",
    "upsample",
]
