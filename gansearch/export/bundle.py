"""A bundle: a trained generator that can be used without its data, and without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gansearch.component_file import is_file_reference
from gansearch.components import SampleFormat
from gansearch.errors import PluginError
from gansearch.export.manifest import CANDIDATE, ONNX, WEIGHTS, BundleError, Manifest
from gansearch.registry import Registry

if TYPE_CHECKING:
    from torch import nn

BATCH = 250
"""Samples made at a time."""


@dataclass(frozen=True)
class Bundle:
    """A trained generator, run by onnxruntime, or by torch where that is missing.

    Nothing in a bundle is executed or unpickled: its `model.py` is for people.

    >>> bundle = gansearch.load("runs/shrink-generator/champion")  # doctest: +SKIP
    >>> bundle.sample(bundle.draw_latents(64, seed=0)).shape  # doctest: +SKIP
    (64, 1, 28, 28)
    """

    path: Path
    manifest: Manifest

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open a bundle.

        Raises:
            BundleError: if the folder is not a bundle.
        """
        return cls(path, Manifest.read(path))

    @property
    def format(self) -> SampleFormat:
        """Shape and range of values of a sample."""
        return self.manifest.format

    @property
    def latent(self) -> int:
        """Number of values in one latent."""
        return self.manifest.input.shape[0]

    @property
    def reconstructs(self) -> bool:
        """True for an autoencoder, which makes samples of samples."""
        return self.manifest.input.kind == "samples"

    real_points = None  # a bundle holds no data

    def draw_latents(self, count: int, seed: int = 0) -> np.ndarray:
        """Draw latents (count, latent), float32, always the same of a seed.

        Raises:
            BundleError: for a generator that has no latents, or draws them in its own way.
        """
        kind = self.manifest.input.kind
        if kind == "samples":
            raise BundleError(
                f"{self.path} is an autoencoder: it makes samples of samples, so there are no "
                "latents to draw; give `generate` samples of your own"
            )
        if kind == "custom":
            raise BundleError(
                f"the generator {self.manifest.generator!r} of {self.path} draws its latents in "
                "its own way, which a bundle does not hold; use gansearch sample on the run"
            )
        rng = np.random.default_rng(seed)
        return rng.standard_normal((count, self.latent), dtype=np.float32)

    def generate(self, inputs: np.ndarray) -> np.ndarray:
        """Make samples (N, C, H, W), float32, in the range that the generator was trained for.

        Args:
            inputs: latents (N, latent), or samples (N, C, H, W) for an autoencoder.

        Raises:
            BundleError: if the inputs have another shape, or neither ONNX nor torch can be used.
        """
        inputs = np.asarray(inputs, dtype=np.float32)
        if inputs.shape[1:] != self.manifest.input.shape or not len(inputs):
            wanted = ", ".join(map(str, self.manifest.input.shape))
            raise BundleError(f"inputs must be of shape (N, {wanted}), got {inputs.shape}")
        has_onnx = ONNX in self.manifest.files and find_spec("onnxruntime") is not None
        run = self._run_onnx if has_onnx else self._run_torch
        parts = [run(inputs[i : i + BATCH]) for i in range(0, len(inputs), BATCH)]
        samples = np.concatenate(parts)
        if samples.shape[1:] != self.manifest.output.shape:
            raise BundleError(
                f"{self.path} makes samples of shape {samples.shape[1:]}, "
                f"but its manifest says {self.manifest.output.shape}"
            )
        return samples

    def sample(self, inputs: np.ndarray) -> np.ndarray:
        """Make samples (N, C, H, W) as they are stored: uint8 for images, float32 for points."""
        return to_stored(self.generate(inputs), self.format)

    def reconstructions(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Refuse: the samples to reconstruct are not in the bundle.

        Raises:
            BundleError: always.
        """
        raise BundleError(
            f"{self.path} is an autoencoder: it makes samples of samples, and a bundle holds no "
            "data; use gansearch sample on the run"
        )

    def network(self) -> nn.Module:
        """Build the network with torch, by the component that it was trained from.

        Raises:
            PluginError: if the component is not installed.
            BundleError: if the files are damaged, or do not fit what the component builds.
        """
        import safetensors.torch

        content = self.manifest.read_file(self.path, CANDIDATE)
        try:
            fields: dict[str, Any] = json.loads(content)["generator"]
            use = fields.pop("use")
            if is_file_reference(use):
                raise BundleError(
                    f"the generator of {self.path} is a class of a file, {use}, which is not "
                    "imported for a bundle; use its ONNX file or its model.py"
                )
            generator: Any = Registry().load("generator", use).model_validate(fields)
            network: nn.Module = generator.build(self.format.shape)
            weights = safetensors.torch.load(self.manifest.read_file(self.path, WEIGHTS))
            network.load_state_dict(weights)
        except (BundleError, PluginError):
            raise
        # Whoever made the bundle chose its fields and weights: building may raise anything.
        except Exception as error:
            raise BundleError(f"cannot build the generator of {self.path}: {error}") from None
        return network.eval()

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        onnxruntime.set_default_logger_severity(3)
        content = self.manifest.read_file(self.path, ONNX)
        try:
            return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has an exception class for each of its statuses
            raise BundleError(f"onnxruntime cannot open {self.path / ONNX}: {error}") from None

    def _run_onnx(self, inputs: np.ndarray) -> np.ndarray:
        session = self._session
        try:
            (name,) = (one.name for one in session.get_inputs())
            return np.asarray(session.run(None, {name: inputs})[0])
        except Exception as error:  # as above
            raise BundleError(f"onnxruntime cannot run {self.path / ONNX}: {error}") from None

    @cached_property
    def _torch_network(self) -> nn.Module:
        if find_spec("torch") is None:
            why = self.manifest.left_out.get(ONNX, "onnxruntime is not installed")
            raise BundleError(
                f"{self.path} cannot be run: torch is not installed, and for {ONNX}: {why}; "
                "pip install onnxruntime"
            )
        return self.network()

    def _run_torch(self, inputs: np.ndarray) -> np.ndarray:
        import torch

        network = self._torch_network
        try:
            with torch.no_grad():
                return np.asarray(network(torch.from_numpy(inputs)).numpy())
        except (RuntimeError, ValueError, TypeError) as error:
            raise BundleError(f"cannot run the generator of {self.path}: {error}") from None


def to_stored(samples: np.ndarray, form: SampleFormat) -> np.ndarray:
    """Convert images (N, C, H, W) to uint8 as `evaluation.evidence.quantise` does, without torch.

    >>> to_stored(np.float32([[[[-1, 0, 1, 7, np.nan]]]]), SampleFormat((1, 1, 5), True, (-1, 1)))
    array([[[[  0, 128, 255, 255,   0]]]], dtype=uint8)
    """
    if not form.is_image:
        return samples.astype(np.float32)
    low, high = form.value_range
    pixels = np.nan_to_num((samples - low) * (255 / (high - low)), nan=0.0)
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)
