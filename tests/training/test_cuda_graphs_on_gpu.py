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
from gansearch.training.cuda_graphs import CudaGraphs
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
    """Kernels that add by atomic operations round differently each time, and a GAN makes more of it step by step."""
    for row, other in zip(rows, others, strict=True):
        assert row == pytest.approx(other, rel=0.05, abs=0.05)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("parts", VARIANTS, ids=["dense", "wasserstein", "conv"])
def test_graphs_are_used_and_come_to_what_eager_steps_do(candidate, parts, precision):
    recorded = run(variant(candidate, **parts), True, precision)
    assert recorded.graphs == "used"
    assert_close(recorded.rows, run(variant(candidate, **parts), False, precision).rows)


def test_a_recorded_run_goes_on_from_its_checkpoint(candidate, tmp_path):
    whole = run(candidate, True, folder=tmp_path)
    resumed = run(candidate, True, resume_from=tmp_path)
    assert resumed.steps == whole.steps == 60
    assert_close(resumed.rows, whole.rows)


class Nosy(BCE):
    """Asks the device for a number at every step."""

    def of_generator(self, scores):
        return super().of_generator(scores) * (2.0 if scores.mean().item() > 0 else 1.0)


def test_a_step_that_waits_for_the_device_is_not_recorded_and_the_run_goes_on(candidate):
    waiting = variant(candidate, loss=Nosy())
    recorded = run(waiting, True)
    assert recorded.graphs.startswith("not used: ")
    assert_close(recorded.rows, run(waiting, False).rows)


def test_after_a_capture_that_broke_off_random_numbers_are_drawn_as_before(candidate):
    players = GANNetworks(candidate, candidate.dataset.load().shape, torch.device("cuda"), "fp32")
    calls = []

    def act():
        calls.append(players.latents(4))
        if len(calls) == 3:  # the capture, after two rehearsals
            calls[-1].sum().item()
        return [calls[-1]]

    stream = torch.cuda.current_stream()
    torch.cuda.manual_seed(0)
    with pytest.raises(RuntimeError):
        CudaGraphs(players).record(act)
    assert torch.cuda.current_stream() == stream
    torch.cuda.manual_seed(0)
    first = players.latents(4)
    torch.cuda.manual_seed(0)
    assert torch.equal(first, players.latents(4))
