"""Latency of a trained generator, on the device and the threads that it was trained with."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

REPEATS, WARM_UP = 20, 3
"""Forward passes, and those before that find their memory: together the price of some ten steps of
training."""


@torch.no_grad()
def median_latency(network: nn.Module, inputs: Tensor, repeats: int = REPEATS) -> float:
    """Measure the milliseconds of one forward pass of a batch in evaluation mode.

    The median of several: another process on the machine slows some of them down and none up.
    """
    was_training = network.training
    network.eval()

    def forward() -> None:
        network(inputs)
        _finish(inputs.device)

    _finish(inputs.device)
    try:
        return median_milliseconds(forward, repeats)
    finally:
        network.train(was_training)


def median_milliseconds(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Measure the median time of some calls, after a few that find their memory."""
    times = []
    for _ in range(WARM_UP + repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[WARM_UP:])


def _finish(device: torch.device) -> None:
    """Wait for a device that computes while the program goes on."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
