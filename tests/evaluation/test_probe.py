import math

import torch

from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.neighbours import prdc
from gansearch.evaluation.probe import Probe


def test_the_probe_tells_collapse_from_health(fashion, as_generated):
    probe = Probe(fashion, samples=500)
    healthy = probe(as_generated(fashion, fashion.train.samples[:500]))
    collapsed = probe(as_generated(fashion, fashion.train.samples[:1]).repeat(500, 1, 1, 1))
    assert healthy["coverage"] > 0.9 and healthy["duplicates"] < 0.03
    assert collapsed["coverage"] < 0.02 and collapsed["duplicates"] == 1


def test_the_probe_measures_the_same_coverage_as_the_judge(fashion, as_generated):
    generated = as_generated(fashion, fashion.train.samples[:300])
    judge = TrainedEvidence(fashion, generated)
    expected = prdc(judge.real_features, judge.fake_features)["coverage"]
    assert Probe(fashion, samples=300)(generated)["coverage"] == expected


def test_noise_has_the_grey_levels_of_no_real_picture(fashion):
    probe, draws = Probe(fashion, samples=300), torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (300, 1, 28, 28), generator=draws, dtype=torch.uint8)
    assert probe.figures(noise)["levels"] > 0.8
    assert probe.figures(torch.from_numpy(fashion.train.samples[:300]))["levels"] < 0.2


def test_no_more_samples_are_asked_for_than_there_are_real_ones(ring):
    assert Probe(ring, samples=1000).samples == 500


def test_points_have_coverage_and_no_duplicates(ring):
    figures = Probe(ring)(torch.from_numpy(ring.train.samples[:500]))
    assert figures["coverage"] > 0.9
    assert math.isnan(figures["duplicates"])


def test_a_diverged_generator_does_not_break_the_probe(fashion):
    figures = Probe(fashion, samples=100)(torch.full((100, 1, 28, 28), math.nan))
    assert figures["coverage"] < 0.05 and figures["duplicates"] == 1
