from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import softplus

from gansearch.builtin.losses.relativistic import Relativistic

REAL, FAKE = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0])
INPUTS = SimpleNamespace(real_scores=REAL, fake_scores=FAKE)
LOSS = Relativistic(r1=0.0, r2=0.0)


def test_it_depends_on_the_differences_of_paired_scores():
    expected = (softplus(torch.tensor(-1.0)) + softplus(torch.tensor(3.0))) / 2
    assert torch.isclose(LOSS.discriminate(INPUTS), expected)
    shifted = SimpleNamespace(real_scores=REAL + 7, fake_scores=FAKE + 7)
    assert torch.isclose(LOSS.discriminate(shifted), expected)


def test_the_generator_wants_the_opposite():
    swapped = SimpleNamespace(real_scores=FAKE, fake_scores=REAL)
    assert torch.isclose(LOSS.generate(INPUTS), LOSS.discriminate(swapped))


def test_equal_scores_cost_ln_2():
    equal = SimpleNamespace(real_scores=REAL, fake_scores=REAL)
    assert LOSS.discriminate(equal).item() == pytest.approx(0.6931, abs=1e-4)


def test_its_formulas_agree_with_its_objectives():
    real, fake = LOSS.relative(REAL, FAKE)
    assert torch.isclose(LOSS.of_real(real), LOSS.discriminate(INPUTS))
    assert torch.isclose(LOSS.of_fake(fake), LOSS.discriminate(INPUTS))
    assert torch.isclose(LOSS.of_generator(fake), LOSS.generate(INPUTS))


def test_it_has_both_penalties_by_default():
    assert Relativistic().r1 > 0
    assert Relativistic().r2 > 0
