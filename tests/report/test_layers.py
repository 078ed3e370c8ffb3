import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gansearch.report.layers import network_table


class Scaled(nn.Module):
    """A layer with a child and a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.inner = nn.Linear(4, 3)

    def forward(self, x):
        return self.inner(x) * self.scale


def table(build):
    with torch.device("meta"):
        return network_table(build(), torch.empty(2, 4))


def test_layers_come_with_type_shape_and_parameters():
    first, _, last = table(
        lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Unflatten(1, (2, 2, 2)))
    ).layers
    assert (first.type, first.output, first.parameters) == ("Linear", (8,), 40)
    assert (last.type, last.output, last.parameters) == ("Unflatten", (2, 2, 2), 0)


def test_parameters_of_a_container_are_counted_once():
    told = table(Scaled)
    assert [(layer.type, layer.parameters) for layer in told.layers] == [
        ("Scaled", 3),
        ("Linear", 15),
    ]
    assert sum(layer.parameters for layer in told.layers) == told.counts.total


def test_a_spectrally_normalised_layer_is_one_layer():
    told = table(lambda: nn.Sequential(spectral_norm(nn.Linear(4, 3))))
    assert [(layer.type, layer.trainable) for layer in told.layers] == [("Linear", 15)]
    assert told.layers[0].parameters == told.counts.total


def test_a_network_that_looks_at_values_is_counted_without_shapes():
    class Peeking(nn.Linear):
        def forward(self, x):
            return super().forward(x) if float(x.sum()) > 0 else x

    told = table(lambda: Peeking(4, 3))
    assert (told.layers[0].output, told.counts.total) == (None, 15)
