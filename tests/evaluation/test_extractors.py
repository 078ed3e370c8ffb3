from dataclasses import replace

import pytest
import torch

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.components import ImageShape
from gansearch.errors import DataError
from gansearch.evaluation import extractors
from gansearch.evaluation.extractors import extractor_for, random_extractor, shipped_extractor
from gansearch.evaluation.feature_networks import FEATURES, LeNet


@pytest.fixture
def images(fashion):
    return torch.from_numpy(fashion.test.samples[:40])


def test_fashion_mnist_is_judged_by_its_shipped_extractor(fashion, images):
    extractor = extractor_for(fashion)
    assert extractor is extractor_for(fashion)
    assert extractor.name == "lenet-fashion-mnist"
    features = extractor.features(images)
    assert features.shape == (40, FEATURES) and features.dtype == torch.float32
    assert not features.requires_grad


def test_the_shipped_features_tell_garments_apart(fashion):
    """The nearest of 1,000 labelled neighbours in features names most garments rightly."""
    known, asked = (
        torch.from_numpy(samples)
        for samples in (fashion.train.samples[:1000], fashion.test.samples[:500])
    )
    extractor = extractor_for(fashion)
    nearest = torch.cdist(extractor.features(asked), extractor.features(known)).argmin(dim=1)
    assert (fashion.train.labels[nearest] == fashion.test.labels[:500]).mean() > 0.8


def test_features_do_not_hang_on_the_size_of_a_batch(fashion, images):
    extractor = extractor_for(fashion)
    assert torch.allclose(
        extractor.features(images), extractor.features(images, batch=7), atol=1e-4
    )


def test_damaged_weights_are_refused(monkeypatch, tmp_path):
    damaged = tmp_path / "extractor.pt"
    content = bytearray(extractors.SHIPPED["fashion-mnist"].file.read_bytes())
    content[5000] ^= 1
    damaged.write_bytes(content)
    shipped = extractors.SHIPPED["fashion-mnist"]._replace(file=damaged)
    monkeypatch.setattr(
        extractors,
        "SHIPPED",
        {"damaged": shipped, "missing": shipped._replace(file=tmp_path / "no")},
    )
    with pytest.raises(DataError, match="are damaged; install gansearch again"):
        shipped_extractor("damaged")
    with pytest.raises(DataError, match="cannot be read"):
        shipped_extractor("missing")


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 48), (3, 5, 4)])
def test_images_without_a_shipped_extractor_get_random_features(fashion, shape):
    samples = torch.randint(256, (30, *shape), dtype=torch.uint8)
    unknown = replace(
        fashion, extractor=None, train=replace(fashion.train, samples=samples.numpy())
    )
    features = extractor_for(unknown).features(samples)
    assert features.shape == (30, FEATURES)
    assert torch.all(features.std(dim=0) > 0)


def test_random_features_are_the_same_everywhere_and_differ_by_seed(images):
    torch.manual_seed(1)
    first = random_extractor(1)
    random_extractor.cache_clear()
    torch.manual_seed(2)
    assert random_extractor(1).digest == first.digest != random_extractor(1, seed=1).digest


@pytest.mark.parametrize(
    ("make", "argument"), [(random_extractor, 1), (shipped_extractor, "fashion-mnist")]
)
def test_making_an_extractor_leaves_the_random_state_alone(make, argument):
    make.cache_clear()
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    make(argument)
    assert torch.rand(1) == expected


def test_points_are_their_own_features(ring):
    points = torch.from_numpy(ring.test.samples[:7])
    assert torch.equal(extractor_for(ring).features(points), points[:, :, 0, 0])


def test_an_unknown_extractor_is_told_the_known_ones(fashion):
    with pytest.raises(
        DataError, match="no extractor is called 'inception'; there are fashion-mnist"
    ):
        extractor_for(replace(fashion, extractor="inception"))


def test_images_of_another_size_are_scaled_to_that_of_the_extractor(fashion):
    """Features of scaled images are nearer to those of the same images as they were than to any
    others."""
    large = FashionMNIST(size=64).load()
    extractor = extractor_for(large)
    assert extractor is extractor_for(large)
    as_they_were, scaled = (
        extractor_for(data).features(torch.from_numpy(data.test.samples[:100]))
        for data in (fashion, large)
    )
    assert torch.equal(torch.cdist(scaled, as_they_were).argmin(dim=1), torch.arange(100))
    assert extractor.name == "lenet-fashion-mnist, images scaled from 64x64 to 28x28"
    assert extractor.digest != extractor_for(fashion).digest


def test_images_of_other_proportions_are_refused(fashion):
    wide = replace(fashion.train, samples=fashion.train.samples[:, :, :, :20])
    with pytest.raises(DataError, match=r"and others of these proportions, got \(1, 28, 20\)"):
        extractor_for(replace(fashion, train=wide))


def test_the_classifier_has_the_size_that_its_docstring_tells():
    total = sum(parameter.numel() for parameter in LeNet(ImageShape(1, 28, 28), 10).parameters())
    assert f"{total:,} parameters" in LeNet.__doc__
