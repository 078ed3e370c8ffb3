"""Loops that take turns of a few steps, each in a process of its own: ours, and plain PyTorch's.

Each is a process of its own, since our allocator settings are part of what is compared.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, Dataset

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import ImageShape
from gansearch.diagnosis.detection import RunWatch
from gansearch.layers import ToMap, ToVector
from gansearch.study.spec import TrainingSpec
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks
from gansearch.training.precision import keep_freed_memory

TURN = 20
BATCH = 64
LATENT = 64
SHAPE = ImageShape(1, 28, 28)


def networks(width: int) -> tuple[DCGANGenerator, DCGANDiscriminator]:
    """Return the generator and discriminator that all contenders train."""
    discriminator = DCGANDiscriminator(width=width, layers=2, norm="none")
    return DCGANGenerator(width=width, latent=LATENT, levels=2), discriminator


def in_plain_torch(network: nn.Module) -> nn.Module:
    """Return the same network with torch's own reshaping layers and default memory format."""
    assert isinstance(network, nn.Sequential)
    layers: list[nn.Module] = []
    for layer in network:
        match layer:
            case ToMap():
                layers.append(nn.Unflatten(1, (layer.width, *layer.size)))
            case ToVector():
                layers.append(nn.Flatten())
            case _:
                layers.append(layer)
    return nn.Sequential(*layers)


def unchanged(networks: GANNetworks) -> None:
    """Leave the networks as they are."""


def compiled(networks: GANNetworks) -> None:
    """Compile both networks by torch.compile."""
    for network in (networks.generator, networks.discriminator):
        network.shared = torch.compile(network.network)  # type: ignore[assignment]


def ours(
    width: int,
    precision: str,
    device: str = "cpu",
    *,
    graphs: bool = False,
    change: Callable[[GANNetworks], None] = unchanged,
) -> None:
    """Run our whole loop: signals at every step, three detectors, progress reports."""
    keep_freed_memory()
    dataset = FashionMNIST()
    generator, discriminator = networks(width)
    candidate = Candidate(dataset, generator, discriminator, BCE(), Alternating(), {})
    settings = {
        "steps": 10**6,
        "precision": precision,
        "device": device,
        "graphs": graphs,
        "sample_every": 0,
    }
    spec = TrainingSpec.model_validate(settings).in_steps(60_000)

    class TakingTurns(TrainingMonitor):
        def before_step(self, step: int, networks: GANNetworks) -> None:
            if step == 1:
                change(networks)
            if step % TURN == 1:
                _end_turn()

    watch = RunWatch([Divergence(), ConvergenceFailure(), ModeCollapse()])
    train(candidate, dataset.load(), spec, watch, TakingTurns())


class Images(Dataset[torch.Tensor]):
    """Images converted one by one by Pillow and normalised, as torchvision's data set does."""

    def __init__(self) -> None:
        self.pixels = torch.from_numpy(FashionMNIST().load().train.samples)
        self.mean, self.deviation = torch.tensor(0.5), torch.tensor(0.5)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> torch.Tensor:
        picture = Image.fromarray(self.pixels[index, 0].numpy())
        tensor = torch.from_numpy(np.array(picture, copy=True)).unsqueeze(0).float().div(255)
        return tensor.sub_(self.mean).div_(self.deviation)


def gathered_batches(device: str = "cpu") -> Callable[[], torch.Tensor]:
    """Return batches gathered from a tensor in the device's memory."""
    pixels = torch.from_numpy(FashionMNIST().load().train.samples).to(device)
    return lambda: (
        pixels[torch.randint(len(pixels), (BATCH,), device=device)].float().div(127.5).sub(1)
    )


def loader_batches() -> Callable[[], torch.Tensor]:
    """Return batches of a DataLoader in this process."""

    def endless() -> Iterator[torch.Tensor]:
        loader = DataLoader(Images(), batch_size=BATCH, shuffle=True, drop_last=True)
        while True:
            yield from loader

    batches = endless()
    return lambda: next(batches)


def plain(
    width: int, batch: Callable[[], torch.Tensor], device: str = "cpu", *, reads_losses: bool
) -> None:
    """Run the loop of PyTorch's DCGAN example: one generator pass a step serves both networks."""
    generator, discriminator = (
        in_plain_torch(component.build(SHAPE)).to(device) for component in networks(width)
    )
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    while True:
        _end_turn()
        for _ in range(TURN):
            d_optimizer.zero_grad()
            fake = generator(torch.randn(BATCH, LATENT, device=device))
            d_loss = (
                softplus(-discriminator(batch())).mean()
                + softplus(discriminator(fake.detach())).mean()
            )
            d_loss.backward()  # type: ignore[no-untyped-call]
            d_optimizer.step()
            g_optimizer.zero_grad()
            g_loss = softplus(-discriminator(fake)).mean()
            g_loss.backward()  # type: ignore[no-untyped-call]
            g_optimizer.step()
            if reads_losses:
                d_loss.item(), g_loss.item()


Contend = Callable[[str, int, int, Connection], None]
_pipe: Connection


def _end_turn() -> None:
    """End a turn and wait for the next."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
    _pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    _pipe.recv()


def prepare(threads: int, pipe: Connection) -> None:
    """Set up this process as a contender."""
    global _pipe
    _pipe = pipe
    torch.set_num_threads(threads)
    torch.manual_seed(0)


def contend(name: str, width: int, threads: int, pipe: Connection) -> None:
    """Run one contender."""
    prepare(threads, pipe)
    match name:
        case "tight":
            plain(width, gathered_batches(), reads_losses=False)
        case "dataloader":
            plain(width, loader_batches(), reads_losses=True)
        case precision:
            ours(width, precision.removeprefix("ours-"))


class Contender:
    """Process that takes turns."""

    def __init__(self, name: str, width: int, threads: int, contend: Contend = contend) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        os.environ["OMP_NUM_THREADS"] = str(threads)
        self.process = context.Process(
            target=contend, args=(name, width, threads, theirs), daemon=True
        )
        self.process.start()
        self.peak = self.pipe.recv()

    def begin(self) -> None:
        self.started = time.perf_counter()
        self.pipe.send(None)

    def end(self) -> float:
        """Wait for the end of the turn and return its seconds."""
        self.peak = self.pipe.recv()
        return time.perf_counter() - self.started

    def turn(self) -> float:
        self.begin()
        return self.end()

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
