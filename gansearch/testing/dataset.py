"""Tests of a data set, and small data to try other components on."""

from __future__ import annotations

import numpy as np

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.components import Data, Dataset, Split
from gansearch.testing.component import ComponentContract


class DatasetContract(ComponentContract):
    """Tests of a data set."""

    def test_samples_have_the_shape_and_the_type_that_the_data_declares(
        self, component: Dataset
    ) -> None:
        data = component.load()
        for split in (data.train, data.test):
            assert split.samples.ndim == 4
            assert split.samples.shape[1:] == data.shape
            assert len(split.samples) >= 1
            assert split.labels is None or len(split.labels) == len(split.samples)
        assert data.train.samples.dtype == data.test.samples.dtype
        assert data.train.samples.dtype in (np.uint8, np.float32)

    def test_a_shape_that_its_fields_state_is_that_of_its_samples(self, component: Dataset) -> None:
        assert component.stated_shape() in (None, component.load().shape)

    def test_the_same_component_loads_the_same_data(self, component: Dataset) -> None:
        again = type(component).model_validate(component.model_dump())
        assert component.load().digest == again.load().digest

    def test_its_location_names_fields_of_its_own(self, component: Dataset) -> None:
        assert component.location <= {*type(component).model_fields}

    def test_its_summary_counts_the_samples(self, component: Dataset) -> None:
        data = component.load()
        counts = f"{len(data.train.samples)} train, {len(data.test.samples)} test"
        assert counts in data.summary

    def test_names_the_source_of_the_data(self, component: Dataset) -> None:
        assert component.load().source


def sample_data(samples: int = 64) -> Data:
    """Make small images of noise, on which a metric can be tried."""
    pixels = np.random.default_rng(0).integers(0, 256, (samples, 1, 28, 28), dtype=np.uint8)
    digest = samples_digest(pixels, pixels)
    return Data(train=Split(pixels), test=Split(pixels), source="noise", digest=digest)
