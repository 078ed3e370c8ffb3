"""AE-GANs trained on real images: equal to an autoencoder with beta 0, to a GAN with alpha 0."""

import pytest
import torch
from gansearch_ae_gan.generator import Autoencoder
from gansearch_ae_gan.loss import AEGAN
from gansearch_ae_gan.schedules import Pretraining
from torch.nn.functional import mse_loss

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.diagnosis.detection import RunWatch
from gansearch.study.spec import StepsSpec
from gansearch.training.batches import BatchSampler
from gansearch.training.loop import train

SNEAKERS = FashionMNIST(classes=(7,), limit=200)
TRAINING = StepsSpec(
    steps=25,
    batch_size=16,
    seed=3,
    sample_every=0,
    checkpoint_every=0,
    device="cpu",
    precision="fp32",
)


def candidate(loss, schedule=None):
    parts = {
        "generator": Autoencoder(width=4, latent=8),
        "discriminator": DCGANDiscriminator(width=4, layers=2),
        "schedule": schedule or Alternating(generator_lr=1e-3),
    }
    return Candidate(dataset=SNEAKERS, loss=loss, uses={}, **parts)


def trained(loss, schedule=None):
    """The players after training as any study would train them."""
    return train(candidate(loss, schedule), SNEAKERS.load(), TRAINING, RunWatch([])).networks


def autoencoder_trained_alone():
    """An autoencoder after a plain loop over the batches that the training draws."""
    data = SNEAKERS.load()
    torch.manual_seed(TRAINING.seed)
    parts = candidate(BCE())
    autoencoder, _ = (
        network.to(memory_format=torch.channels_last) for network in parts.networks(data.shape)
    )
    adam = torch.optim.Adam(autoencoder.parameters(), lr=1e-3, betas=(0.5, 0.999), fused=True)
    feed = BatchSampler(data, torch.device("cpu"))
    feed.draw(200)  # which the training measures the distance between real samples on
    for _ in range(TRAINING.steps):
        images = feed.draw(TRAINING.batch_size)
        adam.zero_grad()
        mse_loss(autoencoder(images), images).backward()
        adam.step()
    return autoencoder


def same(one, other):
    """Return True if two networks are bit-identical, running statistics included."""
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_with_beta_0_the_generator_is_the_autoencoder_that_is_trained_alone():
    assert same(trained(AEGAN(alpha=1.0, beta=0.0)).generator.network, autoencoder_trained_alone())


def test_pretraining_is_the_training_of_an_autoencoder_alone():
    schedule = Pretraining(pretraining=TRAINING.steps, generator_lr=1e-3)
    assert same(trained(AEGAN(beta=1.0), schedule).generator.network, autoencoder_trained_alone())


def test_with_alpha_0_both_networks_are_those_of_the_plain_gan():
    ours, plain = trained(AEGAN(alpha=0.0, beta=1.0)), trained(BCE())
    assert same(ours.generator.network, plain.generator.network)
    assert same(ours.discriminator.network, plain.discriminator.network)


@pytest.mark.parametrize("loss", [AEGAN(alpha=0.0, beta=1.0), AEGAN(alpha=1.0, beta=0.005)])
def test_any_weight_of_the_adversarial_part_leads_away_from_the_autoencoder(loss):
    assert not same(trained(loss).generator.network, autoencoder_trained_alone())


def test_both_parts_of_the_loss_stand_among_the_signals_where_they_were_needed():
    schedule = Pretraining(pretraining=5)
    rows = train(candidate(AEGAN(), schedule), SNEAKERS.load(), TRAINING, RunWatch([])).rows
    assert all("reconstruction" in row for row in rows)
    assert ["adversarial" in row for row in rows] == [False] * 5 + [True] * 20
