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
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor


@pytest.fixture
def candidate(make_space):
    return make_space().baseline


@pytest.fixture
def training(make_spec):
    return make_spec().training


def run(candidate, training, *detectors, **options):
    return train(candidate, candidate.dataset.load(), training, RunWatch(detectors), **options)


def weights(trained):
    return torch.cat(
        [p.detach().flatten() for p in trained.networks.generator.network.parameters()]
    )


def test_the_same_seed_gives_the_same_weights_and_signals(candidate, training):
    first, second = run(candidate, training), run(candidate, training)
    assert torch.equal(weights(first), weights(second))
    assert first.rows == second.rows


def test_another_seed_gives_other_weights(candidate, training):
    other = training.model_copy(update={"seed": 1})
    assert not torch.equal(weights(run(candidate, training)), weights(run(candidate, other)))


def test_every_step_has_its_signals(candidate, training):
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
def test_a_resumed_run_ends_bit_for_bit_as_an_uninterrupted_one(
    candidate, training, tmp_path, stop_at
):
    training = training.model_copy(update={"signals_every": 5})

    class Stopping(TrainingMonitor):
        def on_progress(self, step, rows, verdict):
            if step == stop_at:
                raise StoppedError

    with pytest.raises(StoppedError):
        run(candidate, training, monitor=Stopping(), folder=tmp_path)
    resumed = run(candidate, training, resume_from=tmp_path)
    whole = run(candidate, training)
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.rows == whole.rows


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
def test_a_resumed_run_goes_on_with_its_optimizer_and_its_decay(
    candidate, training, tmp_path, optimizer
):
    training = training.model_copy(update={"signals_every": 5})
    other = variant(candidate, schedule=Alternating(optimizer=optimizer, decay="cosine"))

    class Stopping(TrainingMonitor):
        def on_progress(self, step, rows, verdict):
            if step == 10:
                raise StoppedError

    with pytest.raises(StoppedError):
        run(other, training, monitor=Stopping(), folder=tmp_path)
    resumed = run(other, training, resume_from=tmp_path)
    assert torch.equal(weights(resumed), weights(run(other, training)))
    assert not torch.equal(weights(resumed), weights(run(candidate, training)))


def test_learning_rates_decay_over_the_whole_training(candidate, training):
    rates = []

    class Reading(TrainingMonitor):
        def before_step(self, step, networks):
            rates.append(networks.generator.optimizer.param_groups[0]["lr"])

    schedule = Alternating(generator_lr=1e-3, decay="linear")
    run(variant(candidate, schedule=schedule), training, monitor=Reading())
    expected = [1e-3 * (1 - done / training.steps) for done in range(training.steps)]
    assert rates == pytest.approx(expected)


def test_a_damaged_checkpoint_is_ignored(candidate, training, tmp_path):
    run(candidate, training, folder=tmp_path)
    path = tmp_path / "checkpoint.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert torch.equal(
        weights(run(candidate, training, resume_from=tmp_path)), weights(run(candidate, training))
    )


def test_a_run_ends_at_the_step_at_which_a_detector_condemns_it(candidate, training):
    wild = variant(
        candidate,
        generator=candidate.generator.model_copy(update={"init_std": 1e4, "norm": "none"}),
    )
    training = training.model_copy(update={"steps": 300})
    trained = run(wild, training, Registry().load("detector", "divergence")())
    assert trained.verdict.status == "diverged"
    assert trained.steps < 300


def test_probes_do_not_change_the_training(candidate, training):
    looking = LooksEvery()
    probed = []

    class Probing(TrainingMonitor):
        probe_samples = 50

        def on_probe(self, samples):
            probed.append(len(samples))
            return {"coverage": 1.0}

    watched = run(candidate, training, looking, monitor=Probing())
    assert probed == [50] * 4
    assert torch.equal(weights(watched), weights(run(candidate, training)))


def test_samples_are_shown_every_so_many_steps_and_at_the_end(candidate, training):
    shown = []
    training = training.model_copy(update={"sample_every": 7})

    class Showing(TrainingMonitor):
        def on_samples(self, step, samples):
            shown.append((step, len(samples)))

    run(candidate, training, monitor=Showing())
    assert shown == [(7, 64), (14, 64), (20, 64)]


def test_the_ema_of_the_generator_is_sampled(candidate, training):
    averaged = variant(
        candidate, schedule=candidate.schedule.model_copy(update={"generator_ema": 0.9})
    )
    networks = run(averaged, training).networks
    latents = networks.draw_latents(4)
    assert not torch.equal(networks.sample(latents), networks.generator.network(latents))


def trained_networks(schedule, steps, steps_per_epoch=4):
    """Return the networks that train at each step, as letters."""
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
def test_the_networks_train_in_the_order_of_the_schedule(candidate, training, schedule, order):
    assert trained_networks(schedule, len(order)) == order
    rows = run(variant(candidate, schedule=schedule), training).rows
    letters = trained_networks(schedule, training.steps, steps_per_epoch=400 // training.batch_size)
    assert [("g" in o, "d" in o) for o in letters] == [
        ("g_loss" in r, "d_grad_norm" in r) for r in rows
    ]


@pytest.mark.parametrize(
    "loss",
    [
        "bce",
        "minimax",
        "least-squares",
        "hinge",
        "wasserstein-gp",
        "feature-matching",
        "relativistic",
    ],
)
@pytest.mark.parametrize("half_batches", [False, True])
def test_every_loss_trains_with_whole_and_half_batches(candidate, training, loss, half_batches):
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


def test_r1_lowers_the_discriminators_gradient(candidate, training):
    training = training.model_copy(update={"steps": 200})
    keen = candidate.schedule.model_copy(update={"discriminator_lr": 1e-2})
    bce = Registry().load("loss", "bce")

    def gradient(loss):
        networks = run(variant(candidate, loss=loss, schedule=keen), training).networks
        real = torch.from_numpy(candidate.dataset.load().test.samples[:100]).requires_grad_()
        return torch.autograd.grad(networks.discriminate(real)[0].sum(), real)[0].norm()

    assert gradient(bce(r1=10.0)) < 0.5 * gradient(bce())


def test_half_batches_train_on_half_of_the_samples(candidate, training):
    sizes = []
    real = type(candidate.loss).of_real

    class Counting(type(candidate.loss)):
        """Loss that keeps the number of its scores."""

        def of_real(self, scores):
            sizes.append(len(scores))
            return real(self, scores)

    halves = Alternating(half_batches=True)
    run(variant(candidate, loss=Counting(), schedule=halves), training)
    assert set(sizes) == {training.batch_size // 2}
