"""Record spikes of an AE-GAN with alpha 1, beta 0.005 and learning rate 1e-4: `spike-STEP.parquet`.

    python plugins/gansearch-ae-gan/tests/data/record_spike.py

The learning rate of the autoencoder is 25 times as high for ten steps. Detectors probe the samples
as in a study, and stop nothing. About two minutes on one core.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import torch
from gansearch_ae_gan.generator import Autoencoder
from gansearch_ae_gan.loss import AEGAN

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.probe import Probe
from gansearch.signals import HEALTHY, Verdict
from gansearch.study.spec import StepsSpec
from gansearch.training.loop import Hooks, train
from gansearch.training.networks import GANNetworks

STEPS = (401, 801)
LENGTH = 10
FACTOR = 25


class Onlooker(RunWatch):
    """Watch that probes samples as its detectors do and always says healthy."""

    def observe(self, step: int, row: Mapping[str, float]) -> Verdict:
        return HEALTHY

    def conclude(self) -> Verdict:
        return HEALTHY


def spike_at(start: int) -> Callable[[int, GANNetworks], None]:
    """Return a hook that raises the generator's learning rate at a step and lowers it again."""

    def disturb(step: int, players: GANNetworks) -> None:
        group = players.generator.optimizer.param_groups[0]
        if step == start:
            group["lr"] *= FACTOR
        if step == start + LENGTH:
            group["lr"] /= FACTOR

    return disturb


def record(start: int) -> pd.DataFrame:
    """Train with a spike at a step; return the signals, one row per step."""
    torch.set_num_threads(1)
    sneakers = FashionMNIST(classes=(7,))
    candidate = Candidate(
        dataset=sneakers,
        generator=Autoencoder(width=16, latent=16),
        discriminator=DCGANDiscriminator(width=16, layers=2, norm="none"),
        loss=AEGAN(alpha=1.0, beta=0.005),
        schedule=Alternating(generator_lr=1e-4, discriminator_lr=1e-4),
        uses={},
    )
    data = sneakers.load()
    probe = Probe(data)
    hooks = Hooks(probe=probe, probe_samples=probe.samples, disturb=spike_at(start))
    spec = StepsSpec(steps=1300, checkpoint_every=0, sample_every=0, device="cpu", precision="fp32")
    rows = train(candidate, data, spec, Onlooker([ModeCollapse()]), hooks).rows
    return pd.DataFrame(rows, index=range(1, len(rows) + 1)).astype("float32")


if __name__ == "__main__":
    for step in STEPS:
        record(step).to_parquet(Path(__file__).with_name(f"spike-{step}.parquet"))
