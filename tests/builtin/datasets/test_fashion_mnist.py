import gzip

import numpy as np
import pytest
from pydantic import ValidationError

from gansearch.builtin.datasets import fashion_mnist
from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.datasets.idx import write_idx
from gansearch.errors import DataError


def write_official(folder, *, side=28, labels=range(6), ending=""):
    labels = np.array(labels, np.uint8)
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None] * np.ones(
        (1, side, side), np.uint8
    )
    for part in ("train", "t10k"):
        for name, array in (
            (f"{part}-images-idx3-ubyte", images),
            (f"{part}-labels-idx1-ubyte", labels),
        ):
            content = write_idx(array)
            (folder / f"{name}{ending}").write_bytes(gzip.compress(content) if ending else content)


def test_the_shipped_slice_is_balanced_and_needs_nothing():
    data = FashionMNIST().load()
    assert data.train.samples.shape == (10_000, 1, 28, 28)
    assert np.bincount(data.train.labels).tolist() == [1000] * 10
    assert np.bincount(data.test.labels).tolist() == [200] * 10
    assert data.source == "fashion-mnist slice (10000 train, 2000 test)"
    assert data.is_image and data.value_range == (-1.0, 1.0) and data.extractor == "fashion-mnist"


def test_the_slice_is_small_enough_to_ship():
    shipped = sum(
        len(entry.read_bytes()) for entry in fashion_mnist.SLICE.iterdir() if entry.is_file()
    )
    assert shipped < 6_000_000


def test_the_same_component_gives_the_same_data_object():
    assert FashionMNIST(limit=10).load() is FashionMNIST(limit=10).load()


def test_classes_and_limit_choose_among_the_images():
    data = FashionMNIST(classes=(1, 8), limit=50).load()
    assert set(data.train.labels) == {1, 8}
    assert (len(data.train.samples), len(data.test.samples)) == (50, 400)
    assert data.digest != FashionMNIST().load().digest


def test_the_digest_of_the_shipped_slice_has_not_changed():
    assert (
        FashionMNIST().load().digest
        == "4b4ddad691007feb5e02302f4dca097b6df0743d8c2489427975e83873444177"
    )


def test_a_limit_leaves_the_test_images_alone():
    limited, whole = FashionMNIST(limit=50).load(), FashionMNIST().load()
    assert np.array_equal(limited.train.samples, whole.train.samples[:50])
    assert np.array_equal(limited.test.samples, whole.test.samples)


def test_classes_can_be_given_by_name():
    named = FashionMNIST(classes=("sneaker", "trouser"))
    assert named == FashionMNIST(classes=(7, 1))
    assert set(named.load().test.labels) == {1, 7}


def test_an_unknown_garment_is_told_the_known_ones():
    with pytest.raises(
        ValidationError, match=r"no such garment; there are t-shirt, trouser, .*'boots'"
    ):
        FashionMNIST(classes=("boots",))


def test_a_class_without_images_is_refused(tmp_path):
    write_official(tmp_path)
    with pytest.raises(DataError, match="the train files hold no image of the classes 9"):
        FashionMNIST(images="full", root=str(tmp_path), classes=("ankle-boot",)).load()


def test_images_are_scaled_as_they_are_loaded(tmp_path):
    write_official(tmp_path)
    data = FashionMNIST(images="full", root=str(tmp_path), size=64).load()
    assert data.shape == (1, 64, 64) and data.is_image
    assert (
        [image.min() for image in data.train.samples]
        == [image.max() for image in data.train.samples]
        == [*range(6)]
    )
    assert "at 64x64" in data.source


def test_unit_scale_is_for_networks_that_end_in_a_sigmoid():
    assert FashionMNIST(scale="unit").load().value_range == (0.0, 1.0)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_official_files_are_read_from_a_root(tmp_path, ending):
    write_official(tmp_path, ending=ending)
    data = FashionMNIST(images="full", root=str(tmp_path)).load()
    assert data.train.samples[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert str(tmp_path) not in data.source


def test_without_a_root_the_cache_comes_before_debian(tmp_path, monkeypatch):
    cache, debian = tmp_path / "cache", tmp_path / "debian"
    monkeypatch.setattr(fashion_mnist, "cache_folder", lambda: cache)
    monkeypatch.setattr(fashion_mnist, "DEBIAN", debian)
    debian.mkdir()
    write_official(debian)
    assert (
        FashionMNIST(images="full", limit=4).load().source
        == "fashion-mnist official files of Debian (4 train, 6 test)"
    )
    cache.mkdir()
    write_official(cache)
    assert (
        FashionMNIST(images="full", limit=5).load().source
        == "fashion-mnist official files (5 train, 6 test)"
    )


def test_missing_files_are_told_with_three_ways_out(tmp_path):
    with pytest.raises(
        DataError, match=r"gansearch data fetch.*dataset-fashion-mnist.*images: slice"
    ):
        FashionMNIST(images="full", root=str(tmp_path)).load()


def test_one_missing_file_is_named(tmp_path):
    write_official(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is missing"):
        FashionMNIST(images="full", root=str(tmp_path)).load()


@pytest.mark.parametrize("wrong", [{"side": 32}, {"labels": [0, 10]}, {"labels": []}])
def test_files_of_another_data_set_are_refused(tmp_path, wrong):
    write_official(tmp_path, **wrong)
    with pytest.raises(DataError, match="the train files are not Fashion-MNIST's"):
        FashionMNIST(images="full", root=str(tmp_path)).load()
