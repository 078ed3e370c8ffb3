import itertools
from typing import get_args

import pytest
import torch
from torch import nn

from gansearch.builtin.discriminators.blocks import BlockDiscriminator
from gansearch.builtin.generators.blocks import BlockGenerator
from gansearch.components import ImageShape
from gansearch.layers import Convolution, Residual

CONVOLUTIONS = get_args(Convolution)


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_without_norms_the_signal_keeps_its_size_through_every_level(convolution, residual):
    # Borders of zeros and interpolation take a little at each level; N(0, 0.02) leaves 1e-5.
    torch.manual_seed(0)
    for upsampling in ("nearest", "transposed", "pixel-shuffle"):
        component = BlockGenerator(
            convolution=convolution,
            residual=residual,
            upsampling=upsampling,
            norm="none",
            levels=4,
            output="none",
        )
        samples = component.build(ImageShape(1, 64, 64))(torch.randn(16, 64))
        assert 0.2 < samples.square().mean().sqrt() < 2, upsampling


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_a_residual_branch_starts_at_zero_and_learns(convolution):
    network = BlockGenerator(convolution=convolution, residual=True).build(ImageShape(1, 28, 28))
    blocks = [module for module in network.modules() if isinstance(module, Residual)]
    network(torch.randn(4, 64)).square().sum().backward()
    assert len(blocks) == 2
    for block in blocks:
        last = block.branch[-1]
        assert not last.weight.any()
        assert last.weight.grad.any()


def test_an_activation_before_a_branch_leaves_the_shortcut_as_it_is():
    component = BlockGenerator(residual=True, norm="none", width=4)
    network = component.build(ImageShape(1, 28, 28))
    block = next(module for module in network.modules() if isinstance(module, Residual))
    maps = torch.randn(2, 4, 7, 7)
    before = maps.clone()
    block(maps)
    assert torch.equal(maps, before)


def test_convolutions_have_the_weights_that_the_papers_count():
    shape, width, k = ImageShape(1, 28, 28), 16, 3

    def added_by_a_block(convolution: str, **fields: object) -> int:
        one, two = (
            BlockGenerator(
                convolution=convolution, width=width, norm="none", depth=depth, levels=1, **fields
            ).build(shape)
            for depth in (1, 2)
        )
        return weights(two) - weights(one)

    assert added_by_a_block("plain") == k * k * width * width + width
    assert added_by_a_block("separable") == k * k * width + width * width + width
    assert added_by_a_block("grouped", group_width=4) == k * k * 4 * width + width**2 + width
    wide = 2 * width
    expected = 2 * (width * wide) + k * k * wide + 2 * wide + width
    assert added_by_a_block("inverted-bottleneck", group_width=1) == expected


SIZES = (ImageShape(1, 28, 28), ImageShape(3, 25, 31), ImageShape(3, 128, 128))


@pytest.mark.parametrize("shape", SIZES)
def test_every_way_to_double_a_map_fits_every_convolution(shape):
    methods = ("transposed", "nearest", "bilinear", "pixel-shuffle")
    for upsampling, convolution, residual in itertools.product(
        methods, CONVOLUTIONS, (False, True)
    ):
        component = BlockGenerator(
            width=2, levels=3, upsampling=upsampling, convolution=convolution, residual=residual
        )
        assert component.build(shape)(torch.randn(2, 64)).shape == (2, *shape)


@pytest.mark.parametrize("shape", SIZES)
def test_every_way_to_halve_a_map_fits_every_convolution(shape):
    for downsampling, convolution, residual in itertools.product(
        ("stride", "average", "blur"), CONVOLUTIONS, (False, True)
    ):
        component = BlockDiscriminator(
            width=2, levels=3, downsampling=downsampling, convolution=convolution, residual=residual
        )
        assert component.build(shape)(torch.randn(2, *shape)).shape == (2,)


def test_blur_takes_every_second_pixel_of_a_blurred_map():
    pooling = BlockDiscriminator(downsampling="blur", residual=True, width=1, growth=1.0, levels=1)
    block = next(
        module
        for module in pooling.build(ImageShape(1, 6, 6)).modules()
        if isinstance(module, Residual)
    )
    maps = torch.arange(6.0).repeat(6, 1)[None, None]
    # (1, 2, 1) / 4 around columns 0, 2 and 4, where the border is repeated.
    assert torch.allclose(block.shortcut(maps)[0, 0, 1], torch.tensor([0.25, 2.0, 4.0]))


def test_spectral_norm_and_residual_branches_give_finite_scores():
    component = BlockDiscriminator(residual=True, spectral_norm=True, width=4)
    scores = component.build(ImageShape(1, 28, 28))(torch.randn(4, 1, 28, 28))
    assert scores.isfinite().all()


def test_attention_follows_the_largest_map_that_is_no_larger():
    component = BlockGenerator(attention=16, width=8, norm="none")
    network = component.build(ImageShape(3, 32, 32))
    sizes = [part.size for part in network.modules() if isinstance(part, nn.Upsample)]
    extra = weights(network) - weights(
        BlockGenerator(width=8, norm="none").build(ImageShape(3, 32, 32))
    )
    assert sizes == [(16, 16), (32, 32)]
    assert extra == 8 + 8 + 2 * 8 * 4 + 1


def test_attention_at_a_size_below_all_maps_is_refused():
    with pytest.raises(ValueError, match=r"smallest is 7x7; choose more levels"):
        BlockGenerator(attention=4).build(ImageShape(1, 28, 28))


def test_instance_norm_of_a_single_pixel_is_refused():
    with pytest.raises(ValueError, match="choose fewer levels or another norm"):
        BlockDiscriminator(levels=5, norm="instance").build(ImageShape(1, 28, 28))


@pytest.mark.parametrize(
    "fields",
    [
        {"residual": True, "convolution": "inverted-bottleneck"},
        {"residual": True, "downsampling": "average", "attention": 8, "minibatch_std": True},
        {"downsampling": "blur", "convolution": "separable", "norm": "pixel"},
        {"norm": "group", "convolution": "grouped"},
    ],
)
def test_gradient_penalties_have_gradients_through_every_layer(fields):
    torch.manual_seed(0)
    network = BlockDiscriminator(width=4, **fields).build(ImageShape(1, 28, 28))
    samples = torch.randn(4, 1, 28, 28, requires_grad=True)
    gradient = torch.autograd.grad(network(samples).sum(), samples, create_graph=True)[0]
    gradient.square().sum().backward()
    missing = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert all(name.endswith("bias") for name in missing), missing
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
