"""Manifest of a bundle (bundle.json): what is in it, and how it was checked."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gansearch.components import ImageShape, SampleFormat
from gansearch.errors import GansearchError

MANIFEST, CARD, WEIGHTS, ONNX, INT8, MODEL, CANDIDATE, STUDY, METRICS, CERTIFICATE, SAMPLES = (
    "bundle.json",
    "README.md",
    "generator.safetensors",
    "generator.onnx",
    "generator.int8.onnx",
    "model.py",
    "candidate.json",
    "study.yaml",
    "metrics.json",
    "certificate.json",
    "samples.png",
)
VERSION = 1
MAX_MANIFEST = 1_000_000
"""Bytes of a manifest; a larger one is no manifest of ours."""
Count = Annotated[int, Field(ge=1, le=100_000_000)]


class BundleError(GansearchError):
    """A folder that is not a bundle, or a bundle that is damaged or lacks what is asked of it."""


class Part(BaseModel):
    """Base of the manifest's parts: frozen, and open to fields of later versions."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Input(Part):
    """Input of the generator."""

    kind: Literal["normal", "custom", "samples"]
    """Standard normal latents; latents that a plugin draws in its own way; or, for an autoencoder,
    samples."""
    shape: tuple[Count, ...]
    """Shape of one input."""


class Output(Part):
    """Output of the generator."""

    shape: tuple[Count, Count, Count]
    """Channels, height and width of one sample."""
    is_image: bool
    value_range: tuple[float, float]
    """Values of black and white in an image; points are as they are in the data."""


class Check(Part):
    """Result of running a file of the bundle against the trained network."""

    max_difference: float
    """Largest difference between two outputs."""
    tolerance: float
    ran_with: str


class Manifest(Part):
    """Everything about a bundle that a program needs to use it."""

    version: Literal[1] = 1
    gansearch: str
    study: str
    trial: Annotated[int, Field(ge=0)]
    identity: str
    """Content hash of the candidate."""
    generator: str
    """Name of the generator's component."""
    parameters: int
    input: Input
    output: Output
    opset: int | None = None
    """Version of the ONNX operators."""
    champion: bool
    """True if the trial was the study's champion when it was exported."""
    checks: dict[str, Check] = {}
    """Results by file."""
    left_out: dict[str, str] = {}
    """Files that are missing, with the reason."""
    files: dict[str, str] = {}
    """SHA-256 by file, without the manifest itself."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        low, high = self.output.value_range
        if not low < high:
            raise ValueError(f"value_range must rise, got {self.output.value_range}")
        if self.input.kind != "samples" and len(self.input.shape) != 1:
            raise ValueError(f"latents have one dimension, got {self.input.shape}")
        return self

    @property
    def format(self) -> SampleFormat:
        shape = ImageShape(*self.output.shape)
        return SampleFormat(shape, self.output.is_image, self.output.value_range)

    def read_file(self, folder: Path, name: str) -> bytes:
        """Return the content of a file of the bundle.

        Raises:
            BundleError: if it was left out, cannot be read, or has changed.
        """
        if name not in self.files:
            reason = self.left_out.get(name, "it was left out")
            raise BundleError(f"{folder} has no {name}: {reason}")
        try:
            if not stat.S_ISREG((folder / name).stat().st_mode):  # a pipe would never end
                raise BundleError(f"{folder / name} is no file")
            content = (folder / name).read_bytes()
        except OSError as error:
            raise BundleError(f"cannot read {folder / name}: {error.strerror}") from None
        if digest(content) != self.files[name]:
            raise BundleError(
                f"{folder / name} is damaged: it does not match its digest in {MANIFEST}"
            )
        return content

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest of a bundle.

        Raises:
            BundleError: if the folder is not a bundle of a version that is known here.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise BundleError(
                f"{folder} is not a bundle: it has no {MANIFEST}; make one with gansearch export"
            )
        with path.open("rb") as file:
            content = file.read(MAX_MANIFEST + 1)
        if len(content) > MAX_MANIFEST:
            raise BundleError(f"{path} is too large for a manifest")
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            problem = error.errors()[0]
            place: Any = ".".join(map(str, problem["loc"])) or "JSON"
            raise BundleError(f"{path} cannot be used: {place}: {problem['msg']}") from None


def digest(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
