import math
from types import SimpleNamespace

import pytest
import torch
from gansearch_ae_gan.loss import AEGAN
from pydantic import ValidationError

from gansearch.errors import GansearchError


@pytest.fixture
def loss_inputs():
    """Outputs that differ from their inputs by 0.5, with odds of 2 to 1 for generated."""
    inputs, notes = torch.zeros(4, 1, 2, 2), {}
    scores = torch.full((4,), -math.log(2))
    return SimpleNamespace(
        inputs=inputs, fake=inputs + 0.5, fake_scores=scores, notes=notes, note=notes.__setitem__
    )


def test_both_parts_are_weighted_in_the_loss_and_recorded_without_weights(loss_inputs):
    loss = AEGAN(alpha=2.0, beta=0.1).generate(loss_inputs)
    assert loss.item() == pytest.approx(2 * 0.25 + 0.1 * math.log(3))
    assert loss_inputs.notes["reconstruction"].item() == 0.25
    assert loss_inputs.notes["adversarial"].item() == pytest.approx(math.log(3))


def test_without_beta_no_output_is_scored(loss_inputs):
    del loss_inputs.fake_scores
    assert AEGAN(alpha=1.0, beta=0.0).generate(loss_inputs).item() == 0.25


def test_an_infinite_reconstruction_error_has_no_effect_without_alpha(loss_inputs):
    loss_inputs.fake = loss_inputs.fake * math.inf
    assert AEGAN(alpha=0.0, beta=1.0).generate(loss_inputs).item() == pytest.approx(math.log(3))


def test_the_reconstruction_objective_is_not_weighted_by_alpha(loss_inputs):
    assert AEGAN(alpha=0.0, beta=1.0).reconstruct(loss_inputs).item() == 0.25


def test_two_weights_of_zero_are_refused():
    with pytest.raises(ValidationError, match="alpha and beta must not both be 0"):
        AEGAN(alpha=0.0, beta=0.0)


def test_a_generator_of_latents_is_refused_with_an_alternative(loss_inputs):
    loss_inputs.inputs = torch.zeros(4, 100)
    with pytest.raises(GansearchError, match=r"feeds on samples, such as 'autoencoder'"):
        AEGAN().generate(loss_inputs)
