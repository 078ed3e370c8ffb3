import json
import math

import pytest
from pydantic import ValidationError
from support.rows import BALANCED, DOMINATED

from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.schedules.epochs_in_turn import EpochsInTurn
from gansearch.builtin.schedules.stalled_discriminator import StalledDiscriminator
from gansearch.components import Generator
from gansearch.diagnosis.remedies import applied, remedies
from gansearch.signals import HEALTHY, Remedy, Verdict

FAILED = Verdict(
    "convergence-failure", 800, {"rule": "the discriminator wins"}, "convergence-failure"
)
COLLAPSED = Verdict(
    "mode-collapse", 500, {"rule": "90% of the pairs are nearly the same"}, "mode-collapse"
)


class PlainGenerator(Generator):
    """One of somebody else's, with none of the fields of ours."""

    def build(self, images):
        return DCGANGenerator(levels=2, latent=self.latent).build(images)


def test_a_healthy_run_that_shows_nothing_needs_nothing(make_candidate, make_data):
    odd = make_candidate(generator=DCGANGenerator(levels=2, init_std=0.3, output="none"))
    assert remedies(HEALTHY, [BALANCED] * 500, odd, make_data()) == ()


def test_a_dominated_run_is_told_how_to_hold_the_discriminator_back(make_candidate, make_data):
    found = remedies(FAILED, [DOMINATED] * 500, make_candidate(), make_data(classes=10))
    assert [next(iter(remedy.change)) for remedy in found] == [
        "schedule",
        "loss",
        "schedule",
        "dataset",
    ]


def test_what_cannot_go_well_comes_first(make_candidate, make_data):
    odd = make_candidate(generator=DCGANGenerator(levels=2, output="none"))
    assert remedies(FAILED, [DOMINATED] * 500, odd, make_data())[0].change == {
        "generator": {"output": "tanh"}
    }


def test_a_run_suspected_of_collapse_is_treated_as_one(make_candidate, make_data):
    suspected = Verdict("suspect", 1000, COLLAPSED.evidence, "mode-collapse")
    advice = remedies(suspected, [BALANCED] * 500, make_candidate(), make_data())
    assert advice == remedies(COLLAPSED, [BALANCED] * 500, make_candidate(), make_data())
    assert "packing" in advice[0].title


def test_nobody_is_told_to_try_everything(make_candidate, make_data):
    odd = DCGANGenerator(levels=2, latent=1, width=1, output="none", init_std=0.3, kernel=2)
    turns = make_candidate(
        {"schedule": "epochs-in-turn"}, generator=odd, schedule=EpochsInTurn(generator_beta1=0.9)
    )
    assert len(remedies(COLLAPSED, [DOMINATED] * 500, turns, make_data(50, classes=10))) == 5


def test_a_log_alone_gets_remedies_without_changes():
    found = remedies(FAILED, [DOMINATED] * 50)
    assert len(found) >= 3
    assert all(remedy.change == {} for remedy in found)


def test_a_log_of_one_row_that_went_wrong_is_no_trouble():
    diverged = Verdict("diverged", 1, {"rule": "a loss is not finite"})
    assert [remedy.because for remedy in remedies(diverged, [{"g_loss": math.nan}])] == [
        "a loss is not finite"
    ] * 2


def test_every_change_is_legal(make_candidate, make_data):
    candidate = make_candidate(generator=DCGANGenerator(levels=2, latent=1, width=1, init_std=0.3))
    for verdict in (FAILED, COLLAPSED):
        for remedy in remedies(verdict, [DOMINATED] * 500, candidate, make_data(classes=10)):
            assert applied(candidate, remedy).identity != candidate.identity


def test_a_component_without_the_fields_is_never_changed(make_candidate, make_data):
    candidate = make_candidate(generator=PlainGenerator(latent=1))
    found = remedies(COLLAPSED, [BALANCED] * 500, candidate, make_data())
    assert {role for remedy in found for role in remedy.change} == {"generator", "discriminator"}
    assert applied(candidate, found[0]).generator == PlainGenerator(latent=100)


def test_applied_takes_another_component_with_the_fields_that_both_have(make_candidate):
    stalled = Remedy("", "", "", {"schedule": {"use": "stalled-discriminator", "every": 3}})
    changed = applied(
        make_candidate(
            {"schedule": "epochs-in-turn"}, schedule=EpochsInTurn(generator_lr=1e-3, epochs=2)
        ),
        stalled,
    )
    assert changed.schedule == StalledDiscriminator(generator_lr=1e-3, every=3)
    assert changed.uses["schedule"] == "stalled-discriminator"


def test_applied_refuses_what_the_component_refuses(make_candidate):
    with pytest.raises(ValidationError, match="kernel"):
        applied(make_candidate(), Remedy("", "", "", {"generator": {"kernel": 99}}))


def test_a_remedy_survives_json():
    remedy = Remedy("wait", "it won 9 of 9 steps", "a paper", {"schedule": {"use": "alternating"}})
    assert Remedy.from_json(json.loads(json.dumps(remedy.to_json()))) == remedy
