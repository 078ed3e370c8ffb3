"""Metrics: figures of size, known before training, and of quality, measured on samples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from gansearch.components.component import Component
from gansearch.components.data import Data

if TYPE_CHECKING:
    from torch import Tensor, nn


class Metric(Component):
    """A figure that trials are compared by; subclass one of the three classes below.

    `SizeMetric` counts networks before training, `CostMetric` times the trained generator, and
    `SampleMetric` measures its samples.
    """

    role: ClassVar[str] = "metric"
    direction: ClassVar[Literal["minimize", "maximize"]]


class SizeMetric(Metric):
    """A metric known before training, from networks on the meta device."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"

    @abstractmethod
    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        """Return the size of networks on the meta device, as is `inputs`, one input."""


class CostMetric(Metric):
    """A metric measured by running the trained generator on the device that it was trained on."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"

    @abstractmethod
    def measure(self, generator: nn.Module, inputs: Tensor) -> float:
        """Return what the generator costs.

        Args:
            generator: the generator, in training mode; leave it so.
            inputs: 64 of its inputs (64, ...).
        """


class Evidence(Protocol):
    """Samples and features of a trained generator for a metric, computed on first access."""

    @property
    def real(self) -> Tensor:
        """Real samples (N, C, H, W), uint8 or float32 as in `Data`.

        Test samples; where there are few of these, training samples follow.
        """

    @property
    def fake(self) -> Tensor:
        """Generated samples, as many as real ones and quantised like them."""

    @property
    def inputs(self) -> Tensor | None:
        """Inputs (N, C, H, W) of an autoencoder, one per sample in `fake`; None for latents."""

    @property
    def real_features(self) -> Tensor:
        """Features (N, F) of `real`, float32."""

    @property
    def fake_features(self) -> Tensor:
        """Features (N, F) of `fake`, float32."""

    @property
    def neighbourhoods(self) -> Mapping[str, float]:
        """Precision, recall, density and coverage with k = 5, by name."""

    @property
    def data(self) -> Data:
        """The data set."""


class SampleMetric(Metric):
    """A metric measured on samples of the trained generator."""

    @abstractmethod
    def measure(self, evidence: Evidence) -> float:
        """Return the figure, or NaN where it has no meaning for this data."""
