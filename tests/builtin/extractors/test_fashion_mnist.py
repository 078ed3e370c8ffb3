import pytest
import torch

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST as Garments
from gansearch.builtin.extractors import fashion_mnist
from gansearch.builtin.extractors.fashion_mnist import SHAPE, WEIGHTS, FashionMNIST
from gansearch.builtin.extractors.lenet import LeNet
from gansearch.components import ImageShape
from gansearch.errors import DataError
from gansearch.evaluation.extractors import extractor_for


def test_the_shipped_features_tell_garments_apart(fashion):
    """The nearest of 1,000 labelled neighbours in features names most garments rightly."""
    known, asked = (
        torch.from_numpy(samples)
        for samples in (fashion.train.samples[:1000], fashion.test.samples[:500])
    )
    extractor = extractor_for(fashion)
    nearest = torch.cdist(extractor.features(asked), extractor.features(known)).argmin(dim=1)
    assert (fashion.train.labels[nearest] == fashion.test.labels[:500]).mean() > 0.8


def test_images_of_another_size_are_scaled_to_that_of_the_extractor(fashion):
    """Features of scaled images are nearer to those of the same images as they were than to any
    others."""
    large = Garments(size=64).load()
    extractor = extractor_for(large)
    as_they_were, scaled = (
        extractor_for(data).features(torch.from_numpy(data.test.samples[:100]))
        for data in (fashion, large)
    )
    assert torch.equal(torch.cdist(scaled, as_they_were).argmin(dim=1), torch.arange(100))
    assert extractor.name == "lenet-fashion-mnist, images scaled from 64x64 to 28x28"
    assert extractor.digest != extractor_for(fashion).digest


def test_damaged_and_missing_weights_are_refused(monkeypatch, tmp_path):
    damaged = tmp_path / "extractor.pt"
    content = bytearray(WEIGHTS.read_bytes())
    content[5000] ^= 1
    damaged.write_bytes(content)
    monkeypatch.setattr(fashion_mnist, "WEIGHTS", damaged)
    with pytest.raises(DataError, match="are damaged; install gansearch again"):
        FashionMNIST().load(SHAPE)
    damaged.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        FashionMNIST().load(SHAPE)


@pytest.mark.parametrize("shape", [ImageShape(1, 28, 20), ImageShape(3, 28, 28)])
def test_images_in_colour_or_not_square_are_refused(shape):
    with pytest.raises(DataError, match=rf"takes square grey images, got \({shape.channels}, 28"):
        FashionMNIST().load(shape)


def test_the_classifier_has_the_size_that_its_docstring_tells():
    total = sum(parameter.numel() for parameter in LeNet(SHAPE, 10).parameters())
    assert f"{total:,} parameters" in LeNet.__doc__
