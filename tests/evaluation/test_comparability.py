import dataclasses

import pytest

from gansearch.builtin.datasets.points import Ring2D
from gansearch.evaluation.comparability import ComparableSizes
from gansearch.evaluation.counting import SizeCounter

SMALL = "dataset={use: ring-2d, samples: 400, test_samples: 200}"


@pytest.fixture
def sizes_on(make_space):
    """The sizes of the baseline of a study, trained on other data."""
    space = make_space(SMALL)
    data = space.dataset.load()
    sizes = ComparableSizes(SizeCounter(data.shape, space.metrics), space.dataset, data)
    return lambda dataset: sizes(dataclasses.replace(space.baseline, dataset=dataset))


def test_a_candidate_that_trains_on_fewer_samples_is_counted(sizes_on):
    assert sizes_on(Ring2D(samples=400, test_samples=200, limit=50)) == sizes_on(
        Ring2D(samples=400, test_samples=200)
    )


def test_a_candidate_that_would_be_judged_by_other_samples_is_refused(sizes_on):
    with pytest.raises(ValueError, match="its test samples are not the baseline's"):
        sizes_on(Ring2D(samples=400, test_samples=200, seed=1))


def test_a_candidate_of_another_shape_of_sample_is_refused(sizes_on):
    from gansearch.builtin.datasets.fashion_mnist import FashionMNIST

    with pytest.raises(ValueError, match="its samples are 1 x 28 x 28, the baseline's 2 x 1 x 1"):
        sizes_on(FashionMNIST(limit=100))


def test_a_candidate_whose_data_is_missing_is_refused(sizes_on, tmp_path):
    from gansearch.builtin.datasets.folder import Folder

    with pytest.raises(ValueError, match="cannot load its dataset"):
        sizes_on(Folder(root=str(tmp_path / "none")))
