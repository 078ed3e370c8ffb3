"""Tests of a detector."""

from __future__ import annotations

from typing import ClassVar

from gansearch.components import Detector
from gansearch.diagnosis.detection import RunWatch
from gansearch.signals import COLUMNS, LOG_COLUMNS, Row
from gansearch.testing.component import ComponentContract


class DetectorContract(ComponentContract):
    """Tests of a detector."""

    balanced: ClassVar[Row] = {
        "d_loss_real": 0.6,
        "d_loss_fake": 0.6,
        "d_acc_real": 0.75,
        "d_acc_fake": 0.75,
        "g_loss": 1.0,
        "d_grad_norm": 1.0,
        "g_grad_norm": 1.0,
        "d_logit_real": 0.5,
        "d_logit_fake": -0.5,
        "dominance": 1.2,
        "pair_ratio": 0.9,
        "coverage": 0.3,
        "duplicates": 0.01,
        "coarse_duplicates": 0.01,
        "spread": 0.95,
        "levels": 0.2,
        "mmd": 50.0,
    }
    """Signals of a healthy run."""

    def test_calls_a_balanced_run_healthy(self, component: Detector) -> None:
        watch = RunWatch([component])
        for step in range(1, 2001):
            watch.observe(step, self.balanced)
        assert watch.conclude().status == "healthy"

    def test_reads_columns_that_exist(self, component: Detector) -> None:
        known = {*COLUMNS, *LOG_COLUMNS}
        assert {
            name for alternatives in component.reads for name in alternatives.split("|")
        } <= known

    def test_is_healthy_without_signals(self, component: Detector) -> None:
        watch = RunWatch([component])
        assert watch.observe(1, {}).status == "unjudged"
        assert watch.conclude().status == "unjudged"

    def test_each_watch_has_its_own_state(self, component: Detector) -> None:
        assert component.watch() is not component.watch()
