from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.study.judging import judging_warnings


def test_a_usual_study_has_no_warning():
    assert judging_warnings([Divergence(), ModeCollapse()], 1500, 2000) == ()


def test_a_study_that_is_too_short_is_warned_of():
    (warning,) = judging_warnings([ModeCollapse()], 30, 2000)
    assert "30 steps" in warning and "1 look at" in warning and "training.steps" in warning


def test_a_study_that_looks_at_no_samples_is_warned_of():
    (warning,) = judging_warnings([Divergence()], 1500, 2000)
    assert "mode-collapse" in warning


def test_a_study_without_detectors_is_told_that_nothing_will_be_ranked():
    (warning,) = judging_warnings([], 1500, 2000)
    assert "unjudged" in warning


def test_few_real_samples_are_warned_of():
    (warning,) = judging_warnings([ModeCollapse()], 1500, 100)
    assert "100 real ones" in warning
