import hashlib
import sys

import numpy as np
import pytest
import torch
from support.onnx_file import onnx_file

from gansearch.builtin.extractors.onnx import ONNX
from gansearch.components import ImageShape
from gansearch.errors import DataError
from gansearch.evaluation.extractors import LoadedExtractor

COLOUR = ImageShape(3, 12, 10)


@pytest.fixture
def made(tmp_path):
    """Make the extractor of a network that is written to a file."""

    def make(fields=None, **network):
        content = onnx_file(**network)
        path = tmp_path / "network.onnx"
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        return ONNX.model_validate(
            {"path": str(path), "sha256": sha256, "size": 8} | (fields or {})
        )

    return make


def features(extractor, images, shape=COLOUR):
    return LoadedExtractor(extractor.load(shape)).features(images)


@pytest.fixture
def images():
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (7, *COLOUR), dtype=np.uint8))


def test_images_of_any_size_are_mapped_to_features_of_the_first_output(made, images):
    found = features(made(), images)
    assert found.shape == (7, 5 * 8 * 8) and found.dtype == torch.float32
    assert torch.allclose(features(made(), images[2:3]), found[2:3], atol=1e-5)


def test_mean_and_deviation_are_taken_off_before(made, images):
    plain = features(made(), images)
    scaled = features(made({"std": [0.5]}), images)
    assert torch.allclose(scaled, 2 * plain, atol=1e-4)
    shifted = features(made({"mean": [0.1, 0.2, 0.3]}), images)
    nothing = features(made({"mean": [0.1, 0.2, 0.3]}), torch.zeros_like(images))
    assert torch.allclose(shifted, plain + nothing, atol=1e-4)


def test_of_tokens_the_first_is_taken_and_of_a_map_the_mean(made, images):
    flat = features(made(), images).view(7, 5, 64)
    tokens = features(made(shape=(0, 64, 5)), images)
    assert torch.allclose(tokens, flat.flatten(1)[:, :5], atol=1e-5)
    mapped = features(made({"output": "map"}), images)
    assert torch.allclose(mapped, flat.mean(2), atol=1e-5)


def test_a_file_with_a_fixed_batch_is_given_batches_of_that_size(made, images):
    fixed = features(made(batch=4), images)
    assert torch.allclose(fixed, features(made(), images), atol=1e-5)


def test_grey_images_are_given_to_all_channels(made, images):
    grey = images[:, :1]
    found = features(made(), grey, ImageShape(1, 12, 10))
    assert torch.allclose(found, features(made(), grey.expand(-1, 3, -1, -1)), atol=1e-5)


def test_the_digest_depends_on_all_that_the_features_depend_on_and_on_no_path(made, tmp_path):
    extractor = made()
    digest = extractor.load(COLOUR).digest
    (elsewhere := tmp_path / "copy.onnx").write_bytes(onnx_file())
    moved = extractor.model_copy(update={"path": str(elsewhere)})
    assert moved.load(COLOUR).digest == digest
    for fields in ({"mean": [0.5]}, {"std": [0.5]}, {"output": "map"}):
        assert made(fields).load(COLOUR).digest != digest
    assert made(features=6).load(COLOUR).digest != digest


@pytest.mark.parametrize(
    ("fields", "network", "message"),
    [
        ({"path": "no-such.onnx"}, {}, "path: no-such.onnx cannot be read: No such file"),
        ({"sha256": "0" * 64}, {}, r"sha256: .*network.onnx has [0-9a-f]{64}; it is another file"),
        ({"size": 9}, {}, r"size: the network takes images \[3, 8, 8\], .* and 9x9"),
        ({"mean": [0.1, 0.2]}, {}, "mean: give one number, or one for each of the network's 3"),
        ({"output": "none"}, {}, "output: the network has no 'none'; it has features, map"),
        ({}, {"channels": 1}, "path: the network takes images of 1 channels, these have 3"),
        ({}, {"channels": 4}, r"size: the network takes images \[4, 8, 8\], not of 1 or 3"),
        ({}, {"shape": (0, 5, 4, 4, 4)}, r"output: features has the shape \(1, 5, 4, 4, 4\)"),
        ({}, {"shape": (0, 7)}, "path: the network does not run: "),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_the_field_that_is_wrong(
    made, fields, network, message
):
    with pytest.raises(DataError, match=message):
        made(fields, **network).load(COLOUR)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (path := tmp_path / "text.onnx").write_text("no network")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(DataError, match=r"path: onnxruntime cannot read .*text.onnx"):
        ONNX(path=str(path), sha256=sha256).load(COLOUR)


def test_without_onnxruntime_one_is_told_how_to_get_it(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DataError, match=r"pip install 'gansearch\[onnx\]'"):
        made().load(COLOUR)
