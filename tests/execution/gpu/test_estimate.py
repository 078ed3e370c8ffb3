"""Memory estimates compared with the same training in real memory, on the CPU."""

from typing import ClassVar

import pytest
import torch
from torch import nn

from gansearch.candidate import Candidate
from gansearch.components import Generator
from gansearch.execution.gpu.estimate import (
    BLOCK,
    SMALL,
    MemoryEstimate,
    PeakMemory,
    dry_run,
    estimate_memory,
)
from gansearch.registry import Registry
from gansearch.study.search_space import SearchSpace
from gansearch.training.precision import autocast

CPU = torch.device("cpu")
IMAGES = "dataset={use: fashion-mnist, limit: 400}"
NARROW_UPCONV = "generator={use: upconv, width: 16}"
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
    (IMAGES, DCGAN, "loss={use: relativistic}"),
    # schedules
    (IMAGES, DCGAN, "schedule={use: alternating, half_batches: true}"),
    (IMAGES, DCGAN, "schedule={use: alternating, mixed_batches: true}"),
    (IMAGES, DCGAN, "schedule={use: alternating, generator_ema: 0.9}"),
    (IMAGES, DCGAN, "schedule={use: alternating, optimizer: adamw}"),
    (IMAGES, DCGAN, "schedule={use: alternating, optimizer: rmsprop}"),
    (IMAGES, DCGAN, "schedule={use: n-critic, n: 3}"),
    (IMAGES, DCGAN, "schedule={use: epochs-in-turn}"),
    (IMAGES, DCGAN, "schedule={use: stalled-discriminator}"),
]


@pytest.fixture
def case(make_spec):
    """Return a candidate, its data and its training."""

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


def used(candidate, data, training):
    """Return the peak of the same training with real tensors."""
    with PeakMemory(CPU) as memory:
        dry_run(candidate, data, training, CPU)
    return memory.peak


@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
def test_the_estimate_equals_the_memory_in_use(case, overrides):
    # CPU kernels use another layout for a few tensors, and so copy more or less: within 2%.
    assert estimate_memory(*case(*overrides), "fp32").total == pytest.approx(
        used(*case(*overrides)).total, rel=0.02
    )


def test_larger_batches_networks_and_data_need_more_memory(case):
    def estimated(*overrides):
        return estimate_memory(*case(IMAGES, DCGAN, *overrides), "fp32").total

    least = estimated()
    for more in (
        "training.batch_size=32",
        "generator.width=16",
        "dataset.limit=4000",
        "schedule.generator_ema=0.9",
    ):
        assert estimated(more) > least


@pytest.mark.parametrize("generator", [DENSE, DCGAN, NARROW_UPCONV], ids=str)
def test_the_estimate_for_bf16_is_an_upper_bound(case, monkeypatch, generator):
    candidate, data, training = case(IMAGES, generator)
    estimate = estimate_memory(candidate, data, training, "bf16")
    monkeypatch.setattr(
        "gansearch.training.networks.autocast", lambda _, device: autocast("bf16", device)
    )
    assert 0.5 < used(candidate, data, training).total / estimate.total <= 1


class ReadsValues(Generator):
    """Generator without an estimate: it reads values of its input."""

    latent: int = 2
    feeds_on: ClassVar = "samples"

    def build(self, images):
        class Reading(nn.Conv2d):
            def forward(self, samples):
                return super().forward(samples) if samples.mean() < 10 else samples

        return Reading(images.channels, images.channels, 1)


def test_a_candidate_that_reads_values_has_no_estimate(case):
    candidate, data, training = case("ring-2d")
    parts = {role: (candidate.uses[role], getattr(candidate, role)) for role in candidate.uses}
    asking = Candidate.of(parts | {"generator": ("reads-values", ReadsValues())})
    assert estimate_memory(asking, data, training, "fp32") is None
    assert used(asking, data, training).total > 0


def test_an_estimate_draws_no_random_number(case):
    before = torch.get_rng_state()
    estimate_memory(*case(IMAGES, DCGAN), "fp32")
    assert torch.equal(torch.get_rng_state(), before)


# --------------------------------------------------------------------------------------------------
# PeakMemory


def test_memory_counts_once_for_as_long_as_anything_holds_it():
    with PeakMemory(CPU) as memory:
        first = torch.zeros(BLOCK)  # of 4 bytes each
        view = first[:7].reshape(7)
        del first
        assert memory.peak == MemoryEstimate(4 * BLOCK, 0)
        del view
        _ = torch.zeros(2 * BLOCK)
    assert memory.peak == MemoryEstimate(8 * BLOCK, 0)


def test_tensors_saved_for_backward_count():
    with PeakMemory(CPU) as memory:
        weight = torch.ones(BLOCK, requires_grad=True)
        for _ in range(4):
            weight = weight.exp()
    assert memory.peak == MemoryEstimate(5 * 4 * BLOCK, 0)


def test_a_tensor_is_rounded_up_and_counts_in_the_pool_of_its_size():
    with PeakMemory(CPU) as memory:
        _kept = [
            torch.zeros(1),
            torch.zeros(SMALL, dtype=torch.uint8),
            torch.zeros(SMALL + 1, dtype=torch.uint8),
        ]
    assert memory.peak == MemoryEstimate(BLOCK + SMALL, SMALL + BLOCK)


def test_memory_of_another_device_does_not_count():
    with PeakMemory(torch.device("meta")) as memory:
        torch.zeros(1000)
    assert memory.peak == MemoryEstimate(0, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("overrides", CASES[:5], ids=" ".join)
def test_on_a_gpu_the_reservation_covers_the_memory_in_use(case, overrides):
    from gansearch.execution.gpu.memory import with_reserves

    estimate = estimate_memory(*case(*overrides), "fp32")
    torch.cuda.reset_peak_memory_stats()
    dry_run(*case(*overrides), torch.device("cuda"))
    assert torch.cuda.max_memory_reserved() <= with_reserves(estimate).total
