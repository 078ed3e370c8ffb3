import types
from collections import OrderedDict

import pytest
import torch
from support import odd_layers
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gansearch.builtin.generators.blocks import BlockGenerator
from gansearch.components import ImageShape
from gansearch.export.network_source import NetworkSourceError, network_source


def rebuilt(network):
    """The network that its source builds, with the same weights."""
    source = network_source(network)
    text = "\n\n".join(
        [
            "from __future__ import annotations\nimport torch\nfrom torch import nn",
            *source.imports,
            *source.definitions,
            f"network = {source.expression}",
        ]
    )
    assert "odd_layers" not in text and "gansearch" not in text
    module = types.ModuleType("model")
    exec(compile(text, "model.py", "exec"), vars(module))
    module.network.load_state_dict(network.state_dict())
    return module.network.eval()


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Linear(8, 8), nn.BatchNorm1d(8, eps=0.01), nn.LeakyReLU(0.2, inplace=True)],
        [nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 3, 3, padding="same"), nn.Upsample((5, 4))],
        [nn.Unflatten(1, (8, 1, 1)), nn.ConvTranspose2d(8, 4, 3, 2, 1, 1, bias=False, groups=2)],
        [nn.Unflatten(1, (8, 1, 1)), nn.GroupNorm(2, 8), nn.PixelShuffle(2), nn.GELU("tanh")],
        [nn.Sequential(OrderedDict(first=nn.Linear(8, 8), last=nn.Softplus(beta=2)))],
        [nn.LayerNorm(8), nn.Dropout(0.5), nn.Hardtanh(-2, 3), nn.Softmax(dim=1)],
        [odd_layers.Residual(8), odd_layers.Scaled(8), odd_layers.Residual(8)],
        [odd_layers.Branches(8), odd_layers.GroupedLinear(8, 3)],
    ],
)
def test_a_network_that_is_built_from_its_source_makes_the_same_samples(layers):
    torch.manual_seed(0)
    network = nn.Sequential(*layers).eval()
    latents = torch.randn(5, 8)
    with torch.no_grad():
        assert torch.equal(rebuilt(network)(latents), network(latents))


@pytest.mark.parametrize(
    "fields",
    [
        {"residual": True, "upsampling": "pixel-shuffle", "norm": "pixel", "attention": 16},
        {"convolution": "inverted-bottleneck", "residual": True, "upsampling": "bilinear"},
        {"convolution": "separable", "norm": "group", "upsampling": "transposed"},
        {"levels": 4, "skip_excitation": True},
    ],
)
def test_the_layers_of_gansearch_are_written_too(fields):
    torch.manual_seed(0)
    network = BlockGenerator(width=4, **fields).build(ImageShape(1, 64, 64)).eval()
    latents = torch.randn(5, 64)
    with torch.no_grad():
        assert torch.allclose(rebuilt(network)(latents), network(latents), atol=1e-6)


def test_a_network_need_not_be_a_sequence():
    torch.manual_seed(0)
    network = odd_layers.Scaled(8).eval()
    latents = torch.randn(5, 8)
    with torch.no_grad():
        assert torch.equal(rebuilt(network)(latents), network(latents))


def test_layers_of_torch_are_written_as_they_are_called():
    source = network_source(nn.Sequential(nn.Conv2d(8, 1, 5, padding="same"), nn.Tanh()))
    assert source.expression == (
        "nn.Sequential(\n    nn.Conv2d(8, 1, (5, 5), padding='same'),\n    nn.Tanh(),\n)"
    )
    assert source.imports == source.definitions == ()


def test_classes_are_written_once_with_their_comments_and_what_they_need():
    source = network_source(nn.Sequential(odd_layers.Residual(4), odd_layers.Residual(4)))
    text = "\n".join(source.definitions)
    assert text.count("class Residual(Layer)") == text.count("def leak") == 1
    assert "# The comment stays." in text and "super().__init__()" not in text
    assert "SLOPE = 0.3" in source.definitions
    assert set(source.imports) == {"from enum import Enum", "import torch.nn.functional as F"}


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (odd_layers.NeedsNumpy, "NeedsNumpy uses numpy, which is not part of torch"),
        (odd_layers.KeepsAnObject, r"KeepsAnObject\.settings is a object, which is no plain value"),
        (odd_layers.BigTable, r"BigTable\.table is a tensor of 1000 values that is no part of the"),
        (lambda: spectral_norm(nn.Linear(2, 2)), "has parametrizations such as spectral_norm"),
        (
            lambda: nn.TransformerEncoderLayer(2, 1),
            "nn.TransformerEncoderLayer does not keep its argument 'd_model'",
        ),
    ],
)
def test_a_layer_that_cannot_be_written_is_refused_with_the_reason(layer, reason):
    with pytest.raises(NetworkSourceError, match=reason):
        network_source(nn.Sequential(layer()))


def test_hooks_are_refused():
    network = nn.Linear(2, 2)
    network.register_forward_hook(lambda *_: None)
    with pytest.raises(NetworkSourceError, match="Linear has hooks"):
        network_source(network)


def test_a_layer_of_a_name_that_the_file_has_itself_is_refused():
    class Layer(nn.Module):
        def forward(self, units):
            return units

    with pytest.raises(NetworkSourceError, match="uses 'Layer', a name that is taken"):
        network_source(Layer())


def test_a_class_that_uses_a_name_of_the_function_around_it_is_refused():
    factor = 3

    class Local(nn.Module):
        def forward(self, units):
            return units * factor

    with pytest.raises(NetworkSourceError, match="uses the name 'factor', which its module"):
        network_source(Local())
