"""Tests of a schedule."""

from __future__ import annotations

from typing import ClassVar

from gansearch.components import Loss, Schedule
from gansearch.testing.component import ComponentContract, variants


class ScheduleContract(ComponentContract):
    """Tests of a schedule."""

    loss: ClassVar[type] = Loss
    """Loss with the objectives that the phases name."""
    patience: ClassVar[int] = 20
    """Steps within which both networks must be trained, at 10 steps per epoch.

    A schedule with a field `epochs` has so many times `epochs`.
    """

    def test_both_networks_are_trained_within_patience(self, component: Schedule) -> None:
        for variant in variants(component):
            phases = variant.phases(steps_per_epoch=10)
            steps = range(self.patience * max(1, getattr(variant, "epochs", 1)))
            assert {phase.trains for step in steps for phase in phases if phase.due(step)} == {
                "generator",
                "discriminator",
            }

    def test_every_phase_names_an_objective_of_the_loss(self, component: Schedule) -> None:
        for phase in component.phases(steps_per_epoch=10):
            assert callable(getattr(self.loss, phase.objective, None)), phase.objective
