from dataclasses import replace

from torch import nn

from gansearch.components import Generator
from gansearch.evaluation.counting import SizeCounter


class LooksAtValues(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs) if inputs.sum().item() else inputs


class Peeking(Generator):
    """A network that has no pass on the meta device."""

    latent: int = 2

    def build(self, images):
        return LooksAtValues(2, 2)


def test_every_candidate_is_counted_by_what_it_costs(make_space):
    space = make_space()
    sizes = SizeCounter(space.dataset.load().shape, {})(space.baseline)
    generator = space.baseline.generator.build(space.dataset.load().shape)
    assert (
        sizes["generator_params"] == sizes["generator_trainable"] + sizes["generator_non_trainable"]
    )
    assert sizes["generator_bytes"] == sum(
        t.numel() * t.element_size() for t in generator.state_dict().values()
    )
    assert sizes["generator_macs"] == sum(p.numel() for p in generator.parameters() if p.ndim == 2)
    assert sizes["discriminator_macs"] > 0


def test_a_network_without_a_pass_on_the_meta_device_is_counted_by_its_parameters(make_space):
    space = make_space()
    sizes = SizeCounter(space.dataset.load().shape, {})(
        replace(space.baseline, generator=Peeking())
    )
    assert sizes["generator_params"] == 6
    assert "generator_macs" not in sizes
