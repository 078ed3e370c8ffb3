import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.discriminators.dense import DenseDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.generators.dense import DenseGenerator
from gansearch.components import ImageShape
from gansearch.diagnosis.detection import RunWatch
from gansearch.training.inheritance import Heritage, fits, inherit, shapes_of
from gansearch.training.loop import train

IMAGES = ImageShape(1, 8, 8)
KINDS = {
    "dcgan": lambda width, latent: DCGANGenerator(levels=2, width=width, latent=latent),
    "dense": lambda width, latent: DenseGenerator(layers=2, width=width, latent=latent),
    "discriminator": lambda width, _: DCGANDiscriminator(
        layers=2, width=width, norm="batch", spectral_norm=True
    ),
    "maxout": lambda width, _: DenseDiscriminator(
        layers=2, width=2 * width, maxout=3, norm="batch"
    ),
}


def built(component):
    return component.build(IMAGES)


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def fit(child, parent):
    return fits(shapes_of(built(child).state_dict()), shapes_of(built(parent).state_dict()))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(st.integers(1, 5), min_size=6, max_size=6),
    st.sampled_from([0, 0.5, 1]),
)
def test_what_is_cut_twice_is_what_is_cut_once(kind, drawn, power):
    widths, latents = sorted(drawn[:3]), sorted(drawn[3:])
    small, middle, large = (built(KINDS[kind](w, z)) for w, z in zip(widths, latents, strict=True))
    inherit(middle, state(large), power)
    inherit(small, state(middle), power)
    twice = state(small)
    inherit(small, state(large), power)
    for name, tensor in state(small).items():
        torch.testing.assert_close(tensor, twice[name])


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_cut_out_of_one_of_its_own_size_is_that_one(kind):
    child, parent = built(KINDS[kind](3, 2)), built(KINDS[kind](3, 2))
    inherit(child, state(parent))
    assert all(
        torch.equal(tensor, state(parent)[name]) for name, tensor in child.state_dict().items()
    )


def test_a_generators_map_begins_with_the_channels_of_its_parents():
    child, parent = (
        built(DCGANGenerator(levels=2, width=2, latent=3)),
        built(DCGANGenerator(levels=2, width=5, latent=6)),
    )
    inherit(child, parent.state_dict(), power=0)
    latents = torch.randn(4, 3)
    own = child[1](child[0](latents))
    theirs = parent[1](parent[0](torch.nn.functional.pad(latents, (0, 3))))
    torch.testing.assert_close(own, theirs[:, :4])


def test_a_discriminator_reads_the_pixels_of_its_map_as_its_parent_did():
    child, parent = (
        built(DCGANDiscriminator(layers=2, width=2)),
        built(DCGANDiscriminator(layers=2, width=5)),
    )
    inherit(child, parent.state_dict(), power=0)
    own, theirs = (network[-2].weight.view(2, 2, -1) for network in (child, parent))
    assert torch.equal(own, theirs[..., :4])


def test_a_unit_of_several_pieces_keeps_all_of_them():
    child, parent = (
        built(DenseDiscriminator(layers=1, width=2, maxout=3)),
        built(DenseDiscriminator(layers=1, width=5, maxout=3)),
    )
    inherit(child, parent.state_dict(), power=0)
    samples = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(child[:3](samples), parent[:3](samples)[:, :2])


def test_weights_are_rescaled_by_the_inputs_that_are_left():
    child, parent = (
        built(DenseGenerator(layers=1, width=2, latent=4)),
        built(DenseGenerator(layers=1, width=8, latent=4)),
    )
    inherit(child, parent.state_dict(), power=1)
    assert torch.equal(child[0].weight, parent[0].weight[:2])
    torch.testing.assert_close(child[3].weight, 4 * parent[3].weight[:, :2])


def test_only_what_is_nowhere_larger_and_has_the_same_layers_and_kernels_fits():
    parent = DCGANGenerator(levels=2, width=4, latent=4, kernel=4)
    assert fit(DCGANGenerator(levels=2, width=4, latent=4, kernel=4), parent)
    assert fit(DCGANGenerator(levels=2, width=2, latent=4, kernel=4), parent)
    assert not fit(DCGANGenerator(levels=2, width=2, latent=5, kernel=4), parent)
    assert not fit(DCGANGenerator(levels=2, width=2, latent=4, kernel=3), parent)
    assert not fit(DCGANGenerator(levels=2, width=2, latent=4, kernel=4, norm="none"), parent)
    assert not fit(DCGANGenerator(levels=3, width=1, latent=4, kernel=4), parent)


def test_a_network_that_does_not_fit_is_refused():
    narrow, wide = (built(DenseGenerator(layers=1, width=width, latent=4)) for width in (2, 8))
    with pytest.raises(ValueError, match="does not fit into the one that it should inherit from"):
        inherit(wide, narrow.state_dict())


def still(make_spec, make_space, width, discriminator, heritage):
    """The networks after steps that change next to nothing."""
    changes = (
        "schedule.generator_lr=1.0e-12",
        "schedule.discriminator_lr=1.0e-12",
        "generator.norm=none",
        "generator.latent=8",
    )
    space = make_space(
        *changes, f"generator.width={width}", f"discriminator.width={discriminator}", "baseline={}"
    )
    candidate, spec = space.baseline, make_spec("training={steps: 2}").training.in_steps(400)
    players = train(
        candidate, candidate.dataset.load(), spec, RunWatch([Divergence()]), heritage=heritage
    ).players
    return players.generator.network.state_dict(), players.discriminator.network.state_dict()


def test_a_run_begins_with_what_it_inherits(make_spec, make_space):
    parent = still(make_spec, make_space, 16, 16, None)
    child = still(make_spec, make_space, 8, 16, Heritage(*parent))
    torch.testing.assert_close(child[0]["0.weight"], parent[0]["0.weight"][:8])
    torch.testing.assert_close(child[1], parent[1])


def test_a_discriminator_that_does_not_fit_begins_on_its_own(make_spec, make_space):
    parent = still(make_spec, make_space, 16, 8, None)
    child = still(make_spec, make_space, 8, 16, Heritage(*parent))
    torch.testing.assert_close(child[0]["0.weight"], parent[0]["0.weight"][:8])
    assert child[1]["1.weight"].shape != parent[1]["1.weight"].shape
