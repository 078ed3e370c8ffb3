import pytest
import torch

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.datasets.points import Grid2D, Ring2D


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def fashion():
    return FashionMNIST().load()


@pytest.fixture(scope="session")
def ring():
    return Ring2D(samples=1000, test_samples=500).load()


@pytest.fixture(scope="session")
def grid():
    return Grid2D(samples=1000, test_samples=500).load()


@pytest.fixture
def as_generated():
    """What a generator would have to give for these samples (N, C, H, W) to come out."""

    def convert(data, samples):
        samples = torch.as_tensor(samples)
        if not data.is_image:
            return samples
        low, high = data.value_range
        return samples.float() / 255 * (high - low) + low

    return convert
