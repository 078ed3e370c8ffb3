"""Jobs of the measurement, in a module of their own, since workers cannot import a script."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansearch.candidate import Candidate
from gansearch.components import Player
from gansearch.diagnosis.detection import RunWatch
from gansearch.messages import Channel, Job, Outcome, Progress
from gansearch.signals import HEALTHY
from gansearch.study.spec import TrainingSpec
from gansearch.training.distributed import SINGLE, Ranks, process_group
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks

NETWORKS: tuple[Player, ...] = ("generator", "discriminator")


@dataclass(frozen=True)
class Compares:
    """Train each of the job's candidates in one process and in all, in float64.

    It calls the real `train`; conversions to single precision become conversions to double.
    """

    trainings: Mapping[str, TrainingSpec]

    def __call__(self, job: Job, channel: Channel) -> Outcome:
        torch.set_default_dtype(torch.float64)
        torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
        candidates: dict[str, Candidate] = job.candidate  # type: ignore[assignment]
        differences: dict[str, float] = {}
        with process_group(job.rank, torch.device("cpu")) as ranks:
            for name, candidate in candidates.items():
                one, several = (
                    trained(candidate, self.trainings[name], each) for each in (SINGLE, ranks)
                )
                differences |= {
                    f"{name}|{kind}": _difference(one[kind], several[kind]) for kind in one
                }
                channel.heartbeat()
        return Outcome(HEALTHY, 1, 0.0, metrics=differences)


Tensors = Mapping[str, list[Tensor]]
"""Tensors by network."""


class FirstGradients(TrainingMonitor):
    """Keep the gradients of the first step."""

    def __init__(self) -> None:
        self.gradients: dict[str, list[Tensor]] = {}

    def before_step(self, step: int, networks: GANNetworks) -> None:
        if step == 2:
            self.gradients = {name: _gradients(networks[name].network) for name in NETWORKS}


def trained(candidate: Candidate, training: TrainingSpec, ranks: Ranks) -> dict[str, Tensors]:
    """Return the gradients of the first step, and weights and statistics after the last one."""
    data, monitor = candidate.dataset.load(), FirstGradients()
    spec = training.in_steps(len(data.train.samples))
    run = train(candidate, data, spec, RunWatch(()), monitor, ranks=ranks)
    weights: Tensors = {name: _floating(run.networks[name].network) for name in NETWORKS}
    return {"gradients": monitor.gradients, "weights": weights}


def _gradients(network: nn.Module) -> list[Tensor]:
    return [weight.grad.clone() for weight in network.parameters() if weight.grad is not None]


def _floating(network: nn.Module) -> list[Tensor]:
    """Return weights and statistics, without the counters of the norms."""
    return [value for value in network.state_dict().values() if value.is_floating_point()]


def _difference(one: Tensors, other: Tensors) -> float:
    """Return the largest difference of an element, relative to its network's largest element."""
    return max(
        max(float((a - b).abs().max()) for a, b in zip(one[name], other[name], strict=True))
        / max(float(a.abs().max()) for a in one[name])
        for name in NETWORKS
    )


@dataclass(frozen=True)
class MeasuresPace:
    """Train as a study would; report the end of the first step and the seconds of the others."""

    training: TrainingSpec

    def __call__(self, job: Job, channel: Channel) -> Outcome:
        (job.folder / str(job.rank.rank)).write_text(str(os.getpid()))
        data, times = job.candidate.dataset.load(), [time.monotonic()]

        class Timing(TrainingMonitor):
            def before_step(self, step: int, networks: GANNetworks) -> None:
                times.append(time.monotonic())
                if step == 2:
                    channel.progress(Progress(job.trial, 1, 2, 0.0, {}, HEALTHY))

        with process_group(job.rank, torch.device("cpu")) as ranks:
            training = self.training.in_steps(len(data.train.samples))
            run = train(job.candidate, data, training, RunWatch(()), Timing(), ranks=ranks)
        warm = times[len(times) // 4 :]
        return Outcome(HEALTHY, run.steps, (warm[-1] - warm[0]) / (len(warm) - 1))
