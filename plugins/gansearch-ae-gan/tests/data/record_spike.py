"""Record spikes of an AE-GAN with alpha 1 and beta 0.005 at a learning rate of 1e-4:
`spike-STEP.parquet`.

    python plugins/gansearch-ae-gan/tests/data/record_spike.py

The autoencoder's learning rate is 25 times as high for ten steps. The detectors look at samples
when they would in a study, and stop nothing. About two minutes on one core.
"""

from collections.abc import Mapping
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
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks

STEPS = (401, 801)
LENGTH = 10
FACTOR = 25


class Onlooker(RunWatch):
    """Asks for samples as its detectors do, and never says anything."""

    def observe(self, step: int, row: Mapping[str, float]) -> Verdict:
        return HEALTHY

    def conclude(self) -> Verdict:
        return HEALTHY


class Spiking(TrainingMonitor):
    """Probe samples; raise the generator's learning rate at a step, and lower it again."""

    def __init__(self, probe: Probe, start: int) -> None:
        self.probe_samples = probe.samples
        self._probe, self._start = probe, start

    def on_probe(self, samples: torch.Tensor) -> Mapping[str, float]:
        return self._probe(samples)

    def before_step(self, step: int, networks: GANNetworks) -> None:
        group = networks.generator.optimizer.param_groups[0]
        if step == self._start:
            group["lr"] *= FACTOR
        if step == self._start + LENGTH:
            group["lr"] /= FACTOR


def record(start: int) -> pd.DataFrame:
    """The signals of a run with a spike at a step, a row a step."""
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
    spec = StepsSpec(steps=1300, checkpoint_every=0, sample_every=0, device="cpu", precision="fp32")
    rows = train(
        candidate, data, spec, Onlooker([ModeCollapse()]), Spiking(Probe(data), start)
    ).rows
    return pd.DataFrame(rows, index=range(1, len(rows) + 1)).astype("float32")


if __name__ == "__main__":
    for step in STEPS:
        record(step).to_parquet(Path(__file__).with_name(f"spike-{step}.parquet"))
