"""Steps on torch's meta device, where there are no values: any question to the device raises."""

import pytest
import torch
from support.variants import Echo, Reconstruction, variant
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.discriminators.dense import DenseDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE, Minimax
from gansearch.builtin.losses.feature_matching import FeatureMatching
from gansearch.builtin.losses.hinge import Hinge
from gansearch.builtin.losses.least_squares import LeastSquares
from gansearch.builtin.losses.wasserstein import WassersteinGP
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.builtin.schedules.epochs_in_turn import EpochsInTurn
from gansearch.builtin.schedules.n_critic import NCritic
from gansearch.builtin.schedules.stalled_discriminator import StalledDiscriminator
from gansearch.training.batches import BatchSampler
from gansearch.training.loss_inputs import Stage
from gansearch.training.networks import GANNetworks
from gansearch.training.recorder import Recorder, mean_pair_distance
from gansearch.training.steps import Due, EagerSteps

META = torch.device("meta")


class Apart(TorchDispatchMode):
    """Where no tensor of the host meets one of the device, and none is copied from one to the other."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = function(*args, **(kwargs or {}))
        devices = {
            leaf.device.type
            for leaf in tree_leaves((args, given))
            if isinstance(leaf, torch.Tensor)
        }
        assert len(devices) < 2, f"{function} has tensors on {devices}"
        return given


def take_steps(candidate, count=30):
    """Steps of all that comes after the last read, until the next: 30 hold every phase of these schedules."""
    data = candidate.dataset.load()
    players = GANNetworks(candidate, data.shape, META, "fp32")
    for learner in (players.generator, players.discriminator):
        # The fused one, which is used on a GPU, refuses this device; this one counts its steps on the host.
        learner.optimizer.param_groups[0].update(fused=False, foreach=True)
    feed = BatchSampler(data, META)
    stage = Stage(players, feed, Recorder(), batch_size=16, steps=count)
    steps = EagerSteps(stage, candidate.loss, mean_pair_distance(feed.draw(16)))
    phases = candidate.schedule.phases(steps_per_epoch=10)
    with Apart():
        for step in range(1, count + 1):
            stage.recorder.keep(step, steps.take(step, Due.at(step, phases, 10)))
    return stage.recorder


CONV = {
    "dataset": FashionMNIST(limit=400),
    "generator": DCGANGenerator(width=2, levels=2, latent=3),
    "discriminator": DCGANDiscriminator(width=2, layers=2, spectral_norm=True),
}
AVERAGED = Alternating(generator_ema=0.9)
VARIANTS = [
    {"loss": BCE(), "schedule": AVERAGED},
    {"loss": BCE(r1=1.0)},
    {"loss": Minimax(), "schedule": Alternating(half_batches=True)},
    {"loss": LeastSquares(), "schedule": Alternating(mixed_batches=True)},
    {"loss": Hinge(r1=1.0), "schedule": NCritic(n=3)},
    {"loss": WassersteinGP(), "schedule": NCritic(n=2)},
    {"loss": WassersteinGP(), "schedule": Alternating(half_batches=True)},
    {"loss": FeatureMatching(ramp=0.5)},
    {"schedule": EpochsInTurn()},
    {"schedule": StalledDiscriminator(every=3, until=20)},
    {
        "discriminator": DenseDiscriminator(
            layers=1, width=8, packing=2, norm="batch", dropout=0.2, maxout=2
        )
    },
    {**CONV, "schedule": AVERAGED},
    {**CONV, "loss": WassersteinGP()},
    {"generator": Echo(), "loss": Reconstruction()},
]


@pytest.mark.parametrize(
    "parts", VARIANTS, ids=lambda parts: "-".join(type(part).__name__ for part in parts.values())
)
def test_between_two_reads_of_the_signals_nothing_waits_for_the_device(make_space, parts):
    rows = take_steps(variant(make_space().baseline, **parts))._rows
    assert len(rows) == 30
    assert all(value.is_meta for row in rows for value in row.values())


class Nosy(BCE):
    """Asks the device for a number at every step."""

    def of_generator(self, scores):
        return super().of_generator(scores) * (2.0 if scores.mean() > 0 else 1.0)


class Handing(BCE):
    """Copies a number to the device at every step."""

    def of_generator(self, scores):
        return super().of_generator(scores) * torch.tensor(2.0).to(scores.device)


@pytest.mark.parametrize(
    ("loss", "said"), [(Nosy(), "meta tensors"), (Handing(), "has tensors on")]
)
def test_what_waits_for_the_device_is_found(make_space, loss, said):
    with pytest.raises((RuntimeError, AssertionError), match=said):
        take_steps(variant(make_space().baseline, loss=loss))
