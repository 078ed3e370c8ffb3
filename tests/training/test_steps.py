"""Steps on torch's meta device, which has no values: reading one raises."""

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
from gansearch.training.loss_inputs import StepContext
from gansearch.training.networks import GANNetworks
from gansearch.training.recorder import Recorder, mean_pair_distance
from gansearch.training.steps import EagerSteps, StepPlan

META = torch.device("meta")


class NoTransfer(TorchDispatchMode):
    """Dispatch mode that fails where an operator has tensors on both host and device."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        devices = {
            leaf.device.type
            for leaf in tree_leaves((args, result))
            if isinstance(leaf, torch.Tensor)
        }
        assert len(devices) < 2, f"{function} has tensors on {devices}"
        return result


def run_steps(candidate, count=12):
    """Run steps without reading their signals; 12 contain every phase of these schedules."""
    data = candidate.dataset.load()
    networks = GANNetworks(candidate, data.shape, META, "fp32")
    for network in (networks.generator, networks.discriminator):
        # Fused Adam does not run on this device; this one counts its steps on the host.
        network.optimizer.param_groups[0].update(fused=False, foreach=True)
    batches = BatchSampler(data, META)
    context = StepContext(networks, batches, Recorder(), batch_size=16, steps=count)
    steps = EagerSteps(context, candidate.loss, mean_pair_distance(batches.draw(16)))
    phases = candidate.schedule.phases(steps_per_epoch=4)
    with NoTransfer():
        for step in range(1, count + 1):
            context.recorder.keep(step, steps.run(step, StepPlan.at(step, phases, 10)))
    return context.recorder


CONV = {
    "dataset": FashionMNIST(limit=400),
    "generator": DCGANGenerator(width=2, levels=2, latent=3),
    "discriminator": DCGANDiscriminator(width=2, layers=2, spectral_norm=True),
}
WITH_EMA = Alternating(generator_ema=0.9)
VARIANTS = [
    {"loss": BCE(), "schedule": WITH_EMA},
    {"loss": BCE(r1=1.0)},
    {"loss": Minimax(), "schedule": Alternating(half_batches=True)},
    {"loss": LeastSquares(), "schedule": Alternating(mixed_batches=True)},
    {"loss": Hinge(r1=1.0), "schedule": NCritic(n=3)},
    {"loss": WassersteinGP(), "schedule": NCritic(n=2)},
    {"loss": WassersteinGP(), "schedule": Alternating(half_batches=True)},
    {"loss": FeatureMatching(ramp=0.5)},
    {"schedule": EpochsInTurn()},
    {"schedule": StalledDiscriminator(every=3, until=8)},
    {
        "discriminator": DenseDiscriminator(
            layers=1, width=8, packing=2, norm="batch", dropout=0.2, maxout=2
        )
    },
    {**CONV, "schedule": WITH_EMA},
    {**CONV, "loss": WassersteinGP()},
    {"generator": Echo(), "loss": Reconstruction()},
]


@pytest.mark.parametrize(
    "parts", VARIANTS, ids=lambda parts: "-".join(type(part).__name__ for part in parts.values())
)
def test_a_step_never_waits_for_the_device(make_space, parts):
    rows = run_steps(variant(make_space().baseline, **parts))._rows
    assert len(rows) == 12
    assert all(value.is_meta for row in rows for value in row.values())


class Reading(BCE):
    """Loss that reads a number from the device at every step."""

    def of_generator(self, scores):
        return super().of_generator(scores) * (2.0 if scores.mean() > 0 else 1.0)


class Copying(BCE):
    """Loss that copies a number to the device at every step."""

    def of_generator(self, scores):
        return super().of_generator(scores) * torch.tensor(2.0).to(scores.device)


@pytest.mark.parametrize(
    ("loss", "message"), [(Reading(), "meta tensors"), (Copying(), "has tensors on")]
)
def test_a_loss_that_waits_for_the_device_is_detected(make_space, loss, message):
    with pytest.raises((RuntimeError, AssertionError), match=message):
        run_steps(variant(make_space().baseline, loss=loss))
