"""CUDA graphs on a GPU, where there is one."""

import pytest
import torch
from support.variants import variant

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.wasserstein import WassersteinGP
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.builtin.schedules.n_critic import NCritic
from gansearch.diagnosis.detection import RunWatch
from gansearch.study.spec import StepsSpec
from gansearch.training.cuda_graphs import CudaGraphCapture
from gansearch.training.loop import train
from gansearch.training.networks import GANNetworks

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

CONV = {
    "dataset": FashionMNIST(limit=2000),
    "generator": DCGANGenerator(width=4, levels=2, latent=8),
    "discriminator": DCGANDiscriminator(width=4, layers=2, spectral_norm=True),
}
VARIANTS = [
    {"schedule": Alternating(generator_ema=0.9)},
    {"loss": WassersteinGP(), "schedule": NCritic(n=3)},
    {**CONV, "schedule": Alternating(generator_ema=0.9)},
]


@pytest.fixture
def candidate(make_space):
    return make_space().baseline


def run(candidate, graphs, precision="fp32", **options):
    spec = StepsSpec(
        steps=60,
        batch_size=16,
        sample_every=0,
        device="cuda",
        precision=precision,
        graphs=graphs,
        checkpoint_every=40,
    )
    return train(candidate, candidate.dataset.load(), spec, RunWatch([]), **options)


def assert_close(rows, others):
    """Compare loosely: atomic additions round differently each time, and a GAN amplifies that."""
    for row, other in zip(rows, others, strict=True):
        assert row == pytest.approx(other, rel=0.05, abs=0.05)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("parts", VARIANTS, ids=["dense", "wasserstein", "conv"])
def test_graphs_are_used_and_give_the_signals_of_eager_steps(candidate, parts, precision):
    with_graphs = run(variant(candidate, **parts), True, precision)
    assert with_graphs.graphs == "used"
    assert_close(with_graphs.rows, run(variant(candidate, **parts), False, precision).rows)


def test_a_run_with_graphs_resumes_from_its_checkpoint(candidate, tmp_path):
    whole = run(candidate, True, folder=tmp_path)
    resumed = run(candidate, True, resume_from=tmp_path)
    assert resumed.steps == whole.steps == 60
    assert_close(resumed.rows, whole.rows)


class Reading(BCE):
    """Loss that reads a number from the device at every step."""

    def of_generator(self, scores):
        return super().of_generator(scores) * (2.0 if scores.mean().item() > 0 else 1.0)


def test_a_step_that_waits_for_the_device_stays_eager(candidate):
    waiting = variant(candidate, loss=Reading())
    with_graphs = run(waiting, True)
    assert with_graphs.graphs.startswith("not used: ")
    assert_close(with_graphs.rows, run(waiting, False).rows)


def test_after_a_broken_capture_random_numbers_are_drawn_as_before(candidate):
    networks = GANNetworks(candidate, candidate.dataset.load().shape, torch.device("cuda"), "fp32")
    calls = []

    def operations():
        calls.append(networks.draw_latents(4))
        if len(calls) == 3:  # the capture, after two warm-ups
            calls[-1].sum().item()
        return [calls[-1]]

    stream = torch.cuda.current_stream()
    torch.cuda.manual_seed(0)
    with pytest.raises(RuntimeError):
        CudaGraphCapture(networks).capture(operations)
    assert torch.cuda.current_stream() == stream
    torch.cuda.manual_seed(0)
    first = networks.draw_latents(4)
    torch.cuda.manual_seed(0)
    assert torch.equal(first, networks.draw_latents(4))
