"""DiffAugment: one random, differentiable change of every sample that the discriminator sees.

Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training" (arXiv:2006.10738),
section 3 and appendix A. Real and generated samples pass the same transforms in the updates of both
networks. So the discriminator does not overfit few pictures, and the generator, whose gradients
pass the transforms, does not learn to draw transformed samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from gansearch.components import Data
from gansearch.training.networks import TrainableNetwork

TRANSLATION = 1 / 8
"""Largest shift, as a share of the height and of the width."""
CUTOUT = 1 / 2
"""Side of the region that is cut out, as a share of the height and of the width."""

Transform = Callable[[Tensor, tuple[float, float]], Tensor]
"""Function of samples (N, C, H, W) and the values of black and white that returns new samples."""


def augment(discriminator: TrainableNetwork, names: Sequence[str], data: Data) -> None:
    """Have a discriminator see augmented samples in training; without names nothing changes."""
    if names:
        discriminator.shared = AugmentedDiscriminator(discriminator.shared, names, data.value_range)


class AugmentedDiscriminator(nn.Module):
    """Discriminator of samples that pass random transforms, drawn anew for each sample.

    A loss that takes a gradient penalty takes it through the transforms as well: of the scores that
    the discriminator gives to augmented samples.
    """

    def __init__(
        self, discriminator: nn.Module, names: Sequence[str], value_range: tuple[float, float]
    ) -> None:
        super().__init__()
        self.discriminator = discriminator
        self._transforms = [TRANSFORMS[name] for name in TRANSFORMS if name in names]
        self._value_range = value_range

    def forward(self, samples: Tensor) -> Tensor:
        for transform in self._transforms:
            samples = transform(samples, self._value_range)
        scores: Tensor = self.discriminator(samples)
        return scores


def change_colour(samples: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Shift brightness by up to a quarter of the range; scale saturation and contrast."""
    low, high = value_range
    samples = samples + (_uniform(samples) - 0.5) * (high - low) / 2
    grey = samples.mean(dim=1, keepdim=True)
    samples = (samples - grey) * (2 * _uniform(samples)) + grey
    mean = samples.mean(dim=(1, 2, 3), keepdim=True)
    return (samples - mean) * (_uniform(samples) + 0.5) + mean


def translate(samples: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Shift each sample by up to an eighth of its sides; the uncovered border is mid-grey."""
    count, _, height, width = samples.shape
    rows = _shifted(count, height, samples.device)
    columns = _shifted(count, width, samples.device)
    inside = (_within(rows, height)[:, :, None] & _within(columns, width)[:, None])[:, None]
    sample = torch.arange(count, device=samples.device)[:, None, None]
    taken = samples.permute(0, 2, 3, 1)[
        sample, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None]
    ]
    return torch.where(inside, taken.permute(0, 3, 1, 2), sum(value_range) / 2)


def cut_out(samples: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Make a region of half the height and width mid-grey; it may cross the border."""
    count, _, height, width = samples.shape
    hidden = torch.ones(count, 1, height, width, dtype=torch.bool, device=samples.device)
    for dimension, length in ((2, height), (3, width)):
        side = round(length * CUTOUT)
        begin = torch.randint(
            -(side // 2), length - side + side // 2 + 1, (count, 1), device=samples.device
        )
        place = torch.arange(length, device=samples.device)
        covered = (place >= begin) & (place < begin + side)
        shape = [count, 1, 1, 1]
        shape[dimension] = length
        hidden = hidden & covered.view(shape)
    return torch.where(hidden, sum(value_range) / 2, samples)


TRANSFORMS: Mapping[str, Transform] = {
    "color": change_colour,
    "translation": translate,
    "cutout": cut_out,
}
"""Transforms by their names in a study, in the order in which they are applied."""


def _uniform(samples: Tensor) -> Tensor:
    """Draw a number in [0, 1) for each sample, (N, 1, 1, 1)."""
    return torch.rand(len(samples), 1, 1, 1, device=samples.device, dtype=samples.dtype)


def _shifted(count: int, length: int, device: torch.device) -> Tensor:
    """Draw for each sample the places (N, length) that its rows or columns are taken from."""
    most = round(length * TRANSLATION)
    shift = torch.randint(-most, most + 1, (count, 1), device=device)
    return torch.arange(length, device=device) + shift


def _within(places: Tensor, length: int) -> Tensor:
    return (places >= 0) & (places < length)
