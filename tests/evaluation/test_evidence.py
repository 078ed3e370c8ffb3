import math
from dataclasses import replace

import pytest
import torch

from gansearch.builtin.metrics.distances import FID
from gansearch.evaluation import evidence as evidence_module
from gansearch.evaluation.evidence import TrainedEvidence, quantise, real_features
from gansearch.evaluation.extractors import extractor_for


def test_quantising_takes_the_range_to_eight_bits(fashion):
    values = torch.tensor([-1.0, 0.0, 1.0, -1.5, 2.0, math.nan]).view(6, 1, 1, 1)
    assert quantise(values, fashion).flatten().tolist() == [0, 128, 255, 0, 255, 0]
    unit = replace(fashion, value_range=(0.0, 1.0))
    assert quantise(values, unit).flatten().tolist() == [0, 0, 255, 0, 255, 0]


def test_real_images_survive_the_way_to_the_networks_and_back(fashion, as_generated):
    images = torch.from_numpy(fashion.test.samples[:50])
    assert torch.equal(quantise(as_generated(fashion, images), fashion), images)


def test_points_pass_as_they_are(ring):
    points = torch.randn(5, 2, 1, 1)
    assert torch.equal(quantise(points, ring), points)


def test_as_many_test_samples_as_generated_ones_are_looked_at(fashion):
    few = TrainedEvidence(fashion, torch.zeros(30, 1, 28, 28))
    assert len(few.real) == len(few.fake) == len(few.real_features) == len(few.fake_features) == 30
    many = TrainedEvidence(fashion, torch.zeros(2500, 1, 28, 28))
    assert many.count == len(many.real) == len(many.fake) == 2000


def test_samples_of_another_shape_are_refused(fashion):
    with pytest.raises(ValueError, match=r"shape \(1, 32, 32\), the data \(1, 28, 28\)"):
        TrainedEvidence(fashion, torch.zeros(4, 1, 32, 32))


@pytest.fixture
def forget(monkeypatch):
    """Forget the features in memory, now and whenever it is called."""
    known = {}
    monkeypatch.setattr(evidence_module, "_known_features", known)
    return known.clear


def counting(extractor, monkeypatch):
    """Note how many samples an extractor maps, a number a call."""
    counts, features = [], extractor.features
    monkeypatch.setattr(extractor, "features", lambda x: counts.append(len(x)) or features(x))
    return counts


def test_real_features_are_measured_once_and_read_from_the_cache_afterwards(
    fashion, forget, monkeypatch
):
    extractor = extractor_for(fashion)
    measured = counting(extractor, monkeypatch)
    first = real_features(fashion, extractor, 60)
    forget()
    assert torch.equal(real_features(fashion, extractor, 60), first)
    assert torch.equal(real_features(fashion, extractor, 20), first[:20])
    assert measured == [100]


def test_more_real_features_than_are_known_are_measured_in_whole_batches(
    fashion, forget, monkeypatch
):
    extractor = extractor_for(fashion)
    few = real_features(fashion, extractor, 20)
    measured = counting(extractor, monkeypatch)
    many = real_features(fashion, extractor, 120)
    assert len(many) == 120 and torch.equal(many[:20], few)
    assert measured == [150]


@pytest.mark.parametrize("damage", [b"", b"no features"])
def test_a_damaged_cache_is_measured_again(fashion, forget, cache_folder, damage):
    extractor = extractor_for(fashion)
    known = real_features(fashion, extractor, 20)
    forget()
    (path,) = cache_folder.glob("features/*.npy")
    path.write_bytes(damage)
    assert torch.equal(real_features(fashion, extractor, 20), known)


def test_every_figure_is_stamped(fashion):
    stamp = TrainedEvidence(fashion, torch.zeros(40, 1, 28, 28)).protocol
    assert stamp["samples"] == 40
    assert stamp["extractor"] == {
        "name": "lenet-fashion-mnist",
        "sha256": extractor_for(fashion).digest,
    }
    assert stamp["data"]["sha256"] == fashion.digest
    assert "never with FIDs of Inception features" in stamp["note"]


def test_memorised_images_please_fid_and_are_exposed_by_coverage_and_recall(fashion, as_generated):
    memorised = as_generated(fashion, fashion.train.samples[:100]).repeat(20, 1, 1, 1)
    fresh = as_generated(fashion, fashion.train.samples[:2000])
    theft, honest = TrainedEvidence(fashion, memorised), TrainedEvidence(fashion, fresh)
    assert FID().measure(theft) < 60  # better than nearly every small GAN
    assert theft.neighbourhoods["coverage"] < 0.35 < 0.9 < honest.neighbourhoods["coverage"]
    assert theft.neighbourhoods["recall"] < 0.1
