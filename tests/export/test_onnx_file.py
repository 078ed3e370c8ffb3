import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from gansearch.components import ImageShape
from gansearch.export.onnx_file import OPSET, TOLERANCE, OnnxError, difference, write_onnx
from gansearch.registry import Registry


class Coin(nn.Module):
    """Makes something else whenever it runs."""

    def forward(self, latents):
        return latents + torch.rand_like(latents)


class Branching(nn.Module):
    """Goes by the values of its input, which no graph can."""

    def forward(self, latents):
        return latents if latents.sum() > 0 else -latents


def trained(name, shape, **fields):
    """A generator with weights and statistics as large as those of trained ones."""
    generator = Registry().load("generator", name).model_validate(fields)
    torch.manual_seed(0)
    network = generator.build(shape).eval()
    with torch.no_grad():
        for value in [*network.parameters(), *network.buffers()]:
            if value.is_floating_point():
                value.add_(torch.rand_like(value) * 0.1)
    return network, torch.randn(16, generator.latent)


@pytest.mark.parametrize(
    ("name", "shape", "fields"),
    [
        ("dcgan", ImageShape(1, 28, 28), {"width": 4, "levels": 2, "latent": 8}),
        pytest.param("upconv", ImageShape(3, 20, 31), {"width": 8}, marks=pytest.mark.campaign),
        pytest.param(
            "dense",
            ImageShape(2, 1, 1),
            {"width": 16, "output": "none"},
            marks=pytest.mark.campaign,
        ),
        (
            "blocks",
            ImageShape(3, 20, 31),
            {"width": 4, "residual": True, "norm": "pixel", "attention": 16},
        ),
    ],
)
def test_onnxruntime_makes_the_samples_of_every_built_in_generator(name, shape, fields, tmp_path):
    network, latents = trained(name, shape, **fields)
    check = write_onnx(network, latents, tmp_path / "g.onnx")
    assert check.max_difference <= TOLERANCE
    session = onnxruntime.InferenceSession(tmp_path / "g.onnx")
    for count in (1, 16):
        (samples,) = session.run(None, {"inputs": latents[:count].numpy()})
        with torch.no_grad():
            assert difference(network(latents[:count]).numpy(), samples) <= TOLERANCE
    model = onnx.load(tmp_path / "g.onnx")
    assert {one.domain: one.version for one in model.opset_import}[""] == OPSET
    assert b".py" not in (tmp_path / "g.onnx").read_bytes(), "it names files of this machine"


@pytest.mark.parametrize(
    ("network", "reason"),
    [(Coin(), "onnxruntime's samples differ"), (Branching(), "the network cannot be exported")],
)
def test_a_network_that_onnx_cannot_hold_leaves_no_file(network, reason, tmp_path):
    with pytest.raises(OnnxError, match=reason):
        write_onnx(network, torch.randn(16, 3), tmp_path / "g.onnx")
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr("gansearch.export.onnx_file.find_spec", lambda name: None)
    with pytest.raises(OnnxError, match=r"onnx, onnxscript, onnxruntime missing; pip install"):
        write_onnx(nn.Identity(), torch.randn(16, 3), tmp_path / "g.onnx")
