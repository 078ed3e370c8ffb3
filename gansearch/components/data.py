"""Data sets: samples in memory, the shape of one, and the component that loads them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from gansearch.components.component import Component

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class ImageShape(NamedTuple):
    """Shape of one sample.

    >>> ImageShape(3, 80, 80).numel
    19200
    """

    channels: int
    height: int
    width: int

    @property
    def numel(self) -> int:
        """Number of values in one sample."""
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class Split:
    """Samples (N, C, H, W), uint8 for images and float32 for points, with labels (N,) if known."""

    samples: np.ndarray
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class SampleFormat:
    """Shape and range of values: all that a trained generator needs to know of its data."""

    shape: ImageShape
    is_image: bool
    value_range: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, which `TypeAdapter(SampleFormat)` reads."""
        return asdict(self)


@dataclass(frozen=True)
class Data:
    """A dataset in memory, or mapped into it from files, and its source."""

    train: Split
    test: Split
    source: str
    """Name of the data and of its origin, without paths of this machine."""
    digest: str
    """sha256 of all samples, in hexadecimal."""
    value_range: tuple[float, float] = (-1.0, 1.0)
    """Values of 0 and 255 as the networks see them; points are passed unchanged."""
    extractor: str | None = None
    """Name of the extractor that was made for this data; None leaves the choice to the images."""
    modes: np.ndarray | None = None
    """Centres (modes, 2) of a mixture of points, whose standard deviation is `mode_std`."""
    mode_std: float | None = None
    flip: bool = False
    """Mirror each training sample left to right with probability 1/2 when a batch is drawn."""
    warnings: tuple[str, ...] = ()
    """Messages for the user, such as the names of damaged files."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Properties of the source files, as JSON: formats, sizes and what was left out."""

    @property
    def shape(self) -> ImageShape:
        return ImageShape(*self.train.samples.shape[1:])

    @property
    def is_image(self) -> bool:
        return bool(self.train.samples.dtype == "uint8")

    @property
    def format(self) -> SampleFormat:
        """Shape and range of values of a sample."""
        return SampleFormat(self.shape, self.is_image, self.value_range)

    @property
    def summary(self) -> str:
        """One line for the user: how many samples there are, of which kind, and what for."""
        train, test = len(self.train.samples), len(self.test.samples)
        channels, height, width = self.shape
        noun = "pictures" if self.is_image else "points"
        parts = [f"{train + test} {noun}: {train} train, {test} test"]
        if self.is_image:
            colours = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
            parts.append(f"at {height} x {width} {colours}")
        if formats := self.details.get("formats"):
            kinds = ", ".join(f"{count} {name}" for name, count in formats.items())
            smallest, largest = (
                " x ".join(map(str, self.details[name])) for name in ("smallest", "largest")
            )
            sizes = smallest if smallest == largest else f"{smallest} to {largest}"
            parts.append(f"from {kinds} of {sizes} pixels (width x height)")
        if left_out := sum(self.details.get("left_out", {}).values()):
            parts.append(f"{left_out} files left out")
        return "; ".join([*parts, *self.details.get("notes", ())])

    def to_range(self, samples: Tensor) -> Tensor:
        """Convert stored samples (N, C, H, W) to float32, images scaled to `value_range`."""
        if not self.is_image:
            return samples.float()
        low, high = self.value_range
        return samples.float().mul_((high - low) / 255).add_(low)


class Dataset(Component):
    """A component that loads samples into memory."""

    role: ClassVar[str] = "dataset"
    location: ClassVar[frozenset[str]] = frozenset()
    """Fields that name the place of the data, such as a path, and change nothing about them.

    A study may change them while it runs; a relative path may count from the study file.
    """

    def place(self) -> dict[str, Any]:
        """Return the values of the fields in `location`."""
        return {field: getattr(self, field) for field in sorted(self.location)}

    def stated_shape(self) -> ImageShape | None:
        """Return the shape of a sample as the fields state it, without reading any data.

        None where only the data tell. With it, networks are counted before the data are there.
        """
        return None

    @abstractmethod
    def load(self) -> Data:
        """Read or generate the data.

        Raises:
            DataError: when it is missing or unreadable, saying how to get it.
        """
