"""Looks at samples on figures written by hand; benchmarks/detectors has real runs."""

import math

import pytest
from support.calibrations import calibration
from support.rows import BALANCED

from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.diagnosis.detection import RunWatch, diagnose
from gansearch.run_context import RunContext

SOUND = {"coverage": 0.2, "duplicates": 0.005, "coarse_duplicates": 0.002, "spread": 0.95}
ONE_PICTURE = {"coverage": 0.01, "duplicates": 1.0, "coarse_duplicates": 1.0, "spread": 0.1}
TEN_PICTURES = {"coverage": 0.09, "duplicates": 0.1, "coarse_duplicates": 0.1, "spread": 1.0}
NOISE = {"coverage": 0.2, "duplicates": 0.0, "coarse_duplicates": 0.45, "spread": 1.0}


def judged(*looks, steps=1500, held_against=None):
    """The verdicts after each step of a run in balance; the last look's figures stay."""
    watch = RunWatch([Divergence(), ModeCollapse()], RunContext(steps, held_against))
    remaining, verdicts = list(looks), []
    for step in range(1, steps + 1):
        row = dict(BALANCED)
        if watch.probe_due(step):
            row |= remaining.pop(0) if len(remaining) > 1 else remaining[0]
        verdicts.append(watch.observe(step, row))
    return [*verdicts, watch.conclude()]


def due(steps):
    return [step for step in range(1, steps + 1) if ModeCollapse().probe_due(step, steps)]


def test_looks_are_shares_of_the_training_with_one_at_its_end():
    assert due(1500) == [500, 750, 1000, 1250, 1500]
    assert due(6000) == [2000, 3000, 4000, 5000, 6000]
    assert due(1000) == [333, 500, 667, 834, 1000]
    assert due(30) == [30]


def test_samples_like_real_ones_are_healthy():
    assert judged(SOUND)[-1].status == "healthy"


@pytest.mark.parametrize(
    ("figures", "status"),
    [
        (ONE_PICTURE, "mode-collapse"),
        (TEN_PICTURES, "mode-collapse"),
        (NOISE, "off-target"),
        (SOUND | {"coverage": 0.01}, "off-target"),
        (SOUND | {"spread": 1.6}, "off-target"),
    ],
)
def test_few_different_samples_are_told_from_samples_nowhere_near_the_data(figures, status):
    assert judged(figures)[-1].status == status


def test_one_picture_condemns_at_the_second_look_and_ten_at_two_thirds():
    assert judged(ONE_PICTURE)[-1].step == 750
    assert judged(TEN_PICTURES)[-1].step == 1000


def test_one_failing_look_makes_a_run_suspect_that_can_recover():
    verdicts = judged(SOUND, SOUND, TEN_PICTURES, SOUND)
    assert verdicts[1000].status == "suspect"
    assert verdicts[-1].status == "healthy"


def test_half_of_the_near_pairs_gone_is_a_recovery_and_a_few_are_none():
    less, least = TEN_PICTURES | {"duplicates": 0.4}, TEN_PICTURES | {"duplicates": 0.2}
    most = TEN_PICTURES | {"duplicates": 0.8}
    assert judged(SOUND, most, less, least, SOUND)[-1].status == "healthy"
    frozen = ONE_PICTURE | {"duplicates": 0.99}
    assert judged(ONE_PICTURE, frozen)[-1].status == "mode-collapse"


def test_near_pairs_of_a_run_that_draws_many_kinds_of_pictures_condemn_it_at_its_end():
    kinds = SOUND | {"coverage": 0.3, "duplicates": 0.12}
    verdicts = judged(kinds)
    assert verdicts[1400].status == "suspect"
    assert (verdicts[-1].status, verdicts[-1].step) == ("mode-collapse", 1500)
    assert judged(kinds, kinds, kinds, kinds, SOUND)[-1].status == "healthy"


def test_varied_samples_that_come_nearer_condemn_a_run_at_its_end_and_not_before():
    far = SOUND | {"coverage": 0.004}
    nearer = [far | {"levels": levels} for levels in (0.5, 0.4, 0.3, 0.25)]
    assert judged(*nearer, SOUND)[-1].status == "healthy"
    at_end = judged(*nearer, far | {"levels": 0.2})[-1]
    assert (at_end.status, at_end.step) == ("off-target", 1500)
    # Neither samples that stay where they are nor noise far away are waited for.
    assert judged(far | {"levels": 0.4})[-1].step == 1000
    noise = [far | {"levels": levels} for levels in (1.3, 1.1, 0.9)]
    assert judged(*noise)[-1].step == 1000


def test_a_log_of_such_a_run_is_judged_by_its_last_looks():
    kinds = SOUND | {"coverage": 0.3, "duplicates": 0.12}
    log = [(step, BALANCED | ({} if step % 100 else kinds)) for step in range(1, 501)]
    assert diagnose(log, {"mode-collapse": ModeCollapse()}).verdict.status == "mode-collapse"
    ends_well = [(step, row | (SOUND if step == 500 else {})) for step, row in log]
    assert diagnose(ends_well, {"mode-collapse": ModeCollapse()}).verdict.status == "healthy"


@pytest.mark.parametrize("steps", [400, 900, 1500])
def test_noise_that_features_do_not_see_is_seen_in_the_grey_levels(steps):
    noise = SOUND | {"levels": 0.82}
    verdict = judged(noise, steps=steps)[-1]
    assert verdict.status == "off-target"
    assert "0.82 times as much" in verdict.evidence["rule"]
    assert judged(SOUND | {"levels": 0.4}, steps=steps)[-1].status == "healthy"


def test_near_pairs_do_not_count_where_coverage_is_that_of_real_samples():
    dark = SOUND | {"coverage": 0.85, "duplicates": 0.3, "coarse_duplicates": 0.3}
    assert judged(dark, held_against=calibration())[-1].status == "healthy"
    assert judged(dark)[-1].status == "healthy"
    assert judged(dark | {"coverage": 0.5}, held_against=calibration())[-1].failed


def test_the_limit_of_coverage_lies_above_what_one_picture_covers():
    assert calibration().coverage_limit == pytest.approx(0.06)
    poor = SOUND | {"coverage": 0.05}
    assert judged(poor)[-1].status == "healthy"
    assert judged(poor, held_against=calibration())[-1].status == "off-target"


def test_near_pairs_are_held_against_those_of_real_samples():
    repeated = calibration().real.model_copy(update={"duplicates": 0.2})
    repeating = calibration().model_copy(update={"real": repeated})
    pairs = SOUND | {"duplicates": 0.3, "coarse_duplicates": 0.3}
    assert judged(pairs, held_against=repeating)[-1].status == "healthy"


def test_a_short_training_is_looked_at_once_and_noise_is_condemned():
    assert judged(SOUND | {"coverage": 0.0}, steps=30)[-1].status == "off-target"
    assert judged(ONE_PICTURE, steps=30)[-1].status == "mode-collapse"
    assert judged(SOUND, steps=30)[-1].status == "healthy"


def test_some_near_pairs_make_a_short_run_suspect_and_no_more():
    assert judged(TEN_PICTURES, steps=300)[-1].status == "suspect"


def test_a_run_that_ends_before_its_first_look_is_unjudged():
    watch = RunWatch([Divergence(), ModeCollapse()], RunContext(steps=1500))
    for step in range(1, 401):
        assert watch.observe(step, BALANCED).status == "healthy"
    verdict = watch.conclude()
    assert verdict.status == "unjudged"
    assert "step 400, before the first look" in verdict.evidence["rule"]


def test_the_log_of_a_run_cut_before_its_first_look_is_unjudged():
    rows = [(step, BALANCED | {"pair_ratio": 0.5}) for step in range(1, 401)]
    judges = {"divergence": Divergence(), "mode-collapse": ModeCollapse()}
    assert diagnose(rows, judges).verdict.status == "unjudged"
    looked = [*rows, (500, BALANCED | ONE_PICTURE), (750, BALANCED | ONE_PICTURE)]
    assert diagnose(looked, judges).verdict.status == "mode-collapse"


def test_points_without_pixels_are_judged_by_coverage_alone():
    unknown = dict.fromkeys(("duplicates", "coarse_duplicates", "spread"), math.nan)
    assert judged({"coverage": 0.3, **unknown})[-1].status == "healthy"
    assert judged({"coverage": 0.0, **unknown})[-1].status == "off-target"
