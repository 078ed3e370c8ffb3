import torch
from torch import nn

from gansearch.evaluation.latency import WARM_UP, median_latency


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.modes = []

    def forward(self, inputs):
        self.modes.append((self.training, torch.is_grad_enabled()))
        return inputs


def test_latency_is_measured_in_evaluation_mode_without_gradients():
    network = Counting()
    assert median_latency(network, torch.zeros(2, 3), repeats=5) > 0
    assert network.modes == [(False, False)] * (WARM_UP + 5)
    assert network.training
