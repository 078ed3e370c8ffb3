import math
from typing import ClassVar

import pytest
import torch

from gansearch.builtin.datasets.points import Ring2D
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.discriminators.dense import DenseDiscriminator
from gansearch.builtin.discriminators.downconv import DownConv
from gansearch.builtin.generators.dense import DenseGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.hinge import Hinge
from gansearch.builtin.losses.penalised import squared_gradient_norms
from gansearch.builtin.losses.wasserstein import WassersteinGP
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import ImageShape
from gansearch.diagnosis.detection import RunWatch
from gansearch.layers import Maxout, Pack
from gansearch.study.spec import StepsSpec
from gansearch.testing import DiscriminatorContract
from gansearch.training.loop import train

IMAGES = ImageShape(1, 28, 28)
POINTS = ImageShape(2, 1, 1)


class TestPackedDiscriminators(DiscriminatorContract):
    @pytest.fixture(params=[DownConv, DCGANDiscriminator, DenseDiscriminator])
    def component(self, request):
        return request.param(width=4, packing=2)


class TestMaxout(DiscriminatorContract):
    shapes: ClassVar = (ImageShape(1, 8, 8),)

    # Batch norm alone is among the variants of the first.
    @pytest.fixture(params=[{}, {"norm": "batch", "order": "activation-norm"}])
    def component(self, request):
        return DenseDiscriminator(width=4, maxout=3, spectral_norm=True, **request.param)


def test_neighbours_in_a_batch_are_packed_channel_by_channel():
    samples = torch.arange(8.0).view(4, 2, 1, 1)
    assert Pack(2)(samples).flatten(1).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_remainder_too_small_for_a_pack_is_left_out():
    assert Pack(3)(torch.rand(8, 1, 5, 5)).shape == (2, 3, 5, 5)


def test_fewer_samples_than_a_pack_are_refused():
    with pytest.raises(ValueError, match="packing 4 needs at least 4 samples, got 3"):
        Pack(4)(torch.rand(3, 1, 5, 5))


def test_no_packing_builds_the_network_of_before():
    names = [name for name, _ in DownConv(width=4).build(IMAGES).named_parameters()]
    assert names == ["0.weight", "0.bias", "2.weight", "2.bias", "5.weight", "5.bias"]


def test_a_score_depends_on_every_sample_of_its_pack_and_on_no_other():
    discriminator = DenseDiscriminator(width=8, packing=2).build(POINTS)
    samples = torch.randn(6, *POINTS, requires_grad=True)
    discriminator(samples)[1].backward()
    touched = samples.grad.flatten(1).abs().sum(dim=1) > 0
    assert touched.tolist() == [False, False, True, True, False, False]


def test_a_gradient_penalty_holds_each_sample_s_part_of_a_pack_s_gradient():
    score_of_pack = torch.nn.Sequential(
        Pack(2), torch.nn.Flatten(), torch.nn.Linear(4, 1, bias=False)
    )
    with torch.no_grad():
        score_of_pack[2].weight.copy_(torch.tensor([[3.0, 4.0, 0.0, 2.0]]))
    samples = torch.rand(4, 2, 1, 1, requires_grad=True)
    squares = squared_gradient_norms(score_of_pack(samples), samples)
    assert squares.tolist() == [25, 4, 25, 4]


@pytest.mark.parametrize("loss", [BCE(r1=1.0), Hinge(), WassersteinGP()])
def test_a_packed_discriminator_trains_under_every_kind_of_loss(loss):
    ring = Ring2D(samples=400, test_samples=100)
    generator = DenseGenerator(latent=2, width=8, layers=1, output="none")
    candidate = Candidate(
        ring, generator, DenseDiscriminator(width=8, layers=1, packing=2), loss, Alternating(), {}
    )
    trained = train(
        candidate, ring.load(), StepsSpec(steps=10, batch_size=16), RunWatch([Divergence()])
    )
    assert trained.verdict.status == "healthy"
    assert all(math.isfinite(value) for row in trained.rows for value in row.values())


def test_a_maxout_unit_is_the_largest_of_its_pieces():
    pieces_of_two_units = torch.tensor([[1.0, 5.0, 3.0, 2.0, -1.0, 9.0]])
    assert Maxout(3)(pieces_of_two_units).tolist() == [[3, 9]]


def test_maxout_gives_every_unit_its_pieces_and_takes_the_place_of_the_activation():
    network = DenseDiscriminator(width=200, growth=1.0, layers=3, maxout=5, packing=2).build(POINTS)
    assert [type(layer).__name__ for layer in network[2:4]] == ["Linear", "Maxout"]
    assert [network[i].weight.shape for i in (2, 4)] == [(1000, 4), (1000, 200)]
    assert network[2].weight.std().item() == pytest.approx(0.02, rel=0.1)
