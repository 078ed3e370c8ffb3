import hashlib

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from gansearch.errors import RunFolderError
from gansearch.storage.weights import load_weights, save_weights


@pytest.fixture
def network():
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
    return network.to(memory_format=torch.channels_last)


@pytest.fixture
def path(network, tmp_path):
    path = tmp_path / "generator.safetensors"
    save_weights(network.state_dict(), path)
    return path


def assert_equal(weights, network):
    state = network.state_dict()
    assert weights.keys() == state.keys()
    assert all(torch.equal(weights[name], state[name]) for name in state)


def test_weights_are_loaded_as_they_were_saved(network, path):
    assert_equal(load_weights(path), network)


def test_weights_can_be_read_by_safetensors_alone(network, path):
    assert_equal(load_file(path), network)


def test_tensors_that_share_memory_are_saved_each(tmp_path):
    layer = nn.Linear(2, 2)
    shared = nn.Sequential(layer, layer)
    save_weights(shared.state_dict(), tmp_path / "weights")
    assert_equal(load_weights(tmp_path / "weights"), shared)


def test_the_checksum_has_the_format_of_sha256sum(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    expected = f"{digest}  generator.safetensors\n"
    assert path.with_name("generator.safetensors.sha256").read_text() == expected


def test_a_flipped_bit_is_detected(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match=r"generator\.safetensors is damaged"):
        load_weights(path)


def test_weights_without_a_checksum_are_refused(path):
    path.with_name("generator.safetensors.sha256").unlink()
    with pytest.raises(RunFolderError, match="cannot read"):
        load_weights(path)


def test_a_file_that_is_no_safetensors_is_refused(path):
    path.write_bytes(b"garbage")
    digest = hashlib.sha256(b"garbage").hexdigest()
    path.with_name("generator.safetensors.sha256").write_text(f"{digest}  {path.name}\n")
    with pytest.raises(RunFolderError, match="cannot read"):
        load_weights(path)
