import pytest
import torch
from torch import nn

from gansearch.builtin.schedules.alternating import Alternating
from gansearch.training.distributed import SINGLE
from gansearch.training.networks import TrainableNetwork
from gansearch.training.optimizers import decay_factor, make_optimizer


def parameters() -> list[nn.Parameter]:
    return list(nn.Linear(2, 1).parameters())


def test_each_network_has_the_settings_of_its_own():
    schedule = Alternating(generator_lr=1e-3, discriminator_lr=2e-3, discriminator_beta1=0.3)
    generator, discriminator = (
        make_optimizer(schedule, player, parameters()).defaults
        for player in ("generator", "discriminator")
    )
    assert (generator["lr"], generator["betas"]) == (1e-3, (0.5, 0.999))
    assert (discriminator["lr"], discriminator["betas"]) == (2e-3, (0.3, 0.999))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("rmsprop", torch.optim.RMSprop)],
)
def test_every_optimizer_learns(name, kind):
    torch.manual_seed(0)
    network = nn.Linear(2, 1)
    trained = TrainableNetwork(
        network, Alternating(optimizer=name, generator_lr=0.05), "generator", SINGLE
    )
    assert type(trained.optimizer) is kind
    samples = torch.randn(64, 2)
    losses = []
    for _ in range(100):
        loss = (network(samples) - samples.sum(1, keepdim=True)).square().mean()
        losses.append(loss.item())
        trained.update(loss)
    assert losses[-1] < losses[0] / 4


def test_only_adamw_decays_weights():
    adamw = make_optimizer(
        Alternating(optimizer="adamw", weight_decay=0.1), "generator", parameters()
    )
    adam = make_optimizer(Alternating(weight_decay=0.1), "generator", parameters())
    assert adamw.defaults["weight_decay"] == 0.1
    assert adam.defaults["weight_decay"] == 0


def test_rmsprop_smooths_by_beta2():
    schedule = Alternating(optimizer="rmsprop", generator_beta2=0.9)
    assert make_optimizer(schedule, "generator", parameters()).defaults["alpha"] == 0.9


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_a_decay_begins_at_one_and_falls_towards_zero(decay):
    factors = [decay_factor(decay, step, steps=100) for step in range(1, 101)]
    assert factors[0] == 1
    assert factors[50] == pytest.approx(0.5)
    assert 0 < factors[-1] < 0.02
    assert factors == sorted(factors, reverse=True)
