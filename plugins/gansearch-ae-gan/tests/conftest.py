import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Train on one thread, on which results are equal bit for bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
