import pytest

from gansearch.errors import StudyError
from gansearch.study.study import Study


@pytest.fixture
def load(tmp_path, study_text):
    """Load the tiny study with `training.keep: best` and overrides."""
    path = tmp_path / "tiny.yaml"
    path.write_text(study_text)
    return lambda *overrides: Study.load(path, ["training.keep=best", *overrides])


def test_the_best_look_is_chosen_by_the_first_quality(load):
    study = load("detectors=[{use: mode-collapse}]")
    assert study.kept_by.metric == "sliced_wasserstein"
    assert study.spec.training.in_steps(400).keep == "best"


def test_a_study_that_never_looks_at_samples_cannot_keep_the_best(load):
    with pytest.raises(StudyError, match=r"training\.keep.*mode-collapse"):
        load()


def test_a_study_without_a_quality_cannot_keep_the_best(load):
    sizes = "objectives=[generator_params, discriminator_params]"
    with pytest.raises(StudyError, match=r"keep.* best needs a quality among the objectives"):
        load("detectors=[{use: mode-collapse}]", sizes)
