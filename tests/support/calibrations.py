"""Calibrations of data sets, written by hand."""

from gansearch.run_context import Calibration, SampleFigures


def calibration(**fields):
    """Return the calibration of 300 pictures; `fields` replace some of its own."""
    known = {
        "protocol": 2,
        "data_sha256": "0" * 64,
        "extractor": "none",
        "extractor_sha256": "0" * 64,
        "samples": 300,
        "reference": "test",
        "near": 12.5,
        "real": SampleFigures(
            coverage=0.9, duplicates=0.01, coarse_duplicates=0.01, spread=1.0, mmd=0.3
        ),
        "trivial": {"one": SampleFigures(coverage=0.04), "noise": SampleFigures(coverage=0.01)},
        "real_mmd_std": 0.5,
        "relative_spread": {"mmd": 0.03},
    }
    return Calibration(**known | fields)
