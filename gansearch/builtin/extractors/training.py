"""Training of a feature extractor as a classifier of labelled images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gansearch.builtin.extractors.lenet import LeNet
from gansearch.components import ImageShape

BATCH = 64
PEAK_LR = 2e-3


def train_extractor(images: Tensor, labels: Tensor, *, seed: int = 0, epochs: int = 6) -> LeNet:
    """Train a classifier whose body is a feature extractor; bit-reproducible on one thread.

    About every other image is mirrored as it is learned from.

    Args:
        images: (N, C, H, W), uint8, with H and W of 4 at least.
        labels: (N,), whole numbers from 0.
        seed: of weights, order and mirroring.
        epochs: passes over the images.
    """
    classes = int(labels.max()) + 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = LeNet(ImageShape(*images.shape[1:]), classes)
        optimizer = torch.optim.Adam(network.parameters())
        steps = epochs * -(-len(images) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=PEAK_LR, total_steps=steps)
        for _ in range(epochs):
            for chosen in torch.split(torch.randperm(len(images)), BATCH):
                loss = nn.functional.cross_entropy(
                    network(_mirrored(images[chosen])), labels[chosen].long()
                )
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
    return network.eval()


def _mirrored(images: Tensor) -> Tensor:
    """Return a batch between 0 and 1, of which about every other image is mirrored."""
    flip = torch.rand(len(images), 1, 1, 1) < 0.5
    return torch.where(flip, images.flip(3), images).float() / 255


def accuracy(network: LeNet, images: Tensor, labels: Tensor) -> float:
    """Return the share of images (N, C, H, W), uint8, whose label the classifier predicts."""
    with torch.inference_mode():
        scores = torch.cat([network(part.float() / 255) for part in torch.split(images, 500)])
    return float((scores.argmax(1) == labels).float().mean())
