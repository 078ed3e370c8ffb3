"""Replayed steps compared with eager ones; here a replay calls the operations again."""

import re
from dataclasses import replace

import pytest
import torch
from support.looks import LooksEvery
from support.variants import Echo, Reconstruction, variant

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.discriminators.dense import DenseDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.feature_matching import FeatureMatching
from gansearch.builtin.losses.hinge import Hinge
from gansearch.builtin.losses.wasserstein import WassersteinGP
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.builtin.schedules.epochs_in_turn import EpochsInTurn
from gansearch.builtin.schedules.n_critic import NCritic
from gansearch.builtin.schedules.stalled_discriminator import StalledDiscriminator
from gansearch.diagnosis.detection import RunWatch
from gansearch.messages import StoppedError
from gansearch.training import cuda_graphs
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor

STEPS = 60


class Repeating:
    """Capture without a GPU: a replay runs the operations and overwrites the first outputs."""

    def __init__(self, networks):
        self.networks, self.replays = networks, 0

    def capture(self, operations):
        outputs = operations()

        def replay():
            self.replays += 1
            self.replay(operations, outputs)

        return outputs, replay

    def replay(self, operations, outputs):
        for output, value in zip(outputs, operations(), strict=True):
            output.copy_(value)


class Idle(Repeating):
    """Capture whose replays do nothing."""

    def replay(self, operations, outputs):
        pass


class FrozenLatents(Repeating):
    """Capture whose replays use the latents of the capture, while the random state advances."""

    def capture(self, operations):
        self.rng = torch.get_rng_state()
        return super().capture(operations)

    def replay(self, operations, outputs):
        now = torch.get_rng_state()
        torch.set_rng_state(self.rng)
        super().replay(operations, outputs)
        torch.set_rng_state(now)
        self.networks.draw_latents(16)


class Inexact(Repeating):
    """Capture whose replays add an error to one weight."""

    error = 1e-9

    def replay(self, operations, outputs):
        super().replay(operations, outputs)
        with torch.no_grad():
            next(self.networks.generator.network.parameters()).flatten()[0].add_(self.error)


class Wrong(Inexact):
    """Capture with an error as large as a difference between two steps."""

    error = 1e-4


class Failing(Repeating):
    """Capture that fails, as one in which an operation waits for the device."""

    def capture(self, operations):
        operations()
        raise RuntimeError("operation not permitted when stream is capturing\nand many lines more")


@pytest.fixture
def use(monkeypatch):
    """Make the training use a kind of capture."""

    def use(kind):
        captures = []

        def graph_capture(networks):
            captures.append(kind(networks))
            return captures[-1]

        monkeypatch.setattr(cuda_graphs, "graph_capture", graph_capture)
        return captures

    return use


@pytest.fixture
def candidate(make_space):
    return make_space().baseline


@pytest.fixture
def run(make_spec):
    def run(candidate, *detectors, graphs, steps=STEPS, **options):
        spec = make_spec(
            f"training.graphs={str(graphs).lower()}", f"training.steps={steps}"
        ).training.in_steps(400)
        return train(candidate, candidate.dataset.load(), spec, RunWatch(detectors), **options)

    return run


def assert_same(first, second):
    """Check that signals and final networks are equal; one process on one thread made both."""
    assert first.rows == second.rows
    assert first.predictions == second.predictions
    assert first.rungs == second.rungs
    assert len(first.networks.tensors()) == len(second.networks.tensors())
    assert all(map(torch.equal, first.networks.tensors(), second.networks.tensors()))


CONV = {
    "dataset": FashionMNIST(limit=400),
    "generator": DCGANGenerator(width=2, levels=2, latent=3),
    "discriminator": DCGANDiscriminator(width=2, layers=2, spectral_norm=True),
}
VARIANTS = [
    {"schedule": Alternating(generator_ema=0.9)},
    {"loss": Hinge(r1=1.0), "schedule": Alternating(half_batches=True)},
    {"loss": FeatureMatching(), "schedule": Alternating(mixed_batches=True)},
    {"loss": WassersteinGP(), "schedule": NCritic(n=3)},
    {"schedule": EpochsInTurn()},
    {"schedule": StalledDiscriminator(every=3, until=30, generator_ema=0.9)},
    {"discriminator": DenseDiscriminator(layers=1, width=8, packing=2, norm="batch", dropout=0.2)},
    {**CONV, "schedule": Alternating(generator_ema=0.9)},
    {"generator": Echo(), "loss": Reconstruction()},
]


@pytest.mark.parametrize(
    "parts", VARIANTS, ids=lambda parts: "-".join(type(part).__name__ for part in parts.values())
)
def test_replayed_steps_equal_eager_ones_bit_for_bit(candidate, run, use, parts):
    captures = use(Repeating)
    replayed = run(variant(candidate, **parts), graphs=True)
    assert replayed.graphs == "used"
    assert captures[0].replays > STEPS / 3
    assert_same(replayed, run(variant(candidate, **parts), graphs=False))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Idle, "the replayed step differs from the eager step"),
        (FrozenLatents, "the replayed step differs from the eager step"),
        (Wrong, "the replayed step differs from the eager step"),
        (Failing, "RuntimeError: operation not permitted when stream is capturing"),
    ],
)
def test_a_wrong_capture_is_detected_and_the_run_stays_eager(candidate, run, use, kind, why):
    use(kind)
    with_ema = variant(candidate, schedule=Alternating(generator_ema=0.9))
    replayed = run(with_ema, graphs=True)
    assert replayed.graphs == f"not used: {why}"
    assert_same(replayed, run(with_ema, graphs=False))


def test_a_replay_may_differ_by_rounding(candidate, run, use):
    use(Inexact)
    assert run(candidate, graphs=True).graphs == "used"


class Noisy(BCE):
    """Loss with random noise, as from a kernel that adds in another order each time."""

    def of_generator(self, scores):
        noise = 1 + 0.01 * torch.rand((), generator=NOISE)
        return super().of_generator(scores) * noise


NOISE = torch.Generator().manual_seed(0)


def test_a_replay_may_differ_as_much_as_eager_steps_do(candidate, run, use):
    use(Repeating)
    assert run(variant(candidate, loss=Noisy()), graphs=True).graphs == "used"


def test_a_loss_that_reads_the_number_of_the_step_is_not_captured(candidate, run, use):
    use(Repeating)
    rising = variant(candidate, loss=FeatureMatching(ramp=0.5))
    replayed = run(rising, graphs=True)
    assert replayed.graphs == "not used: the loss reads the number of the step"
    assert_same(replayed, run(rising, graphs=False))


def test_after_a_failed_capture_all_steps_are_eager(candidate, run, use):
    use(Repeating)

    class Later(NCritic):
        """Schedule whose second half trains on an objective that reads the step."""

        def phases(self, steps_per_epoch):
            first, then = super().phases(steps_per_epoch)
            return first, replace(then, stop=30), replace(then, objective="of_features", start=30)

    class Rising(FeatureMatching):
        """Loss with one objective that reads the step and one that does not."""

        def of_features(self, inputs):
            return FeatureMatching.generate(self, inputs) * inputs.step

    changing = variant(candidate, loss=Rising(), schedule=Later(n=1))
    replayed = run(changing, graphs=True)
    assert re.fullmatch(
        r"used for \d\d steps, then not: the loss reads the number of the step", replayed.graphs
    )
    assert_same(replayed, run(changing, graphs=False))


@pytest.mark.parametrize("stop_at", [20, 40])
def test_a_resumed_run_ends_as_an_uninterrupted_one(candidate, run, use, tmp_path, stop_at):
    use(Repeating)

    class Stopping(TrainingMonitor):
        def on_progress(self, step, rows, verdict):
            if step == stop_at:
                raise StoppedError

    with pytest.raises(StoppedError):
        run(candidate, graphs=True, monitor=Stopping(), folder=tmp_path)
    resumed = run(candidate, graphs=True, resume_from=tmp_path)
    assert resumed.graphs == "used"
    assert_same(resumed, run(candidate, graphs=False))


def test_probes_and_rungs_do_not_change_a_replayed_run(candidate, run, use):
    use(Repeating)
    looking = LooksEvery(first=5, between=7)

    class Measuring(TrainingMonitor):
        rungs = frozenset({33})

        def on_probe(self, samples):
            return {"coverage": 1.0}

        def measure_rung(self, samples, inputs, generator):
            return {"mean": float(samples.mean())}

    replayed = run(candidate, looking, graphs=True, monitor=Measuring())
    assert replayed.graphs == "used"
    assert_same(replayed, run(candidate, looking, graphs=False, monitor=Measuring()))


def test_a_changed_learning_rate_takes_effect(candidate, run, use):
    use(Repeating)

    class Changing(TrainingMonitor):
        def before_step(self, step, networks):
            networks.generator.optimizer.param_groups[0]["lr"] = 1e-2 if 30 <= step < 34 else 1e-3

    replayed = run(candidate, graphs=True, monitor=Changing())
    assert replayed.graphs == "used"
    assert_same(replayed, run(candidate, graphs=False, monitor=Changing()))


def test_a_run_too_short_for_a_capture_says_so(candidate, run, use):
    use(Repeating)
    assert run(candidate, graphs=True, steps=3).graphs == "not used: no step came often enough"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_without_cuda_a_run_is_eager_and_says_so(candidate, run):
    asked, plain = run(candidate, graphs=True), run(candidate, graphs=False)
    assert asked.graphs == "not used: the device is cpu"
    assert plain.graphs == "not used: not asked for"
    assert_same(asked, plain)
