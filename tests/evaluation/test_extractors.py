from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch

from gansearch.builtin.extractors.random import FEATURES, Random
from gansearch.components import Data, Extractor, FeatureNetwork, Split
from gansearch.errors import DataError
from gansearch.evaluation.extractors import (
    LoadedExtractor,
    choose_extractor,
    detectors_extractor_for,
    extractor_for,
)
from gansearch.registry import Registry


@pytest.fixture
def images(fashion):
    return torch.from_numpy(fashion.test.samples[:40])


def colours(channels=3):
    pixels = np.random.default_rng(0).integers(0, 256, (30, channels, 16, 12), dtype=np.uint8)
    return Data(Split(pixels), Split(pixels), source="colours", digest=f"{channels}" * 64)


class Mean(Extractor):
    """The mean of each channel."""

    priority = 5

    @classmethod
    def suits(cls, data):
        return data.shape.channels == 3

    def load(self, images):
        torch.rand(1)  # leaves a trace in the random state
        body = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
        return FeatureNetwork(body, "mean", "a" * 64)


class Better(Mean):
    """The same, preferred."""

    priority = 6


def registry(**classes):
    """Return the built-in extractors, and classes of this module by their names."""
    given = {
        "random": "gansearch.builtin.extractors.random:Random",
        "onnx": "gansearch.builtin.extractors.onnx:ONNX",
    } | {name: f"{__name__}:{value}" for name, value in classes.items()}
    return Registry([EntryPoint(n, v, "gansearch.extractors") for n, v in given.items()])


def test_data_are_compared_by_the_extractor_that_they_name(fashion, images):
    extractor = extractor_for(fashion)
    assert extractor is extractor_for(fashion)
    assert extractor.name == "lenet-fashion-mnist"
    features = extractor.features(images)
    assert features.shape == (40, 64) and features.dtype == torch.float32
    assert not features.requires_grad


def test_of_those_that_suit_the_data_the_one_of_highest_priority_is_chosen():
    found = registry(mean="Mean", better="Better")
    assert choose_extractor(colours(), found) == ("better", Better())
    assert choose_extractor(colours(1), found) == ("random", Random())


def test_a_plugin_that_cannot_be_loaded_is_passed_over():
    assert choose_extractor(colours(), registry(broken="NoSuchClass"))[0] == "random"


def test_a_study_s_own_extractor_goes_before_the_choice():
    data = colours()
    chosen = extractor_for(data, Mean())
    assert chosen.name == "mean"
    assert torch.allclose(
        chosen.features(torch.from_numpy(data.test.samples)),
        torch.from_numpy(data.test.samples).float().mean(dim=(2, 3)) / 255,
        atol=1e-6,
    )


def test_detectors_go_by_the_study_s_extractor_only_where_that_is_made_for_them():
    data, rough = colours(), Random(seed=3)
    assert detectors_extractor_for(data, rough) is extractor_for(data, rough)
    assert detectors_extractor_for(data, Mean()) is extractor_for(data, Random())


def test_data_that_name_an_unknown_extractor_are_told_the_known_ones(fashion):
    with pytest.raises(DataError, match=r"unknown extractor 'inception'.* \(available: fashion-mn"):
        extractor_for(replace(fashion, extractor="inception"))


def test_features_do_not_depend_on_the_size_of_a_batch(fashion, images):
    extractor = extractor_for(fashion)
    assert torch.allclose(
        extractor.features(images), extractor.features(images, batch=7), atol=1e-4
    )


@pytest.mark.parametrize("channels", [1, 2])
def test_images_that_nothing_else_suits_get_random_features_and_a_warning(channels):
    data = colours(channels)
    extractor = extractor_for(data)
    features = extractor.features(torch.from_numpy(data.test.samples))
    assert features.shape == (30, FEATURES)
    assert torch.all(features.std(dim=0) > 0)
    assert "hardly see blur" in extractor.stamp["warning"]


def test_a_trained_extractor_has_no_warning(fashion):
    assert {*extractor_for(fashion).stamp} == {"name", "sha256"}


def test_loading_an_extractor_leaves_the_random_state_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    extractor_for(colours(5), Mean())  # of a shape that nothing else has loaded it for
    assert torch.rand(1) == expected


def test_points_are_their_own_features(ring):
    points = torch.from_numpy(ring.test.samples[:7])
    assert torch.equal(extractor_for(ring).features(points), points[:, :, 0, 0])


def test_a_loaded_network_is_in_evaluation_mode():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout())
    loaded = LoadedExtractor(FeatureNetwork(network, "dropout", "b" * 64))
    images = torch.full((4, 1, 2, 2), 255, dtype=torch.uint8)
    assert torch.equal(loaded.features(images), torch.ones(4, 4))
