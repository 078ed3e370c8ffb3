from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from support.damage import flip_bit

from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.components import Data, Extractor, FeatureNetwork, Split
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation import calibration as calibrating
from gansearch.evaluation.calibration import (
    calibrate,
    calibration_of,
    trivial_samples,
)
from gansearch.evaluation.probe import Probe
from gansearch.files import load_json_with_digest
from gansearch.run_context import Calibration, RunContext


def bars(count, draws, contrast, base):
    """Pictures (N, 1, 16, 16) of a horizontal and a vertical bar, of some contrast, with noise."""
    y, x = np.mgrid[:16, :16]
    at, wide = draws.uniform(0, 16, (2, count, 1, 1)), draws.uniform(1, 4, (2, count, 1, 1))
    picture = np.exp(-(((x - at[0]) / wide[0]) ** 2)) + np.exp(-(((y - at[1]) / wide[1]) ** 2))
    levels = base + contrast * picture + draws.normal(0, 0.5, (count, 16, 16))
    return levels.round().clip(0, 255).astype(np.uint8)[:, None]


def made(train, test, contrast, base):
    draws = np.random.default_rng(0)
    splits = [Split(bars(count, draws, contrast, base)) for count in (train, test)]
    return Data(*splits, source="bars", digest=f"{train} {test} {contrast} {base}".ljust(64, "0"))


class Means(Extractor):
    """Means of the quarters of a picture."""

    def load(self, images):
        body = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())
        return FeatureNetwork(body, "means", "c" * 64)


DATA = {
    "bright": made(500, 300, 110, 20),
    "dark": made(500, 300, 12, 2),
    "pale": made(500, 300, 10, 120),
    "few": made(80, 20, 110, 20),
}


@cache
def calibrated(name):
    return calibrate(DATA[name])


@pytest.mark.parametrize("name", DATA)
def test_a_perfect_generator_is_healthy_and_trivial_ones_are_condemned(name):
    data = DATA[name]
    calibration, probe = calibrated(name), Probe(data)
    train = torch.from_numpy(data.train.samples)
    draws = torch.Generator().manual_seed(5)
    samples = {"ideal": train[torch.randperm(len(train), generator=draws)[: probe.samples]]}
    samples |= trivial_samples(train, draws, probe.samples)
    statuses = {}
    for kind, pictures in samples.items():
        figures = probe.figures(pictures)
        watch = RunWatch([ModeCollapse()], RunContext(600, calibration))
        for step in range(1, 601):
            watch.observe(step, figures if watch.probe_due(step) else {})
        statuses[kind] = watch.conclude()
    assert statuses.pop("ideal").status == "healthy"
    assert {kind for kind, verdict in statuses.items() if not verdict.failed} == set()


def test_the_calibration_is_the_same_again_and_survives_json():
    calibration = calibrated("few")
    assert calibrate(DATA["few"]) == calibration
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


def test_few_test_samples_are_completed_with_training_samples():
    assert calibrated("few").samples == 100
    assert calibrated("few").reference == "test and training"
    assert calibrated("bright").reference == "test"


def test_the_spread_of_a_metric_grows_as_samples_become_few():
    few, many = (calibrated(name).smallest_tolerance("mmd") for name in ("few", "bright"))
    assert few > many > 0
    assert calibrated("few").smallest_tolerance("generator_params") == 0


def test_a_calibration_is_measured_once_and_read_from_the_cache_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(calibrating, "cache_folder", lambda: tmp_path)
    data = replace(DATA["few"], digest="1" * 64)
    monkeypatch.setattr(calibrating, "_known", {})
    measured = calibration_of(data)
    monkeypatch.setattr(calibrating, "_known", {})
    monkeypatch.setattr(calibrating, "calibrate", lambda *_: pytest.fail("measured again"))
    assert calibration_of(data) == measured


def test_a_damaged_calibration_of_the_cache_is_measured_anew(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(calibrating, "cache_folder", lambda: tmp_path)
    data = replace(DATA["few"], digest="2" * 64)
    monkeypatch.setattr(calibrating, "calibrate", lambda *_: calibrated("few"))
    monkeypatch.setattr(calibrating, "_known", {})
    measured = calibration_of(data)
    (path,) = tmp_path.rglob("*.json")
    flip_bit(path, path.read_text().index("real_mmd_std") + len('real_mmd_std": 0.0'))
    monkeypatch.setattr(calibrating, "_known", {})
    assert calibration_of(data) == measured
    assert "is damaged, so the data are calibrated anew: it does not match" in caplog.text
    assert Calibration(**load_json_with_digest(path.read_bytes())) == measured


def test_the_mmd_is_calibrated_with_the_study_s_extractor_and_coverage_with_that_of_detectors():
    plain, other = calibrated("few"), calibrate(DATA["few"], Means())
    assert other.extractor == "means" and other.detectors_extractor == plain.extractor
    assert other.real.coverage == plain.real.coverage
    assert other.trivial["one"].mmd != plain.trivial["one"].mmd
    assert other.relative_spread != plain.relative_spread


def test_points_are_calibrated_by_their_coverage(ring):
    calibration = calibrate(ring)
    assert calibration.near is None and calibration.real.duplicates is None
    assert calibration.real.coverage > 0.9
    assert calibration.coverage_limit < 0.25
