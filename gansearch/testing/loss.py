"""Tests of a loss, on two small networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gansearch.components import Loss
from gansearch.testing.component import ComponentContract, variants


class _FixedLossInputs:
    """Loss inputs of two small networks, computed at once."""

    def __init__(self, feeds_on: Literal["latents", "samples"]) -> None:
        torch.manual_seed(0)
        width = 4 if feeds_on == "samples" else 2
        self.generator: nn.Module = nn.Sequential(
            nn.Flatten(), nn.Linear(width, 4), nn.Unflatten(1, (1, 2, 2))
        )
        self.discriminator: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(4, 1), nn.Flatten(0))
        self.step, self.steps = 1, 2
        self.real = torch.randn(8, 1, 2, 2)
        self.inputs = self.real if feeds_on == "samples" else torch.randn(8, width)
        self.fake = self.generator(self.inputs)
        self.real_features, self.fake_features = self.real.flatten(1), self.fake.flatten(1)
        self.real_scores = self.discriminator(self.real)
        self.fake_scores = self.discriminator(self.fake)
        self.notes: dict[str, Tensor] = {}

    def note(self, name: str, value: Tensor) -> None:
        assert value.shape == (), f"{name} is not a scalar"
        self.notes[name] = value


class LossContract(ComponentContract):
    """Tests of a loss."""

    objectives: ClassVar[Sequence[str]] = (
        "discriminate",
        "discriminate_real",
        "discriminate_fake",
        "generate",
    )
    """Methods that a phase may name."""
    feeds_on: ClassVar[Literal["latents", "samples"]] = "latents"
    """Inputs of the generators that the loss is made for."""

    def test_every_objective_is_a_finite_scalar_with_a_gradient(self, component: Loss) -> None:
        for variant in variants(component):
            for objective in self.objectives:
                loss = getattr(variant, objective)(_FixedLossInputs(self.feeds_on))
                assert loss.shape == (), objective
                assert loss.isfinite(), objective
                assert loss.requires_grad, objective

    def test_a_better_discriminator_has_a_lower_loss(self, component: Loss) -> None:
        good, bad = torch.full((4,), 0.9), torch.full((4,), 0.1)
        assert component.of_real(good) < component.of_real(bad)
        assert component.of_fake(bad) < component.of_fake(good)
        assert component.of_generator(good) < component.of_generator(bad)

    def test_logits_increase_with_the_scores(self, component: Loss) -> None:
        logits = component.logits(torch.tensor([0.2, 0.6]))
        assert logits is None or logits[0] < logits[1]
