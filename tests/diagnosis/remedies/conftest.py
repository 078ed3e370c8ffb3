"""Cases written by hand: a small candidate for grey 28x28 pictures, and signals of runs that fail
in known ways."""

import numpy as np
import pytest
from support.rows import BALANCED

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import Data, Split
from gansearch.diagnosis.remedies.case import Case
from gansearch.signals import Verdict

USES = dict(
    dataset="fashion-mnist",
    generator="dcgan",
    discriminator="dcgan",
    loss="bce",
    schedule="alternating",
)


@pytest.fixture
def make_candidate():
    """A candidate that nothing is wrong with, but for components by role, and what a study calls
    them."""

    def make(uses=None, **components):
        sound = {
            "dataset": FashionMNIST(),
            "generator": DCGANGenerator(levels=2, width=16),
            "discriminator": DCGANDiscriminator(layers=2, width=8),
            "loss": BCE(),
            "schedule": Alternating(),
        }
        return Candidate(**sound | components, uses=USES | (uses or {}))

    return make


@pytest.fixture
def make_data():
    """Black pictures of `classes` kinds, `count` of them, that the networks see in a range of
    values."""

    def make(count=2000, value_range=(-1.0, 1.0), classes=1):
        pictures = Split(np.zeros((count, 1, 28, 28), np.uint8), np.arange(count) % classes)
        return Data(pictures, pictures, "black pictures", "0" * 64, value_range)

    return make


@pytest.fixture
def case(make_candidate, make_data):
    """A run: by default one in balance that a detector condemns all the same."""

    def make(
        status="convergence-failure",
        rows=(),
        candidate=None,
        data=None,
        evidence=None,
        detector=None,
    ):
        verdict = Verdict(status, 800, evidence or {"rule": "it failed"}, detector or status)
        rows = rows or [BALANCED] * 500
        return Case(verdict, rows, candidate or make_candidate(), data or make_data())

    return make


@pytest.fixture
def log():
    """A run of which nothing but its losses is known."""
    return lambda rows, status="convergence-failure": Case(
        Verdict(status, len(rows), {"rule": "it failed"}), rows
    )
