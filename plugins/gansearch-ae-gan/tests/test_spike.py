"""Spikes that recover (recorded by data/record_spike.py): no detector may stop a run for them."""

from pathlib import Path

import pandas as pd
import pytest

from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.diagnosis.detection import RunWatch


@pytest.fixture(params=[401, 801])
def spike(request):
    """The step of a spike of ten steps, and the signals of its run."""
    return request.param, pd.read_parquet(
        Path(__file__).parent / "data" / f"spike-{request.param}.parquet"
    )


def test_the_reconstruction_jumps_and_comes_back(spike):
    start, signals = spike
    error = signals["reconstruction"]
    before = error.loc[start - 100 : start - 1].median()
    assert error.loc[start : start + 9].max() > 2.5 * before
    assert error.iloc[-100:].median() < before


def test_no_detector_fails_a_run_that_recovers(spike):
    watch = RunWatch([Divergence(), ConvergenceFailure(), ModeCollapse()])
    for step, row in spike[1].iterrows():
        assert not watch.observe(step, row.dropna().to_dict()).failed
