import pytest
import torch
from support.odd_layers import Scaled
from torch import nn

from gansearch.export.manifest import WEIGHTS, Input, Output
from gansearch.export.model_file import ModelFileError, write_model_file
from gansearch.storage.weights import save_weights

TAKES = Input(kind="normal", shape=(4,))
GIVES = Output(shape=(1, 2, 2), is_image=True, value_range=(-1, 1))


@pytest.fixture
def network(tmp_path):
    """A network with a layer of a plugin, and its weights beside the file to be."""
    torch.manual_seed(0)
    network = nn.Sequential(Scaled(4), nn.Unflatten(1, (1, 2, 2))).eval()
    save_weights(network.state_dict(), tmp_path / WEIGHTS)
    return network


def test_the_file_rebuilds_the_network_in_a_process_without_gansearch(network, tmp_path):
    check = write_model_file(network, torch.randn(7, 4), TAKES, GIVES, tmp_path / "model.py")
    assert check.max_difference <= 1e-5
    text = (tmp_path / "model.py").read_text()
    assert "latents (N, 4) to samples (N, 1, 2, 2), from -1 to 1" in text
    assert "import math\nfrom enum import Enum\nfrom pathlib import Path\n" in text
    assert "from torch import nn\n" in text


def test_a_file_that_makes_other_samples_is_removed(network, tmp_path):
    save_weights(
        {name: value + 1 for name, value in network.state_dict().items()}, tmp_path / WEIGHTS
    )
    with pytest.raises(ModelFileError, match="makes samples that differ by"):
        write_model_file(network, torch.randn(7, 4), TAKES, GIVES, tmp_path / "model.py")
    assert not (tmp_path / "model.py").exists()


def test_a_file_that_fails_is_removed_and_its_error_told(network, tmp_path):
    (tmp_path / WEIGHTS).write_bytes(b"")
    with pytest.raises(ModelFileError, match=r"model\.py does not run: .*Error"):
        write_model_file(network, torch.randn(7, 4), TAKES, GIVES, tmp_path / "model.py")
    assert not (tmp_path / "model.py").exists()
