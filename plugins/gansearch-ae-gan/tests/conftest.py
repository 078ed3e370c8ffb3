import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Results that are the same bit for bit are promised for one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
