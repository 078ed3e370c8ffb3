import json

import pytest


@pytest.fixture
def searched(call, study_text, tmp_path):
    """A run of the tiny study with parameters, latency and quality as objectives."""
    path, folder = tmp_path / "tiny.yaml", tmp_path / "run"
    path.write_text(study_text)
    objectives = "objectives=[generator_params, latency_ms_1, sliced_wasserstein]"
    code, _, err = call(
        "run", path, "--set", objectives, "--trials", 3, "--workers", 1, "--out", folder, "-q"
    )
    assert code == 0, err
    return folder


def test_a_study_of_parameters_latency_and_quality_has_a_front(call, searched, tmp_path):
    code, out, _ = call("pareto", searched, "--json")
    front = json.loads(out)
    assert code == 0
    kinds = {one["metric"]: (one["size"], one["cost"]) for one in front["objectives"]}
    assert kinds == {
        "generator_params": (True, False),
        "latency_ms_1": (True, True),
        "sliced_wasserstein": (False, False),
    }
    assert front["hypervolume_scale"]["latency_ms_1"] == "log10"
    assert front["front"]
    assert all(one["values"]["latency_ms_1"] > 0 for one in front["front"])
    best = front["summary"]["best_any_size"]["values"]
    assert set(best) == {"generator_params", "sliced_wasserstein"}
    assert (searched / "pareto.png").stat().st_size > 10_000

    for options in ([], ["--x", "latency_ms_1", "--y", "sliced_wasserstein"]):
        picture = tmp_path / "front.svg"
        assert call("pareto", searched, "-o", picture, *options)[0] == 0
        drawn = picture.read_text()
        assert "latency_ms_1 (less is better)" in drawn
        assert "sliced_wasserstein (less is better)" in drawn


def test_a_latency_cannot_be_constrained_nor_searched_by_shrink(call, study_text, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(study_text)
    limit = ["--set", "constraints={latency_ms_1: {max: 1}}"]
    code, _, err = call("validate", path, *limit)
    assert code == 2 and "only a size, which is known before training" in err
    shrink = ["--set", "objectives=[latency_ms_1, sliced_wasserstein]"]
    code, _, err = call("validate", path, *shrink, "--set", "search.sampler=shrink")
    assert code == 2 and "'shrink' needs two objectives, a size and a quality" in err
