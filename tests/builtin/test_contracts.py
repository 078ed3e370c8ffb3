"""Our own components pass the contract that every plugin's author is held to."""

import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from support.onnx_file import onnx_file

from gansearch.builtin.losses.penalised import Penalised
from gansearch.components import Component, ImageShape
from gansearch.registry import Registry
from gansearch.testing import (
    DatasetContract,
    DetectorContract,
    DiscriminatorContract,
    ExtractorContract,
    GeneratorContract,
    LossContract,
    MetricContract,
    ScheduleContract,
)

registry = Registry()
ours = [listing for listing in registry.listings() if listing.distribution == "gansearch"]


def every(role: str) -> list[str]:
    return [listing.name for listing in ours if listing.role == role]


def make(role: str, name: str, **fields: object) -> Component:
    return registry.load(role, name).model_validate(fields)


class TestGenerators(GeneratorContract):
    @pytest.fixture(params=every("generator"))
    def component(self, request):
        return make("generator", request.param, width=4)


class TestDiscriminators(DiscriminatorContract):
    shapes: ClassVar = (ImageShape(1, 28, 28), ImageShape(3, 32, 32))

    @pytest.fixture(params=every("discriminator"))
    def component(self, request):
        return make("discriminator", request.param, width=4)


class TestPointNetworks(GeneratorContract):
    shapes: ClassVar = (ImageShape(2, 1, 1),)

    @pytest.fixture
    def component(self):
        return make("generator", "dense", width=16, output="none")


class TestLosses(LossContract):
    @pytest.fixture(params=every("loss"))
    def component(self, request):
        return make("loss", request.param)


class TestSchedules(ScheduleContract):
    loss: ClassVar = Penalised

    @pytest.fixture(params=every("schedule"))
    def component(self, request):
        return make("schedule", request.param)


class TestDatasets(DatasetContract):
    @pytest.fixture(params=every("dataset"))
    def component(self, request, tmp_path: Path):
        if request.param != "folder":
            return make("dataset", request.param)
        for i in range(4):
            pixels = np.full((20, 30, 3), 60 * i, dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        return make("dataset", "folder", root=str(tmp_path), height=16, width=16, channels=3)


class TestRandomFeatures(ExtractorContract):
    @pytest.fixture
    def component(self):
        return make("extractor", "random")


class TestShippedFeatures(ExtractorContract):
    shapes: ClassVar = (ImageShape(1, 28, 28), ImageShape(1, 40, 40))

    @pytest.fixture
    def component(self):
        return make("extractor", "fashion-mnist")


class TestFeaturesOfAFile(ExtractorContract):
    @pytest.fixture
    def component(self, tmp_path: Path):
        (path := tmp_path / "network.onnx").write_bytes(onnx_file(size=16))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return make("extractor", "onnx", path=str(path), sha256=sha256, size=16)


class TestMetrics(MetricContract):
    @pytest.fixture(params=every("metric"))
    def component(self, request):
        return make("metric", request.param)


class TestDetectors(DetectorContract):
    @pytest.fixture(params=every("detector"))
    def component(self, request):
        return make("detector", request.param)
