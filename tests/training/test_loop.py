"""The training loop on points in the plane: small enough to train for real."""

import pytest
import torch
from support.looks import LooksEvery
from support.variants import variant

from gansearch.builtin.schedules.alternating import Alternating
from gansearch.builtin.schedules.epochs_in_turn import EpochsInTurn
from gansearch.builtin.schedules.n_critic import NCritic
from gansearch.builtin.schedules.stalled_discriminator import StalledDiscriminator
from gansearch.diagnosis.detection import RunWatch
from gansearch.messages import StoppedError
from gansearch.registry import Registry
from gansearch.training.loop import Hooks, train


@pytest.fixture
def candidate(make_space):
    return make_space().baseline


@pytest.fixture
def training(make_spec):
    return make_spec().training


def run(candidate, training, *detectors, **options):
    return train(candidate, candidate.dataset.load(), training, RunWatch(detectors), **options)


def weights(trained):
    return torch.cat([p.detach().flatten() for p in trained.players.generator.network.parameters()])


def test_the_same_seed_gives_the_same_weights_and_signals(candidate, training):
    first, second = run(candidate, training), run(candidate, training)
    assert torch.equal(weights(first), weights(second))
    assert first.rows == second.rows


def test_another_seed_gives_other_weights(candidate, training):
    other = training.model_copy(update={"seed": 1})
    assert not torch.equal(weights(run(candidate, training)), weights(run(candidate, other)))


def test_every_step_leaves_its_signals(candidate, training):
    rows = run(candidate, training).rows
    assert len(rows) == training.steps
    wanted = {
        "d_loss_real",
        "d_loss_fake",
        "d_acc_real",
        "d_acc_fake",
        "g_loss",
        "d_grad_norm",
        "g_grad_norm",
    }
    assert all(wanted <= set(row) for row in rows)
    assert ["pair_ratio" in row for row in rows] == [
        step % 10 == 0 for step in range(1, training.steps + 1)
    ]


@pytest.mark.parametrize("stop_at", [10, 15])
def test_a_run_that_was_stopped_ends_bit_for_bit_as_if_it_had_not_been(
    candidate, training, tmp_path, stop_at
):
    training = training.model_copy(update={"signals_every": 5})

    def stop(step, row, verdict):
        if step == stop_at:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(candidate, training, hooks=Hooks(progress=stop), folder=tmp_path)
    resumed = run(candidate, training, resume_from=tmp_path)
    whole = run(candidate, training)
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.rows == whole.rows


def test_a_damaged_checkpoint_is_not_taken_up(candidate, training, tmp_path):
    run(candidate, training, folder=tmp_path)
    path = tmp_path / "checkpoint.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert torch.equal(
        weights(run(candidate, training, resume_from=tmp_path)), weights(run(candidate, training))
    )


def test_a_run_stops_at_the_step_where_a_detector_condemns_it(candidate, training):
    wild = variant(
        candidate,
        generator=candidate.generator.model_copy(update={"init_std": 1e4, "norm": "none"}),
    )
    training = training.model_copy(update={"steps": 300})
    trained = run(wild, training, Registry().load("detector", "divergence")())
    assert trained.verdict.status == "diverged"
    assert trained.steps < 300


def test_looking_at_samples_does_not_change_the_training(candidate, training):
    looking = LooksEvery()
    seen = []
    hooks = Hooks(
        probe=lambda samples: seen.append(len(samples)) or {"coverage": 1.0}, probe_samples=50
    )
    watched = run(candidate, training, looking, hooks=hooks)
    assert seen == [50] * 4
    assert torch.equal(weights(watched), weights(run(candidate, training)))


def test_samples_are_shown_at_the_steps_that_the_study_asks_for_and_at_the_end(candidate, training):
    shown = []
    training = training.model_copy(update={"sample_every": 7})
    run(
        candidate,
        training,
        hooks=Hooks(sampled=lambda step, samples: shown.append((step, len(samples)))),
    )
    assert shown == [(7, 64), (14, 64), (20, 64)]


def test_the_average_of_the_generator_is_what_is_judged(candidate, training):
    averaged = variant(
        candidate, schedule=candidate.schedule.model_copy(update={"generator_ema": 0.9})
    )
    players = run(averaged, training).players
    latents = players.latents(4)
    assert not torch.equal(players.sample(latents), players.generator.network(latents))


def learned(schedule, steps, steps_per_epoch=4):
    """Which network learns at each step, as letters."""
    phases = schedule.phases(steps_per_epoch)
    return [
        "".join(p.trains[0] * p.updates for p in phases if p.due(step)) for step in range(steps)
    ]


@pytest.mark.parametrize(
    ("schedule", "order"),
    [
        (Alternating(), ["dg", "dg"]),
        (Alternating(half_batches=True), ["ddg", "ddg"]),
        (Alternating(mixed_batches=True), ["dg", "dg"]),
        (NCritic(n=3), ["dddg", "dddg"]),
        (EpochsInTurn(), ["d", "d", "d", "d", "g", "g", "g", "g", "d"]),
        (StalledDiscriminator(every=3, until=6), ["dg", "g", "g", "dg", "g", "g", "dg", "dg"]),
    ],
)
def test_a_schedule_is_what_it_says(candidate, training, schedule, order):
    assert learned(schedule, len(order)) == order
    rows = run(variant(candidate, schedule=schedule), training).rows
    letters = learned(schedule, training.steps, steps_per_epoch=400 // training.batch_size)
    assert [("g" in o, "d" in o) for o in letters] == [
        ("g_loss" in r, "d_grad_norm" in r) for r in rows
    ]


@pytest.mark.parametrize(
    "loss", ["bce", "minimax", "least-squares", "hinge", "wasserstein-gp", "feature-matching"]
)
@pytest.mark.parametrize("half_batches", [False, True])
def test_every_loss_trains_under_every_way_of_batching(candidate, training, loss, half_batches):
    parts = {
        "loss": Registry().load("loss", loss)(),
        "schedule": Alternating(half_batches=half_batches),
    }
    trained = run(variant(candidate, **parts), training)
    assert weights(trained).isfinite().all()
    assert ("dominance" in trained.rows[-1]) == (loss != "wasserstein-gp")


def test_batches_cannot_be_halved_and_mixed():
    with pytest.raises(ValueError, match="choose one of them"):
        Alternating(half_batches=True, mixed_batches=True)


def test_r1_holds_the_discriminators_gradient_down(candidate, training):
    training = training.model_copy(update={"steps": 200})
    keen = candidate.schedule.model_copy(update={"discriminator_lr": 1e-2})
    bce = Registry().load("loss", "bce")

    def gradient(loss):
        players = run(variant(candidate, loss=loss, schedule=keen), training).players
        real = torch.from_numpy(candidate.dataset.load().test.samples[:100]).requires_grad_()
        return torch.autograd.grad(players.judge(real)[0].sum(), real)[0].norm()

    assert gradient(bce(r1=10.0)) < 0.5 * gradient(bce())


def test_both_networks_see_a_share_of_the_batch(candidate, training):
    sizes = []
    real = type(candidate.loss).of_real

    class Counting(type(candidate.loss)):
        """Notes how many scores it is shown."""

        def of_real(self, scores):
            sizes.append(len(scores))
            return real(self, scores)

    halves = Alternating(half_batches=True)
    run(variant(candidate, loss=Counting(), schedule=halves), training)
    assert set(sizes) == {training.batch_size // 2}
