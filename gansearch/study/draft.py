"""Draft of a first study: its text, with comments, for somebody who is going to change it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gansearch.components import ImageShape
from gansearch.study.foreign_domains import as_yaml

STEPS = 1500
"""Steps of a training: sound small generators take some 500 to draw different samples."""
LARGEST_TRAINED = {"cpu": 64, "cuda": 128}
"""Side in pixels up to which pictures are trained at their own size, by device."""
WIDTHS = {"cpu": (32, 16, 8), "cuda": (64, 32, 16)}
"""Filters of the baseline's last level that are tried, the first that is fast enough is taken."""


@dataclass(frozen=True)
class Draft:
    """Contents of a first study."""

    name: str
    dataset: Mapping[str, Any]
    """Node of the study file."""
    data: str
    """Data in words."""
    shape: ImageShape
    is_image: bool
    batch_size: int
    augment: bool
    """True for few pictures, which a discriminator would learn by heart."""
    extractor: str | None
    """Name of the extractor; None for points."""
    extractor_note: str
    width: int
    """Filters of the last level of the baseline's generator, or units of its layers."""
    trials: int
    budget: str = ""
    """Expected cost in words, and how it was measured."""

    @property
    def levels(self) -> int:
        """Doublings from a first map of 4 to 8 pixels to the picture; 2 at least, 5 at most."""
        side = min(self.shape.height, self.shape.width)
        return min(5, max(2, int(math.log2(max(side, 4) / 4))))

    def text(self) -> str:
        """Return the study file."""
        smallest = max(2, self.width // 16)
        quality = "mmd" if self.is_image else "sliced_wasserstein"
        networks = self._image_networks(smallest) if self.is_image else self._point_networks()
        augment = ", augment: [color, translation, cutout]" if self.augment else ""
        parts = [
            _comment(
                f"How small can a GAN be that learns {self.data}? Written by `gansearch new`; "
                "every line may be changed, and `gansearch run --check` tells what the study will "
                "then cost."
            ),
            f"name: {self.name}",
            f"dataset: {as_yaml(dict(self.dataset))}\n",
            networks,
            "loss: {use: bce}\n",
            _comment(
                "Small generators need larger learning rates than large ones, so rates are "
                "searched too: from 1e-4 to 4e-3, evenly on a logarithmic scale."
            ),
            "schedule:\n  use: alternating",
            "  generator_lr: {low: 1.0e-4, high: 4.0e-3, log: true}",
            "  discriminator_lr: {low: 1.0e-4, high: 2.0e-3, log: true}\n",
            _comment(
                "A training of fewer than 500 steps can hardly be judged. The runs that fail are "
                "stopped early, and hopeless ones at rungs, so few take all steps."
            ),
            f"training: {{steps: {STEPS}, batch_size: {self.batch_size}, seed: 0{augment}}}\n",
        ]
        if self.extractor is not None:
            parts += [_comment(self.extractor_note), f"extractor: {{use: {self.extractor}}}\n"]
        parts += [
            _comment(
                "Trials are ranked by size and by quality, here the distance between real and "
                "generated samples (less is better). Other metrics are measured beside them."
            ),
            "objectives:\n  - {metric: generator_params, direction: minimize}",
            f"  - {{metric: {quality}, direction: minimize}}",
            "metrics: [fid, coverage]\n" if self.is_image else "metrics: [modes, coverage]\n",
            _comment(
                "Trial 0. Sizes are told as a share of it, and the champion is the smallest model "
                "that is about as good. It may be larger than anything that is searched."
            ),
            self._baseline(),
            _comment(self.budget),
            f"search: {{sampler: shrink, trials: {self.trials}, startup_trials: 6}}\n",
            _comment(
                "At the end the smallest good candidates are trained again, each with up to 5 "
                "fresh seeds; 4 healthy ones make it stable."
            ),
            "certification: {seeds: 5, required: 4, tolerance: 0.10}",
        ]
        return "\n".join(parts) + "\n"

    def _image_networks(self, smallest: int) -> str:
        return "\n".join(
            [
                _comment(
                    "A DCGAN: each of its levels doubles the map and halves the filters; `width` "
                    "is that of the last. Other generators: gansearch plugins list."
                ),
                f"generator:\n  use: dcgan\n  levels: {self.levels}",
                f"  width: {{low: {smallest}, high: {self.width}, log: true}}",
                "  latent: {choices: [8, 16, 32, 64]}",
                "  norm: {choices: [batch, none]}",
                f"discriminator: {{use: downconv, layers: {min(4, self.levels)}, width: 16}}",
            ]
        )

    def _point_networks(self) -> str:
        return "\n".join(
            [
                _comment("Dense layers, which points need; `output: none` leaves them unbounded."),
                "generator:\n  use: dense\n  output: none",
                f"  width: {{low: 4, high: {self.width}, log: true}}",
                "  layers: {choices: [1, 2, 3]}",
                "  latent: {choices: [2, 8]}",
                "discriminator: {use: dense, width: 64, layers: 2}",
            ]
        )

    def _baseline(self) -> str:
        generator: dict[str, Any] = {"width": self.width, "latent": 64, "norm": "batch"}
        if not self.is_image:
            generator = {"width": self.width, "layers": 2, "latent": 8}
        rates = {"generator_lr": 2e-4, "discriminator_lr": 2e-4}
        return f"baseline:\n  generator: {as_yaml(generator)}\n  schedule: {as_yaml(rates)}\n"


def _comment(text: str) -> str:
    """Return a text as lines of a comment of up to 100 columns."""
    return textwrap.fill(text, 98, initial_indent="# ", subsequent_indent="# ")


def trained_size(width: int, height: int, device: str) -> tuple[int, int]:
    """Return width and height to train pictures at: their own, if these are not too large.

    Args:
        width: usual width of the pictures.
        height: usual height of the pictures.
        device: `cpu` or `cuda`.

    >>> trained_size(28, 28, "cpu"), trained_size(640, 480, "cpu"), trained_size(178, 218, "cuda")
    ((28, 28), (64, 48), (104, 128))
    """
    scale = min(1.0, LARGEST_TRAINED[device] / max(width, height))
    if scale == 1.0:
        return max(8, width), max(8, height)
    # Multiples of 8, which every level can halve evenly
    return max(8, round(width * scale / 8) * 8), max(8, round(height * scale / 8) * 8)
