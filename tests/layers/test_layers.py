import pytest
import torch

from gansearch.builtin.generators.dense import DenseGenerator
from gansearch.components import ImageShape
from gansearch.layers import ExcitedLevels, MinibatchStd, SelfAttention, make_norm


@pytest.mark.parametrize("name", ["batch", "instance", "group", "pixel"])
def test_norms_give_maps_a_mean_square_of_one(name):
    torch.manual_seed(0)
    (norm,) = make_norm(name, 12, 0.1, 1e-5, flat=False)
    normalised = norm(5 * torch.randn(8, 12, 6, 6))
    assert normalised.square().mean().item() == pytest.approx(1, abs=0.01)


def test_instance_norm_of_vectors_is_refused():
    with pytest.raises(ValueError, match="choose another norm for dense layers"):
        DenseGenerator(norm="instance").build(ImageShape(1, 8, 8))


def test_minibatch_std_is_zero_for_equal_samples_and_one_for_values_one_apart():
    equal = torch.ones(4, 2, 3, 3)
    apart = torch.tensor([1.0, -1.0, 1.0, -1.0]).view(4, 1, 1, 1).expand(4, 2, 3, 3)
    assert torch.allclose(MinibatchStd()(equal)[:, 2], torch.zeros(4, 3, 3), atol=1e-3)
    assert torch.allclose(MinibatchStd()(apart)[:, 2], torch.ones(4, 3, 3), atol=1e-3)


@pytest.mark.parametrize("samples", [1, 6, 7])
def test_minibatch_std_takes_batches_of_any_size(samples):
    assert MinibatchStd()(torch.randn(samples, 2, 3, 3)).shape == (samples, 3, 3, 3)


def test_minibatch_std_compares_neighbours_in_the_batch():
    samples = torch.randn(8, 2, 3, 3)
    halves = torch.cat([MinibatchStd()(samples[:4]), MinibatchStd()(samples[4:])])
    assert torch.allclose(MinibatchStd()(samples), halves)


def test_attention_starts_as_the_identity():
    maps = torch.randn(2, 16, 5, 7)
    assert torch.equal(SelfAttention(16)(maps), maps)


def test_attention_lets_every_pixel_act_on_every_other():
    torch.manual_seed(0)
    attention = SelfAttention(16)
    torch.nn.init.ones_(attention.weight)
    maps = torch.randn(1, 16, 6, 6, requires_grad=True)
    attention(maps)[0, :, 0, 0].sum().backward()
    # Of each 2x2 pixels the largest key and value count, so that not every channel of a pixel does.
    assert (maps.grad[0].abs().amax(0) > 0).float().mean() > 0.8


def test_a_map_is_gated_by_the_map_four_levels_before():
    levels = [torch.nn.Upsample(scale_factor=2) for _ in range(5)]
    excited = ExcitedLevels(levels, [3] * 6)
    assert len(excited.gates) == 2
    maps = torch.ones(1, 3, 2, 2)
    expected = excited.gates[0](maps) * excited.gates[1](torch.ones(1, 3, 4, 4))
    assert torch.allclose(excited(maps)[:, :, :1, :1], expected)
