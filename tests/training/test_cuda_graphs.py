"""Recorded steps beside eager ones; what CUDA graphs do to a GPU, a tape of ours does here by calling again."""

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
from gansearch.training.loop import Hooks, train

STEPS = 60


class Again:
    """Replays by doing the act again and writing what it gives where it was first."""

    def __init__(self, players):
        self.players, self.replays = players, 0

    def record(self, act):
        outputs = act()

        def replay():
            self.replays += 1
            self.play(act, outputs)

        return outputs, replay

    def play(self, act, outputs):
        for output, fresh in zip(outputs, act(), strict=True):
            output.copy_(fresh)


class Idle(Again):
    """Its replays do nothing."""

    def play(self, act, outputs):
        pass


class Frozen(Again):
    """Its replays take the latents of the recording; the generator of random numbers goes on all the same."""

    def record(self, act):
        self.generator = torch.get_rng_state()
        return super().record(act)

    def play(self, act, outputs):
        now = torch.get_rng_state()
        torch.set_rng_state(self.generator)
        super().play(act, outputs)
        torch.set_rng_state(now)
        self.players.latents(16)


class Inexact(Again):
    """Its replays change one weight by so much more."""

    error = 1e-9

    def play(self, act, outputs):
        super().play(act, outputs)
        with torch.no_grad():
            next(self.players.generator.network.parameters()).flatten()[0].add_(self.error)


class Wrong(Inexact):
    """By so much that a step looks another one."""

    error = 1e-4


class Breaking(Again):
    """Fails in the middle, as a capture does in which something waits for the device."""

    def record(self, act):
        act()
        raise RuntimeError("operation not permitted when stream is capturing\nand many lines more")


@pytest.fixture
def use(monkeypatch):
    """Makes a kind of tape the one that is used."""

    def use(kind):
        tapes = []
        monkeypatch.setattr(
            cuda_graphs, "tape_for", lambda players: tapes.append(kind(players)) or tapes[-1]
        )
        return tapes

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
    """The same signals at every step, and the same networks in the end."""
    assert first.rows == second.rows
    assert first.predictions == second.predictions
    assert first.rungs == second.rungs
    assert len(first.players.tensors()) == len(second.players.tensors())
    assert all(map(torch.equal, first.players.tensors(), second.players.tensors()))


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
def test_a_run_of_recorded_steps_is_bit_for_bit_the_eager_one(candidate, run, use, parts):
    tapes = use(Again)
    recorded = run(variant(candidate, **parts), graphs=True)
    assert recorded.graphs == "used"
    assert tapes[0].replays > STEPS / 3
    assert_same(recorded, run(variant(candidate, **parts), graphs=False))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Idle, "replayed, a step came to something else than taken eagerly"),
        (Frozen, "replayed, a step came to something else than taken eagerly"),
        (Wrong, "replayed, a step came to something else than taken eagerly"),
        (Breaking, "RuntimeError: operation not permitted when stream is capturing"),
    ],
)
def test_a_wrong_recording_is_found_out_and_the_run_is_the_eager_one(
    candidate, run, use, kind, why
):
    use(kind)
    averaged = variant(candidate, schedule=Alternating(generator_ema=0.9))
    recorded = run(averaged, graphs=True)
    assert recorded.graphs == f"not used: {why}"
    assert_same(recorded, run(averaged, graphs=False))


def test_a_replay_may_round_otherwise(candidate, run, use):
    use(Inexact)
    assert run(candidate, graphs=True).graphs == "used"


class Shaky(BCE):
    """As a kernel that adds in another order each time, but coarser."""

    def of_generator(self, scores):
        noise = 1 + 0.01 * torch.rand((), generator=SHAKING)
        return super().of_generator(scores) * noise


SHAKING = torch.Generator().manual_seed(0)


def test_where_eager_steps_differ_among_themselves_a_replay_may_differ_as_much(candidate, run, use):
    use(Again)
    assert run(variant(candidate, loss=Shaky()), graphs=True).graphs == "used"


def test_a_loss_that_goes_by_the_number_of_the_step_is_not_recorded(candidate, run, use):
    use(Again)
    rising = variant(candidate, loss=FeatureMatching(ramp=0.5))
    recorded = run(rising, graphs=True)
    assert recorded.graphs == "not used: the loss asks for the number of the step"
    assert_same(recorded, run(rising, graphs=False))


def test_what_was_recorded_before_something_failed_is_not_used_any_more(candidate, run, use):
    use(Again)

    class Later(NCritic):
        """Turns to features that rise by the step."""

        def phases(self, steps_per_epoch):
            first, then = super().phases(steps_per_epoch)
            return first, replace(then, stop=30), replace(then, objective="of_features", start=30)

    class Rising(FeatureMatching):
        """With an objective of each kind."""

        def of_features(self, scene):
            return FeatureMatching.generate(self, scene) * scene.step

    changing = variant(candidate, loss=Rising(), schedule=Later(n=1))
    recorded = run(changing, graphs=True)
    assert re.fullmatch(
        r"used for \d\d steps, then not: the loss asks for the number of the step", recorded.graphs
    )
    assert_same(recorded, run(changing, graphs=False))


@pytest.mark.parametrize("stop_at", [20, 40])
def test_a_run_that_is_resumed_ends_as_if_it_had_not_been_stopped(
    candidate, run, use, tmp_path, stop_at
):
    use(Again)

    def stop(step, row, verdict):
        if step == stop_at:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(candidate, graphs=True, hooks=Hooks(progress=stop), folder=tmp_path)
    resumed = run(candidate, graphs=True, resume_from=tmp_path)
    assert resumed.graphs == "used"
    assert_same(resumed, run(candidate, graphs=False))


def test_probes_and_rungs_do_not_change_a_recorded_run(candidate, run, use):
    use(Again)
    looking = LooksEvery(first=5, between=7)
    hooks = Hooks(
        probe=lambda samples: {"coverage": 1.0},
        rungs=frozenset({33}),
        measure=lambda samples: {"mean": float(samples.mean())},
    )
    recorded = run(candidate, looking, graphs=True, hooks=hooks)
    assert recorded.graphs == "used"
    assert_same(recorded, run(candidate, looking, graphs=False, hooks=hooks))


def test_a_learning_rate_that_changes_is_heeded(candidate, run, use):
    use(Again)

    def disturb(step, players):
        players.generator.optimizer.param_groups[0]["lr"] = 1e-2 if 30 <= step < 34 else 1e-3

    recorded = run(candidate, graphs=True, hooks=Hooks(disturb=disturb))
    assert recorded.graphs == "used"
    assert_same(recorded, run(candidate, graphs=False, hooks=Hooks(disturb=disturb)))


def test_a_run_too_short_to_record_anything_says_so(candidate, run, use):
    use(Again)
    assert run(candidate, graphs=True, steps=3).graphs == "not used: no step came often enough"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_without_cuda_a_run_is_eager_and_says_so(candidate, run):
    asked, plain = run(candidate, graphs=True), run(candidate, graphs=False)
    assert asked.graphs == "not used: the device is cpu"
    assert plain.graphs == "not used: not asked for"
    assert_same(asked, plain)
