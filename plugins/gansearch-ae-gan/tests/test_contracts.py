"""The plugin's components pass the contract of their roles."""

from typing import ClassVar

import pytest
from gansearch_ae_gan.generator import Autoencoder
from gansearch_ae_gan.loss import AEGAN
from gansearch_ae_gan.metrics import InputOutputRelation, OutputDiversity, ReconstructionError
from gansearch_ae_gan.schedules import FourPhases, Pretraining

from gansearch.components import ImageShape
from gansearch.testing import GeneratorContract, LossContract, MetricContract, ScheduleContract


class TestAutoencoder(GeneratorContract):
    shapes: ClassVar = (ImageShape(1, 28, 28), ImageShape(3, 15, 32), ImageShape(2, 1, 1))

    @pytest.fixture
    def component(self):
        return Autoencoder(width=4)


class TestAEGAN(LossContract):
    objectives: ClassVar = (*LossContract.objectives, "reconstruct")
    feeds_on: ClassVar = "samples"

    @pytest.fixture
    def component(self):
        return AEGAN()


class TestSchedules(ScheduleContract):
    loss: ClassVar = AEGAN
    patience: ClassVar = 2000

    @pytest.fixture(params=[FourPhases, Pretraining])
    def component(self, request):
        return request.param()


class TestMetrics(MetricContract):
    @pytest.fixture(params=[ReconstructionError, OutputDiversity, InputOutputRelation])
    def component(self, request):
        return request.param()
