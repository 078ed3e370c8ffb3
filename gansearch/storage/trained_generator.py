"""A trained generator, loaded from the files of its trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from gansearch.candidate import Candidate
from gansearch.component_file import file_references
from gansearch.components import Data, SampleFormat
from gansearch.errors import RunFolderError
from gansearch.evaluation.evidence import quantise
from gansearch.registry import Registry
from gansearch.storage.trial_folder import CANDIDATE, DATA, GENERATOR, TrialFolder
from gansearch.storage.weights import load_weights


@dataclass(frozen=True)
class TrainedGenerator:
    """The generator that was judged, in evaluation mode, and the format of its samples."""

    candidate: Candidate
    format: SampleFormat
    network: nn.Module
    trusted: bool = True
    """False if only the run folder of somebody else says where the data lie."""

    @classmethod
    def load(
        cls,
        files: TrialFolder,
        registry: Registry,
        place: Mapping[str, Any] | None = None,
        *,
        trusted: bool = True,
        place_is_given: bool = False,
    ) -> Self:
        """Build a trial's generator and give it its weights, on the CPU.

        Args:
            files: the trial's.
            registry: has its components.
            place: fields of the dataset that say where the data lie now.
            trusted: the run folder was made here: classes of files that it names are imported, and
                data may be read from where it says that they lie.
            place_is_given: the user says where the data lie.

        Raises:
            RunFolderError: when the trial has kept none, or it cannot be read, or it needs a class
                of a file and the run folder was made by somebody else.
            PluginError: when a component of the candidate is not installed.
        """
        candidate = _candidate(files, registry, trusted)
        if place:
            candidate = candidate.located(place)
        samples = sample_format(files)
        weights = load_weights(files.path / GENERATOR)
        try:
            network = candidate.generator.build(samples.shape)
            network.load_state_dict(weights)
        except (RuntimeError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
            use = candidate.uses["generator"]
            raise RunFolderError(
                f"{files.path / GENERATOR} does not fit what {use!r} builds now: {error}"
            ) from None
        return cls(candidate, samples, network.eval(), trusted or place_is_given)

    @cached_property
    def data(self) -> Data:
        """The data that it was trained on, which only some pictures need, loaded when asked for.

        Raises:
            DataError: when they are no longer there.
            RunFolderError: when only the run folder of somebody else says where they lie.
        """
        if self.candidate.dataset.location and not self.trusted:
            raise RunFolderError(
                "its run folder was not made here, and the samples need data at a place that it "
                "names; name the place with --set, or accept it with: gansearch trust RUN"
            )
        return self.candidate.dataset.load()

    @property
    def reconstructs(self) -> bool:
        """True for an autoencoder, which has no latents of its own to draw."""
        return self.candidate.generator.feeds_on == "samples"

    def draw_latents(self, count: int, seed: int) -> Tensor:
        """Latents (count, latent), always the same of a seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.candidate.generator.draw_latents(count, "cpu")

    def draw_held_out(self, count: int, seed: int) -> Tensor:
        """Test samples (at most count, C, H, W) as they are stored, always the same of a seed."""
        samples = torch.from_numpy(self.data.test.samples)
        return samples[
            torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))[:count]
        ]

    @property
    def latent(self) -> int:
        """Number of values in one latent."""
        return self.candidate.generator.latent

    @property
    def real_points(self) -> np.ndarray:
        """Test samples (N, 2) of data that are points in the plane."""
        return self.data.test.samples.reshape(len(self.data.test.samples), -1)

    def reconstructions(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return test samples and what an autoencoder makes of them, both (N, C, H, W), stored."""
        held_out = self.draw_held_out(count, seed)
        return held_out.numpy(), self.sample(self.data.to_range(held_out))

    def sample(self, inputs: Tensor | np.ndarray) -> np.ndarray:
        """Samples (N, C, H, W) of inputs as they are stored: uint8 for images."""
        return quantise(self.generate(torch.as_tensor(inputs)), self.format).numpy()

    @torch.no_grad()
    def generate(self, inputs: Tensor, batch: int = 250) -> Tensor:
        """Samples (N, C, H, W), float32, of inputs in the networks' range of values."""
        return torch.cat([self.network(part) for part in torch.split(inputs, batch)])


def sample_format(files: TrialFolder) -> SampleFormat:
    """Return the format of a trial's samples.

    Raises:
        RunFolderError: if it is missing or damaged.
    """
    record = files.read_json(DATA)
    try:
        return TypeAdapter(SampleFormat).validate_python(record)
    except ValidationError as error:
        raise RunFolderError(f"{files.path / DATA} cannot be read: {error}") from None


def _candidate(files: TrialFolder, registry: Registry, trusted: bool) -> Candidate:
    if not (files.path / GENERATOR).is_file():
        raise RunFolderError(
            f"{files.path} keeps no {GENERATOR}: the trial did not come to the end of its training"
        )
    path, record = files.path / CANDIDATE, files.read_json(CANDIDATE)
    try:
        if not trusted and (reference := next(file_references(record), None)) is not None:
            raise RunFolderError(
                f"{path} names a class of a file, {reference}, and was not made here; if you know "
                "that file, accept the run with: gansearch trust RUN"
            )
        return Candidate.from_json(record, registry)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise RunFolderError(f"{path} cannot be read: {type(error).__name__}: {error}") from None
