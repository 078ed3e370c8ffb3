"""Measure a step of our loop against a plain PyTorch loop with the same networks.

    python benchmarks/train_step/measure.py [--rounds 12] [--out results.json]

Each contender is a process of its own, since our allocator settings are part of the comparison.
They take turns of 20 steps, so that a noisy machine is equally noisy for all; the figures are
ratios of each turn to the plain loop's turn of the same round. About 8 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

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
from gansearch.training.precision import choose_precision, keep_freed_memory

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
    reshaping = {
        ToMap: lambda layer: nn.Unflatten(1, (layer.width, *layer.size)),
        ToVector: lambda _: nn.Flatten(),
    }
    return nn.Sequential(
        *(reshaping.get(type(layer), lambda same: same)(layer) for layer in network)
    )


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
            d_loss.backward()
            d_optimizer.step()
            g_optimizer.zero_grad()
            g_loss = softplus(-discriminator(fake)).mean()
            g_loss.backward()
            g_optimizer.step()
            if reads_losses:
                d_loss.item(), g_loss.item()


Contend = Callable[[str, int, int, Connection], None]
_pipe: Connection


def _end_turn() -> None:
    """End a turn and wait for the next."""
    if torch.cuda.is_initialized():
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


def compare(width: int, threads: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure steps per second, and median ratios to the two plain loops."""
    names = ["tight", "dataloader", "ours-fp32", "ours-auto", "ours-bf16"]
    contenders = {name: Contender(name, width, threads) for name in names}
    for contender in contenders.values():
        contender.turn()  # warm up
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, contender in contenders.items():
            seconds[name].append(contender.turn())
    results = {}
    for name, contender in contenders.items():
        results[name] = {
            "steps_per_second": TURN / statistics.median(seconds[name]),
            "over_tight": statistics.median(
                a / b for a, b in zip(seconds["tight"], seconds[name], strict=True)
            ),
            "over_dataloader": statistics.median(
                a / b for a, b in zip(seconds["dataloader"], seconds[name], strict=True)
            ),
            "peak_memory_mb": contender.peak / 1024,
        }
        contender.stop()
    return results


def share(width: int, rounds: int) -> dict[str, float]:
    """Measure two one-thread workers relative to one, and to one two-thread process."""
    pair = [Contender("ours-auto", width, 1) for _ in range(2)]
    wide = Contender("ours-auto", width, 2)
    for contender in (*pair, wide):
        contender.turn()
    over_one, over_wide = [], []
    for _ in range(rounds):
        alone, two_threads = TURN / pair[0].turn(), TURN / wide.turn()
        for contender in pair:
            contender.begin()
        both = sum(TURN / contender.end() for contender in pair)
        over_one.append(both / alone)
        over_wide.append(both / two_threads)
    for contender in (*pair, wide):
        contender.stop()
    return {
        "two_workers_over_one": statistics.median(over_one),
        "over_two_threads": statistics.median(over_wide),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.json")
    options = parser.parse_args()
    results: dict[str, object] = {
        "torch": torch.__version__,
        "processor": torch.cpu.get_capabilities().get("cpu_name"),
        "auto_means": choose_precision("auto", torch.device("cpu")),
        "rounds": options.rounds,
    }
    for width in (16, 64):
        for threads in (1, 2):
            result = compare(width, threads, options.rounds)
            results[f"width {width}, {threads} thread(s)"] = result
            for name, figures in result.items():
                print(
                    width,
                    threads,
                    name,
                    {key: round(value, 2) for key, value in figures.items()},
                    flush=True,
                )
        results[f"width {width}, workers"] = share(width, options.rounds)
        print(width, results[f"width {width}, workers"], flush=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
