"""The average, beside torch's own."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gansearch.training.ema import Average


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.utils.parametrizations.spectral_norm(nn.Linear(4, 2))
    )


def learn(network):
    """Change weights and statistics."""
    network(torch.randn(8, 3))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight))


def theirs(network):
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)


def same(state, other):
    assert state.keys() == other.keys()
    return all(torch.equal(value, other[name]) for name, value in state.items())


def test_it_is_bit_for_bit_what_torch_averages(network):
    own, other = Average(network, 0.9), theirs(network)
    for _ in range(20):
        learn(network)
        own.follow()
        other.update_parameters(network)
        assert same(own.network.state_dict(), other.module.state_dict())


@pytest.mark.parametrize("steps", [0, 5])
def test_it_goes_on_from_a_state_of_torchs_own(network, steps):
    other = theirs(network)
    for _ in range(steps):
        learn(network)
        other.update_parameters(network)
    own = Average(network, 0.9)
    own.load_state_dict(other.state_dict())
    learn(network)
    own.follow()
    other.update_parameters(network)
    assert same(own.network.state_dict(), other.module.state_dict())


def test_it_goes_on_from_its_own_state(network):
    first, second = Average(network, 0.9), Average(network, 0.9)
    for _ in range(3):
        learn(network)
        first.follow()
    second.load_state_dict(first.state_dict())
    learn(network)
    first.follow()
    second.follow()
    assert same(first.state_dict(), second.state_dict())
