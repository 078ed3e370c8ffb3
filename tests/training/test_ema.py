"""EMA compared with torch's AveragedModel."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gansearch.training.ema import EMA


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.utils.parametrizations.spectral_norm(nn.Linear(4, 2))
    )


def change(network):
    """Change weights and statistics."""
    network(torch.randn(8, 3))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight))


def averaged_model(network):
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)


def same(state, other):
    assert state.keys() == other.keys()
    return all(torch.equal(value, other[name]) for name, value in state.items())


def test_the_ema_equals_torchs_averaged_model_bit_for_bit(network):
    own, other = EMA(network, 0.9), averaged_model(network)
    for _ in range(20):
        change(network)
        own.update()
        other.update_parameters(network)
        assert same(own.network.state_dict(), other.module.state_dict())


@pytest.mark.parametrize("steps", [0, 5])
def test_the_ema_continues_from_a_state_of_torchs_averaged_model(network, steps):
    other = averaged_model(network)
    for _ in range(steps):
        change(network)
        other.update_parameters(network)
    own = EMA(network, 0.9)
    own.load_state_dict(other.state_dict())
    change(network)
    own.update()
    other.update_parameters(network)
    assert same(own.network.state_dict(), other.module.state_dict())


def test_the_ema_continues_from_its_own_state(network):
    first, second = EMA(network, 0.9), EMA(network, 0.9)
    for _ in range(3):
        change(network)
        first.update()
    second.load_state_dict(first.state_dict())
    change(network)
    first.update()
    second.update()
    assert same(first.state_dict(), second.state_dict())
