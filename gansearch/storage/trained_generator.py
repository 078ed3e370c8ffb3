"""A trained generator, taken up again from what its trial keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.errors import RunFolderError
from gansearch.registry import Registry
from gansearch.storage.run_folder import CANDIDATE, GENERATOR, TrialFolder
from gansearch.storage.weights import load_weights


@dataclass(frozen=True)
class TrainedGenerator:
    """The generator that was judged, in evaluation mode, with the data that it was trained on."""

    candidate: Candidate
    data: Data
    network: nn.Module

    @classmethod
    def load(cls, files: TrialFolder, registry: Registry) -> Self:
        """Build a trial's generator and give it its weights, on the CPU.

        Raises:
            RunFolderError: when the trial has kept none, or it cannot be read.
            PluginError: when a component of the candidate is not installed.
            DataError: when the data is no longer there.
        """
        candidate = _candidate(files, registry)
        data = candidate.dataset.load()
        network = candidate.generator.build(data.shape)
        weights = load_weights(files.path / GENERATOR)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            use = candidate.uses["generator"]
            raise RunFolderError(
                f"{files.path / GENERATOR} does not fit what {use!r} builds now: {error}"
            ) from None
        return cls(candidate, data, network.eval())

    @property
    def reconstructs(self) -> bool:
        """Whether it is an autoencoder, which has no latents of its own to draw."""
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

    @torch.no_grad()
    def generate(self, inputs: Tensor, batch: int = 250) -> Tensor:
        """Samples (N, C, H, W), float32, of inputs in the networks' range of values."""
        return torch.cat([self.network(part) for part in torch.split(inputs, batch)])


def _candidate(files: TrialFolder, registry: Registry) -> Candidate:
    if not (files.path / GENERATOR).is_file():
        raise RunFolderError(
            f"{files.path} keeps no {GENERATOR}: the trial did not come to the end of its training"
        )
    path = files.path / CANDIDATE
    try:
        return Candidate.from_json(json.loads(path.read_text(encoding="utf-8")), registry)
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise RunFolderError(f"{path} cannot be read: {type(error).__name__}: {error}") from None
