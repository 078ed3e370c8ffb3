"""What the ranks of a measurement do, in a module of its own, since workers cannot import a script."""

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
from gansearch.training.distributed import ALONE, Ranks, joined
from gansearch.training.loop import Hooks, train
from gansearch.training.networks import GANNetworks

PLAYERS: tuple[Player, ...] = ("generator", "discriminator")


@dataclass(frozen=True)
class Compares:
    """An `Evaluate` that trains each of the job's candidates alone and with the others, in double precision.

    `train` and all that it calls is the real one; what it turns into single precision becomes double.
    """

    trainings: Mapping[str, TrainingSpec]

    def __call__(self, job: Job, channel: Channel) -> Outcome:
        torch.set_default_dtype(torch.float64)
        torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
        candidates: dict[str, Candidate] = job.candidate  # type: ignore[assignment]
        apart = {}
        with joined(job.rank, torch.device("cpu")) as ranks:
            for name, candidate in candidates.items():
                one, several = (
                    learnt(candidate, self.trainings[name], one) for one in (ALONE, ranks)
                )
                apart |= {f"{name}|{kind}": _apart(one[kind], several[kind]) for kind in one}
                channel.heartbeat()
        return Outcome(HEALTHY, 1, 0.0, metrics=apart)


Tensors = Mapping[str, list[Tensor]]
"""By network."""


def learnt(candidate: Candidate, training: TrainingSpec, ranks: Ranks) -> dict[str, Tensors]:
    """The gradients of the first step, and weights and statistics after the last one."""
    data, gradients = candidate.dataset.load(), {}

    def keep(step: int, players: GANNetworks) -> None:
        if step == 2:
            gradients.update({name: _gradients(players[name].network) for name in PLAYERS})

    spec = training.in_steps(len(data.train.samples))
    run = train(candidate, data, spec, RunWatch(()), Hooks(disturb=keep), ranks=ranks)
    weights = {name: _floating(run.players[name].network) for name in PLAYERS}
    return {"gradients": gradients, "weights": weights}


def _gradients(network: nn.Module) -> list[Tensor]:
    return [weight.grad.clone() for weight in network.parameters() if weight.grad is not None]


def _floating(network: nn.Module) -> list[Tensor]:
    """Weights and statistics; not how many batches a norm has seen."""
    return [value for value in network.state_dict().values() if value.is_floating_point()]


def _apart(one: Tensors, other: Tensors) -> float:
    """Of either network the largest difference of any element, relative to the largest element."""
    return max(
        max(float((a - b).abs().max()) for a, b in zip(one[name], other[name], strict=True))
        / max(float(a.abs().max()) for a in one[name])
        for name in PLAYERS
    )


@dataclass(frozen=True)
class TellsPace:
    """An `Evaluate` that trains as a study would; tells when the first step is done, and how long the others took."""

    training: TrainingSpec

    def __call__(self, job: Job, channel: Channel) -> Outcome:
        (job.folder / str(job.rank.rank)).write_text(str(os.getpid()))
        data, times = job.candidate.dataset.load(), [time.monotonic()]

        def note(step: int, players: GANNetworks) -> None:
            times.append(time.monotonic())
            if step == 2:
                channel.progress(Progress(job.trial, 1, 2, 0.0, {}, HEALTHY))

        with joined(job.rank, torch.device("cpu")) as ranks:
            training = self.training.in_steps(len(data.train.samples))
            run = train(
                job.candidate, data, training, RunWatch(()), Hooks(disturb=note), ranks=ranks
            )
        warm = times[len(times) // 4 :]
        return Outcome(HEALTHY, run.steps, (warm[-1] - warm[0]) / (len(warm) - 1))
