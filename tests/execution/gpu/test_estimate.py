"""The count of a training's memory, held against the same training in real memory, on the CPU."""

from typing import ClassVar

import pytest
import torch
from torch import nn

from gansearch.candidate import Candidate
from gansearch.components import Generator
from gansearch.execution.gpu.estimate import (
    GRANULE,
    SMALL,
    Footprint,
    HighWater,
    footprint,
    rehearse,
)
from gansearch.registry import Registry
from gansearch.study.search_space import SearchSpace
from gansearch.training.precision import autocast

CPU = torch.device("cpu")
IMAGES = "dataset={use: fashion-mnist, limit: 400}"
DENSE, DCGAN, UPCONV = (
    "generator={use: dense, width: 64}",
    "generator={use: dcgan, width: 8}",
    "generator={use: upconv}",
)
CASES = [
    # networks
    ("ring-2d",),
    (IMAGES, DENSE, "discriminator={use: dense, width: 64, dropout: 0.2, maxout: 2}"),
    (IMAGES, DCGAN, "discriminator={use: dcgan, width: 8}"),
    (IMAGES, UPCONV, "discriminator={use: downconv, width: 8, spectral_norm: true}"),
    (IMAGES, DCGAN, "discriminator={use: downconv, width: 8, packing: 2}"),
    # losses
    *[
        (IMAGES, DCGAN, f"loss={{use: {loss}}}")
        for loss in ("minimax", "hinge", "least-squares", "wasserstein-gp")
    ],
    (IMAGES, DCGAN, "loss={use: bce, r1: 1.0}"),
    (IMAGES, DCGAN, "loss={use: feature-matching}"),
    # schedules
    (IMAGES, DCGAN, "schedule={use: alternating, half_batches: true}"),
    (IMAGES, DCGAN, "schedule={use: alternating, mixed_batches: true}"),
    (IMAGES, DCGAN, "schedule={use: alternating, generator_ema: 0.9}"),
    (IMAGES, DCGAN, "schedule={use: n-critic, n: 3}"),
    (IMAGES, DCGAN, "schedule={use: epochs-in-turn}"),
    (IMAGES, DCGAN, "schedule={use: stalled-discriminator}"),
]


@pytest.fixture
def case(make_spec):
    """A candidate, its data and its training."""

    def case(*overrides):
        own = (
            ()
            if overrides[0] == "ring-2d"
            else ("discriminator={use: downconv, width: 8}", "baseline={}")
        )
        spec = make_spec(*own, *overrides) if own else make_spec()
        candidate = SearchSpace(spec, Registry()).baseline
        data = candidate.dataset.load()
        return candidate, data, spec.training.in_steps(len(data.train.samples))

    return case


def taken(candidate, data, training):
    """The peak of the same training with real tensors."""
    with HighWater(CPU) as water:
        rehearse(candidate, data, training, CPU)
    return water.peak


@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
def test_what_is_counted_is_what_a_training_takes(case, overrides):
    # Kernels of the CPU lay out a few tensors otherwise, and then copy, or need not.
    assert footprint(*case(*overrides), "fp32").total == pytest.approx(
        taken(*case(*overrides)).total, rel=0.02
    )


def test_a_training_takes_more_with_larger_batches_networks_and_data(case):
    def counted(*overrides):
        return footprint(*case(IMAGES, DCGAN, *overrides), "fp32").total

    least = counted()
    for more in (
        "training.batch_size=32",
        "generator.width=16",
        "dataset.limit=4000",
        "schedule.generator_ema=0.9",
    ):
        assert counted(more) > least


@pytest.mark.parametrize("generator", [DENSE, DCGAN, UPCONV], ids=str)
def test_bf16_never_takes_more_than_is_counted(case, monkeypatch, generator):
    candidate, data, training = case(IMAGES, generator)
    counted = footprint(candidate, data, training, "bf16")
    monkeypatch.setattr(
        "gansearch.training.networks.autocast", lambda _, device: autocast("bf16", device)
    )
    assert 0.5 < taken(candidate, data, training).total / counted.total <= 1


class Asks(Generator):
    """Cannot be counted: what it does depends on a value."""

    latent: int = 2
    feeds_on: ClassVar = "samples"

    def build(self, images):
        class Asking(nn.Conv2d):
            def forward(self, samples):
                return super().forward(samples) if samples.mean() < 10 else samples

        return Asking(images.channels, images.channels, 1)


def test_a_candidate_that_asks_for_a_value_is_not_counted(case):
    candidate, data, training = case("ring-2d")
    parts = {role: (candidate.uses[role], getattr(candidate, role)) for role in candidate.uses}
    asking = Candidate.of(parts | {"generator": ("asks", Asks())})
    assert footprint(asking, data, training, "fp32") is None
    assert taken(asking, data, training).total > 0


def test_to_count_draws_no_random_number(case):
    before = torch.get_rng_state()
    footprint(*case(IMAGES, DCGAN), "fp32")
    assert torch.equal(torch.get_rng_state(), before)


# --------------------------------------------------------------------------------------------------
# The mark


def test_memory_counts_once_for_as_long_as_anything_holds_it():
    with HighWater(CPU) as water:
        first = torch.zeros(GRANULE)  # of 4 bytes each
        view = first[:7].reshape(7)
        del first
        assert water.peak == Footprint(4 * GRANULE, 0)
        del view
        _ = torch.zeros(2 * GRANULE)
    assert water.peak == Footprint(8 * GRANULE, 0)


def test_what_a_graph_keeps_for_its_backward_counts():
    with HighWater(CPU) as water:
        weight = torch.ones(GRANULE, requires_grad=True)
        for _ in range(4):
            weight = weight.exp()
    assert water.peak == Footprint(5 * 4 * GRANULE, 0)


def test_every_tensor_is_rounded_up_and_belongs_to_the_pool_of_its_size():
    with HighWater(CPU) as water:
        _kept = [
            torch.zeros(1),
            torch.zeros(SMALL, dtype=torch.uint8),
            torch.zeros(SMALL + 1, dtype=torch.uint8),
        ]
    assert water.peak == Footprint(GRANULE + SMALL, SMALL + GRANULE)


def test_memory_of_another_device_does_not_count():
    with HighWater(torch.device("meta")) as water:
        torch.zeros(1000)
    assert water.peak == Footprint(0, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("overrides", CASES[:5], ids=" ".join)
def test_on_a_gpu_a_training_takes_what_was_counted_and_little_more(case, overrides):
    from gansearch.execution.gpu.memory import claim_of

    counted = footprint(*case(*overrides), "fp32")
    torch.cuda.reset_peak_memory_stats()
    rehearse(*case(*overrides), torch.device("cuda"))
    assert torch.cuda.max_memory_reserved() <= claim_of(counted).total
