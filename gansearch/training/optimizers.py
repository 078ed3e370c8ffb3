"""Optimizers of the networks, and the decay of their learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import Optimizer

from gansearch.components import Schedule
from gansearch.components.schedule import Decay, Player


def make_optimizer(
    schedule: Schedule, player: Player, parameters: Sequence[nn.Parameter]
) -> Optimizer:
    """Make the optimizer of a network, as its schedule says."""
    if player == "generator":
        lr, betas = schedule.generator_lr, (schedule.generator_beta1, schedule.generator_beta2)
    else:
        lr = schedule.discriminator_lr
        betas = schedule.discriminator_beta1, schedule.discriminator_beta2
    match schedule.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)
        case "adamw":
            weight_decay = schedule.weight_decay
            return torch.optim.AdamW(
                parameters, lr=lr, betas=betas, weight_decay=weight_decay, fused=True
            )
        case "rmsprop":
            # Its counters must lie on the GPU from the start for CUDA graphs to take them later.
            on_gpu = all(parameter.is_cuda for parameter in parameters)
            return torch.optim.RMSprop(parameters, lr=lr, alpha=betas[1], capturable=on_gpu)


def decay_factor(decay: Decay, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 1, as a share of the first one.

    >>> [decay_factor("linear", step, steps=4) for step in (1, 2, 3, 4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    done = (step - 1) / steps
    match decay:
        case "constant":
            return 1.0
        case "linear":
            return 1 - done
        case "cosine":
            return (1 + math.cos(math.pi * done)) / 2
