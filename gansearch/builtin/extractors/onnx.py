from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from gansearch.components import Extractor, FeatureNetwork, ImageShape
from gansearch.errors import DataError
from gansearch.layers import Resize

Channels = Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]
Deviations = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=3)]
COLOURS = 3


class ONNX(Extractor):
    """Features by a network in an ONNX file of one's own, such as Inception, DINOv2 or CLIP.

    It runs on the CPU by onnxruntime. The file takes images (N, 3, size, size), or (N, 1, size,
    size); its first output, or the one that is named, is taken as the features: (N, F) as it is, of
    tokens (N, T, F) the first, and of a map (N, F, H, W) the mean.
    """

    location: ClassVar[frozenset[str]] = frozenset({"path"})

    path: str
    """File of the network; a relative path counts from the study file."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]
    """Checksum of the file, as `sha256sum` prints it."""
    size: Annotated[int, Field(ge=8, le=1024)] = 224
    """Height and width that images are scaled to."""
    mean: Channels = (0.0,)
    """Mean to subtract from images between 0 and 1, one for each channel or one for all."""
    std: Deviations = (1.0,)
    """Standard deviation to divide by after that, one for each channel or one for all."""
    output: str | None = None
    """Name of the output that holds the features; null for the first."""

    def load(self, images: ImageShape) -> FeatureNetwork:
        content = self._content()
        body = ONNXNetwork(self._session(content), self, images)
        parts = (self.sha256.lower(), self.size, self.mean, self.std, body.output)
        digest = hashlib.sha256(repr(parts).encode()).hexdigest()
        name = f"onnx {Path(self.path).stem} at {self.size}x{self.size}"
        return FeatureNetwork(body, name, digest)

    def _content(self) -> bytes:
        try:
            content = Path(self.path).expanduser().read_bytes()
        except OSError as error:
            raise DataError(f"path: {self.path} cannot be read: {error.strerror}") from None
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256.lower():
            raise DataError(
                f"sha256: {self.path} has {found}; it is another file, or write this checksum"
            )
        return content

    def _session(self, content: bytes) -> Any:
        try:
            import onnxruntime  # an extra
        except ImportError as error:
            raise DataError(f"needs onnxruntime ({error}); pip install 'gansearch[onnx]'") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        except Exception as error:  # of onnxruntime's own kinds, which have no common base
            raise DataError(f"path: onnxruntime cannot read {self.path}: {error}") from None


class ONNXNetwork(nn.Module):
    """Network of an ONNX session, for images of one shape."""

    def __init__(self, session: Any, extractor: ONNX, images: ImageShape) -> None:
        """Check that the session takes images as the extractor gives them.

        Raises:
            DataError: naming what does not fit.
        """
        super().__init__()
        self.session = session
        self.input = session.get_inputs()[0].name
        self.batch, self.channels = _batch_and_channels(session, extractor.size, images)
        self.output = _output_name(session, extractor.output)
        self.resize = Resize(extractor.size, extractor.size)
        for field, values in (("mean", extractor.mean), ("std", extractor.std)):
            if len(values) not in (1, self.channels):
                raise DataError(
                    f"{field}: give one number, or one for each of the network's {self.channels} "
                    f"channels, not {len(values)}"
                )
            self.register_buffer(field, torch.tensor(values).view(1, -1, 1, 1))
        self._try(extractor.size)

    def _try(self, size: int) -> None:
        """Run the network once, so that one that cannot run is found before a study begins."""
        x = np.zeros((self.batch or 1, self.channels, size, size), np.float32)
        try:
            self._features(x)
        except DataError:
            raise
        except Exception as error:  # of onnxruntime's own kinds, which have no common base
            raise DataError(f"path: the network does not run: {error}") from None

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return features (N, F) of images between 0 and 1, on their device."""
        x = self.resize(x_NCHW).expand(-1, self.channels, -1, -1)
        x = ((x - self.mean) / self.std).cpu().numpy()
        parts = [self._features(part) for part in self._batches(x)]
        features = torch.from_numpy(np.concatenate(parts)[: len(x)])
        return features.float().to(x_NCHW.device)

    def _batches(self, x: np.ndarray) -> Sequence[np.ndarray]:
        """Split images into batches of the size that the file fixes, the last one filled up."""
        if self.batch is None:
            return [x]
        missing = -len(x) % self.batch
        filled = np.concatenate([x, np.repeat(x[-1:], missing, axis=0)])
        return np.split(filled, len(filled) // self.batch)

    def _features(self, x: np.ndarray) -> np.ndarray:
        features: np.ndarray
        (features,) = self.session.run([self.output], {self.input: np.ascontiguousarray(x)})
        if features.ndim == 3:
            features = features[:, 0]  # the class token of a transformer
        elif features.ndim == 4:
            features = features.mean(axis=(2, 3))
        if features.ndim != 2:
            raise DataError(
                f"output: {self.output} has the shape {features.shape}, not (N, F), (N, T, F) or "
                "(N, F, H, W)"
            )
        return features


def _batch_and_channels(session: Any, size: int, images: ImageShape) -> tuple[int | None, int]:
    """Return the batch size that a file fixes, None for any, and its channels."""
    inputs = session.get_inputs()
    shape = inputs[0].shape
    if len(inputs) != 1 or len(shape) != 4 or inputs[0].type != "tensor(float)":
        given = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise DataError(f"path: the network takes {given}, not images (N, C, H, W) of float32")
    batch, channels, *sides = (side if isinstance(side, int) else None for side in shape)
    if channels not in (None, 1, COLOURS) or any(side not in (None, size) for side in sides):
        raise DataError(
            f"size: the network takes images {shape[1:]}, not of 1 or 3 channels and {size}x{size}"
        )
    channels = channels or COLOURS
    if images.channels not in (1, channels):
        raise DataError(
            f"path: the network takes images of {channels} channels, these have {images.channels}"
        )
    return batch, channels


def _output_name(session: Any, wanted: str | None) -> str:
    names: list[str] = [output.name for output in session.get_outputs()]
    if wanted is not None and wanted not in names:
        raise DataError(f"output: the network has no {wanted!r}; it has {', '.join(names)}")
    return wanted or names[0]
