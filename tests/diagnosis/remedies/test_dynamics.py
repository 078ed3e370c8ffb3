import pytest
from support.rows import BALANCED, DOMINATED

from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.losses.bce import Minimax
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.builtin.schedules.epochs_in_turn import EpochsInTurn
from gansearch.builtin.schedules.stalled_discriminator import StalledDiscriminator
from gansearch.diagnosis.remedies import dynamics

VIOLENT = [BALANCED | {"g_loss": loss} for loss in (0.5, 3.0) * 200]


def test_whole_epochs_in_turn_become_batches_in_turn(case, make_candidate):
    remedy = dynamics.every_batch(
        case(
            candidate=make_candidate(
                {"schedule": "epochs-in-turn"}, schedule=EpochsInTurn(epochs=2)
            )
        )
    )
    assert remedy.because == "each of them learned alone for 2 whole epochs at a time"
    assert remedy.change == {"schedule": {"use": "alternating"}}


@pytest.mark.parametrize(
    "schedule", [Alternating(half_batches=True), StalledDiscriminator(every=8)]
)
def test_turns_of_a_few_batches_are_short_enough(case, make_candidate, schedule):
    assert dynamics.every_batch(case(candidate=make_candidate(schedule=schedule))) is None


def test_a_log_in_which_both_networks_win_betrays_whole_epochs_in_turn(log):
    both = {"d_loss": 0.001, "g_loss": 0.002}
    remedy = dynamics.every_batch(log([both] * 60 + [BALANCED] * 40))
    assert remedy.because.startswith("at 60 of the last 100 steps both networks had losses near 0")
    assert dynamics.every_batch(log([DOMINATED] * 100)) is None


def test_an_aggressive_adam_is_made_gentle(case, make_candidate):
    keras = Alternating(
        generator_lr=1e-2, discriminator_lr=1e-3, generator_beta1=0.9, discriminator_beta1=0.9
    )
    remedy = dynamics.gentler_adam(case(candidate=make_candidate(schedule=keras)))
    assert (
        remedy.because
        == "generator_lr was 0.01; generator_beta1 was 0.9; discriminator_beta1 was 0.9"
    )
    assert remedy.change == {
        "schedule": {"generator_lr": 2e-4, "generator_beta1": 0.5, "discriminator_beta1": 0.5}
    }
    assert dynamics.gentler_adam(case()) is None


def test_a_log_that_diverged_suggests_a_gentler_adam(log):
    assert dynamics.gentler_adam(log([BALANCED], "diverged")).because == "it failed"
    assert dynamics.gentler_adam(log([BALANCED], "mode-collapse")) is None


def test_losses_that_jump_violently_ask_for_lower_learning_rates(case):
    remedy = dynamics.lower_learning_rates(case("healthy", VIOLENT))
    assert remedy.because.startswith("the generator's loss typically jumped by 143%")
    assert remedy.change == {"schedule": {"generator_lr": 1e-4, "discriminator_lr": 1e-4}}


def test_losses_that_sway_are_left_alone(case):
    swaying = [BALANCED | {"g_loss": 1.0 + step % 2 / 5} for step in range(400)]
    assert dynamics.lower_learning_rates(case("healthy", swaying)) is None


def test_the_loss_of_a_critic_has_no_size_to_be_held_against(case):
    assert (
        dynamics.lower_learning_rates(
            case("healthy", [{"g_loss": loss} for loss in (-0.5, 0.5) * 200])
        )
        is None
    )


def test_a_run_that_diverged_learned_too_fast(case):
    assert dynamics.lower_learning_rates(case("diverged")).because == "it failed"


def test_samples_that_repeat_are_judged_two_at_a_time(case, make_candidate):
    assert dynamics.packing(case("mode-collapse")).change == {"discriminator": {"packing": 2}}
    packed = make_candidate(discriminator=DCGANDiscriminator(layers=2, packing=2))
    assert dynamics.packing(case("mode-collapse", candidate=packed)) is None


def test_a_discriminator_that_wins_learns_more_slowly(case):
    remedy = dynamics.slower_discriminator(case(rows=[BALANCED] * 100 + [DOMINATED] * 300))
    assert (
        remedy.because
        == "the discriminator won 300 of the last 400 steps, with an accuracy of 100%"
    )
    assert remedy.change == {"schedule": {"discriminator_lr": 1e-4}}


def test_a_steep_discriminator_is_bound(case, make_candidate):
    steep = [DOMINATED | {"d_logit_real": 13.2, "d_logit_fake": -6.4}] * 9
    remedy = dynamics.spectral_norm(case(rows=steep))
    assert "+13.2 for real and -6.4 for generated" in remedy.because
    assert remedy.change == {"discriminator": {"spectral_norm": True}}
    bound = make_candidate(discriminator=DCGANDiscriminator(layers=2, spectral_norm=True))
    assert dynamics.spectral_norm(case(rows=steep, candidate=bound)) is None
    assert dynamics.spectral_norm(case(rows=[DOMINATED])) is None


def test_a_losing_generator_matches_features_too(case):
    remedy = dynamics.feature_matching(case(rows=[DOMINATED] * 9))
    assert remedy.because.startswith("the generator's loss stood at 6")
    assert remedy.change == {"loss": {"use": "feature-matching", "ramp": 0.5}}
    assert dynamics.feature_matching(case(rows=[BALANCED] * 9)) is None


def test_a_loss_with_terms_of_its_own_is_not_replaced(case, make_candidate):
    other = make_candidate({"loss": "minimax"}, loss=Minimax())
    assert dynamics.feature_matching(case(rows=[DOMINATED] * 9, candidate=other)).change == {}


def test_a_discriminator_that_never_waits_is_stalled(case, make_candidate):
    remedy = dynamics.stalled_discriminator(
        case(rows=[DOMINATED] * 9, evidence={"winning_since": 12})
    )
    assert remedy.because == "it has been winning without a break since step 12"
    assert remedy.change == {"schedule": {"use": "stalled-discriminator", "every": 2}}
    stalled = make_candidate({"schedule": "stalled-discriminator"}, schedule=StalledDiscriminator())
    assert dynamics.stalled_discriminator(case(rows=[DOMINATED] * 9, candidate=stalled)) is None
