import math
from types import SimpleNamespace

import pytest
import torch
from gansearch_ae_gan.loss import AEGAN
from pydantic import ValidationError

from gansearch.errors import GansearchError


@pytest.fixture
def scene():
    """Outputs that miss their inputs by 0.5 everywhere, which the discriminator takes for generated, 2:1."""
    inputs, notes = torch.zeros(4, 1, 2, 2), {}
    scores = torch.full((4,), -math.log(2))
    return SimpleNamespace(
        inputs=inputs, fake=inputs + 0.5, fake_scores=scores, notes=notes, note=notes.__setitem__
    )


def test_both_parts_are_weighted_and_told_unweighted(scene):
    loss = AEGAN(alpha=2.0, beta=0.1).generate(scene)
    assert loss.item() == pytest.approx(2 * 0.25 + 0.1 * math.log(3))
    assert scene.notes["reconstruction"].item() == 0.25
    assert scene.notes["adversarial"].item() == pytest.approx(math.log(3))


def test_without_beta_no_output_is_scored(scene):
    del scene.fake_scores
    assert AEGAN(alpha=1.0, beta=0.0).generate(scene).item() == 0.25


def test_without_alpha_a_reconstruction_that_is_infinitely_wrong_does_no_harm(scene):
    scene.fake = scene.fake * math.inf
    assert AEGAN(alpha=0.0, beta=1.0).generate(scene).item() == pytest.approx(math.log(3))


def test_reconstruction_alone_is_learned_without_alpha_too(scene):
    assert AEGAN(alpha=0.0, beta=1.0).reconstruct(scene).item() == 0.25


def test_a_loss_of_nothing_is_refused():
    with pytest.raises(ValidationError, match="alpha and beta must not both be 0"):
        AEGAN(alpha=0.0, beta=0.0)


def test_a_generator_of_latents_is_refused_with_what_to_take_instead(scene):
    scene.inputs = torch.zeros(4, 100)
    with pytest.raises(GansearchError, match=r"feeds on samples, such as 'autoencoder'"):
        AEGAN().generate(scene)
