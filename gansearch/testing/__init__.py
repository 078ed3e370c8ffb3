"""Contract tests for components, one class for each role.

Subclass the one of your role and supply the component as a fixture:

    class TestMyGenerator(GeneratorContract):
        @pytest.fixture
        def component(self) -> Generator:
            return MyGenerator()

Every test runs on the component itself and, where fields have domains, on random draws from them.
"""

from __future__ import annotations

from gansearch.testing.component import ComponentContract, RandomSource, variants
from gansearch.testing.dataset import DatasetContract, sample_data
from gansearch.testing.detector import DetectorContract
from gansearch.testing.extractor import ExtractorContract
from gansearch.testing.loss import LossContract
from gansearch.testing.metric import MetricContract
from gansearch.testing.network import DiscriminatorContract, GeneratorContract
from gansearch.testing.schedule import ScheduleContract

__all__ = [
    "ComponentContract",
    "DatasetContract",
    "DetectorContract",
    "DiscriminatorContract",
    "ExtractorContract",
    "GeneratorContract",
    "LossContract",
    "MetricContract",
    "RandomSource",
    "ScheduleContract",
    "sample_data",
    "variants",
]
