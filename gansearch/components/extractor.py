"""Extractors: networks whose features samples are compared by."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gansearch.components.component import Component
from gansearch.components.data import Data, ImageShape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class FeatureNetwork:
    """Network of an extractor, with the identity that every figure made by it is stamped with."""

    body: nn.Module
    """Maps images (N, C, H, W), float32 from 0 to 1, to features (N, F), float32."""
    name: str
    """Name in the stamp of a figure: architecture, training data and input size."""
    digest: str
    """sha256, in hexadecimal, of everything that the features depend on, such as the weights.

    Features of real samples are cached by it.
    """


class Extractor(Component):
    """A network, trained before any study, whose features metrics and detectors compare.

    A study that names no extractor has the one that its data set names, or else the one of highest
    `priority` among those that suit the data.
    """

    role: ClassVar[str] = "extractor"
    priority: ClassVar[int] = 0
    """Rank among the extractors that suit the same data; the highest is chosen."""
    caution: ClassVar[str] = ""
    """Warning that is shown with every figure of this extractor; empty for none."""
    for_detectors: ClassVar[bool] = False
    """True if detectors may go by its features: cheap, and rough enough that early samples of a
    sound small generator cover some of the data. Where it is False, detectors have another one.
    """
    location: ClassVar[frozenset[str]] = frozenset()
    """Fields that name the place of a file and change nothing about the features.

    A relative path counts from the working folder, or else from the study file.
    """

    @classmethod
    def suits(cls, data: Data) -> bool:
        """Return True for images that the extractor, with its defaults, may be chosen for."""
        return False

    @abstractmethod
    def load(self, images: ImageShape) -> FeatureNetwork:
        """Load the network for images of one shape.

        It is used in evaluation mode and without gradients, and need not touch the random state.

        Raises:
            DataError: when weights are missing or damaged, or images of this shape are not taken.
        """
