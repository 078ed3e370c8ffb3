"""Distillation: the loss of a student, which learns from the data and from a fixed teacher.

A student's loss is that of its study, with one more term in the generator's objective. So the
training loop, its steps and its schedules know nothing of teachers. The teacher has no state that
training changes, so a checkpoint need not hold it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gansearch.candidate import Candidate
from gansearch.components import Data, Extractor, Loss, LossInputs, PairLoss
from gansearch.evaluation.distances import BANDWIDTH, differentiable_mmd, gaussian_bandwidth
from gansearch.evaluation.extractors import extractor_for
from gansearch.study.teacher import Teacher

SCALE_SAMPLES = 500
"""Samples of the teacher by which the scale of its features is measured."""

Term = Callable[[LossInputs], Tensor]
"""Distillation term: a scalar, 0 at the least for all terms but `mmd` and `adversarial`."""


class DistilledLoss:
    """Loss of a study whose generator's objective is `(1 - weight) * data + weight * term`.

    With a weight of 0 no term is computed, so that nothing differs from training without a teacher;
    with a weight of 1 no data term is.
    """

    def __init__(self, data: Loss, term: Term, weight: float) -> None:
        """Mix a distillation term into the objective `generate` of a loss."""
        self._data, self._term, self._weight = data, term, weight

    def __getattr__(self, name: str) -> Any:
        """Return anything else from the loss of the study."""
        return getattr(self._data, name)

    def generate(self, inputs: LossInputs) -> Tensor:
        """Objective of the generator: samples that are taken for real, and like the teacher's."""
        if self._weight == 0:
            return self._data.generate(inputs)
        term = self._term(inputs)
        inputs.note("distillation", term)
        if self._weight == 1:
            return term
        return (1 - self._weight) * self._data.generate(inputs) + self._weight * term


def student(
    candidate: Candidate,
    teacher: Teacher | None,
    data: Data,
    extractor: Extractor | None,
    device: torch.device,
) -> Candidate:
    """Return a candidate with the loss of a student; itself if it has no teacher.

    Neither the random state nor the candidate is changed.

    Args:
        candidate: the candidate.
        teacher: teacher of its study.
        data: its data set, loaded.
        extractor: the study's, whose features are compared.
        device: device of the training, or the meta device, on which the teacher has no weights.
    """
    distillation = candidate.teacher
    if distillation is None or teacher is None:
        return candidate
    networks = _networks(teacher, device)
    match distillation.distill:
        case "pixel":
            term: Term = PixelTerm(networks.generator, teacher.generator.latent)
        case "feature":
            features = _features(teacher, networks.generator, data, extractor, device)
            term = FeatureTerm(networks.generator, teacher.generator.latent, features)
        case "mmd":
            features = _features(teacher, networks.generator, data, extractor, device)
            term = MMDTerm(teacher, networks.generator, features, device)
        case "adversarial":
            assert networks.discriminator is not None, "load_teacher refuses a study without one"
            term = AdversarialTerm(networks.discriminator, teacher.loss)
    loss = DistilledLoss(candidate.loss, term, distillation.weight)
    return replace(candidate, loss=cast(Loss, loss))


class TeacherNetworks(NamedTuple):
    """Networks of a teacher in evaluation mode, whose weights are fixed."""

    generator: nn.Module
    discriminator: nn.Module | None


def _networks(teacher: Teacher, device: torch.device) -> TeacherNetworks:
    """Build a teacher's networks on a device, with their weights except on the meta device."""
    is_meta = device.type == "meta"
    with torch.random.fork_rng(devices=[]), torch.device("meta" if is_meta else "cpu"):
        networks = teacher.networks()
    for network, weights in zip(
        networks, (teacher.weights, teacher.discriminator_weights), strict=True
    ):
        if network is None or weights is None:
            continue
        if not is_meta:
            network.load_state_dict(safetensors.torch.load(weights))
        network.to(device).eval().requires_grad_(False)
    return TeacherNetworks(*networks)


@dataclass(frozen=True)
class FeatureSpace:
    """Differentiable features of samples, and the scale of the teacher's."""

    features: Callable[[Tensor], Tensor]
    """Function from generated samples (N, C, H, W) to features (N, F)."""
    distance: float
    """Root mean square distance between features of two of the teacher's samples."""


def _features(
    teacher: Teacher,
    generator: nn.Module,
    data: Data,
    extractor: Extractor | None,
    device: torch.device,
) -> FeatureSpace:
    """Return the features by which a study compares samples, for generated samples."""
    loaded = extractor_for(data, extractor)
    if device.type == "meta":
        loaded = copy.deepcopy(loaded)  # the other one keeps its weights
    low, high = data.value_range

    def features(samples: Tensor) -> Tensor:
        if data.is_image:
            samples = (samples - low) / (high - low)
        return loaded.differentiable_features(samples)

    if device.type == "meta":
        return FeatureSpace(features, 1.0)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        latents = teacher.generator.draw_latents(SCALE_SAMPLES, "cpu").to(device)
        parts = [features(generator(part)) for part in torch.split(latents, 50)]
    return FeatureSpace(features, max(gaussian_bandwidth(torch.cat(parts)), 1e-12))


@dataclass(frozen=True)
class PixelTerm:
    """Mean squared error between samples of the same latents (Aguinaldo et al. 2019).

    A teacher of a smaller latent gets the first values of the student's.
    """

    teacher: nn.Module
    latent: int
    """Number of values in a latent of the teacher."""

    def __call__(self, inputs: LossInputs) -> Tensor:
        with torch.no_grad():
            target = self.teacher(inputs.inputs[:, : self.latent])
        return mse_loss(inputs.fake, target)


@dataclass(frozen=True)
class FeatureTerm:
    """Squared distance between features of samples of the same latents (Aguinaldo et al. 2019).

    It is divided by the mean squared distance between two of the teacher's samples, so that a
    weight means the same whatever the extractor: 1 is no more alike than two samples.
    """

    teacher: nn.Module
    latent: int
    space: FeatureSpace

    def __call__(self, inputs: LossInputs) -> Tensor:
        with torch.no_grad():
            target = self.space.features(self.teacher(inputs.inputs[:, : self.latent]))
        distances = (self.space.features(inputs.fake) - target).square().sum(1)
        return distances.mean() / self.space.distance**2


@dataclass(frozen=True)
class MMDTerm:
    """Squared MMD between features of a batch of each network (DiME, arXiv:2405.11614).

    The teacher's samples are of latents of their own, since distributions are compared, and so that
    the estimate is unbiased. Gaussian kernel, of the bandwidth of the metric `mmd`.
    """

    teacher: Teacher
    network: nn.Module
    space: FeatureSpace
    device: torch.device

    def __call__(self, inputs: LossInputs) -> Tensor:
        with torch.no_grad():
            latents = self.teacher.generator.draw_latents(len(inputs.fake), self.device)
            target = self.space.features(self.network(latents))
        fake = self.space.features(inputs.fake)
        return differentiable_mmd(target, fake, BANDWIDTH * self.space.distance)


@dataclass(frozen=True)
class AdversarialTerm:
    """Loss of the teacher's generator on scores of its fixed discriminator (DGL-GAN, 2112.06502).

    In DGL-GAN's code the teacher's discriminator is trained on in one of two variants; here it
    stays as it is.
    """

    discriminator: nn.Module
    loss: Loss

    def __call__(self, inputs: LossInputs) -> Tensor:
        scores: Tensor = self.discriminator(inputs.fake)
        if isinstance(self.loss, PairLoss):  # its scores are relative to those of real samples
            _, scores = self.loss.relative(self.discriminator(inputs.real), scores)
        return self.loss.of_generator(scores)
