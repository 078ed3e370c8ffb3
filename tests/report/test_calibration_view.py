from rich.console import Console
from support.calibrations import calibration

from gansearch.report.calibration_view import calibration_view
from gansearch.run_context import SampleFigures


def shown(**fields):
    console = Console(width=120, color_system=None)
    with console.capture() as screen:
        console.print(calibration_view(calibration(**fields)))
    return screen.get()


def row(told, name):
    return next(line.split() for line in told.splitlines() if line.startswith(name))


def test_real_samples_and_trivial_generators_have_a_row_each():
    told = shown(trivial={"noise": SampleFigures(coverage=0.01, duplicates=0.0, mmd=291.2)})
    assert row(told, "real") == ["real", "90%", "1.0%", "1.0%", "1", "-", "0.3"]
    assert row(told, "noise") == ["noise", "1.0%", "0%", "-", "-", "-", "291"]


def test_the_notes_give_the_limits_and_the_spread_by_chance():
    told = shown()
    assert "held against 300 samples (test), by features of none" in told
    assert "coverage below 6.0%; a pair is near within 12.5 of 255 levels" in told
    assert "an MMD of 0.5, two draws of one generator in mmd by 6.0%" in told


def test_features_of_the_mmd_and_of_coverage_are_told_apart():
    told = shown(extractor="imagenet", detectors_extractor="random")
    assert "by features of imagenet for the MMD, of random for coverage" in " ".join(told.split())


def test_points_have_no_near_pairs():
    told = shown(near=None, real=SampleFigures(coverage=0.9), relative_spread={})
    assert row(told, "real") == ["real", "90%", "-", "-", "-", "-", "-"]
    assert "of 255 levels" not in told
