from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansearch.errors import StudyError
from gansearch.study.study import Study

STUDY = """
name: pictures
dataset: {use: folder, root: pictures, height: 16, width: 16, channels: 1, test_share: 0.5}
generator: {use: dcgan, width: 4}
discriminator: {use: dcgan, width: 4}
loss: {use: bce}
schedule: {use: alternating}
training: {steps: 20}
objectives:
  - {metric: generator_params, direction: minimize}
  - {metric: mmd, direction: minimize}
"""


@pytest.fixture
def load(tmp_path: Path):
    """Load the study of a folder of grey pictures, with lines added or replaced."""
    (tmp_path / "pictures").mkdir()
    for i in range(8):
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{i}.png")

    def load(*overrides: str) -> Study:
        path = tmp_path / "study.yaml"
        path.write_text(STUDY)
        return Study.load(path, overrides)

    return load


def test_the_extractor_that_is_chosen_becomes_part_of_the_study(load):
    study = load()
    assert study.spec.extractor.use == "random"
    assert study.spec.resolved()["extractor"] == {"use": "random", "search": False}
    assert load("extractor={use: random}").spec.differences(study.spec) == []
    assert load("extractor={use: random, seed: 3}").spec.differences(study.spec) != []


def test_the_warning_of_the_extractor_is_one_of_the_study(load):
    assert any("random features" in warning for warning in load().warnings)


@pytest.mark.parametrize(
    ("extractor", "message"),
    [
        ("{use: randm}", "extractor.use: unknown extractor 'randm'; did you mean 'random'?"),
        ("{use: random, seed: -1}", "extractor.seed: "),
        ("{use: onnx, path: a.onnx, sha256: abc}", "extractor.sha256: "),
        (
            "{use: onnx, path: a.onnx, sha256: " + "a" * 64 + "}",
            "extractor: path: a.onnx cannot be read: No such file",
        ),
    ],
)
def test_an_extractor_that_cannot_be_had_is_a_problem_of_the_study(load, extractor, message):
    with pytest.raises(StudyError) as caught:
        load(f"extractor={extractor}")
    assert message in str(caught.value)


def test_an_extractor_for_points_is_refused(study_text, tmp_path):
    (path := tmp_path / "points.yaml").write_text(study_text)
    assert Study.load(path).spec.extractor is None
    with pytest.raises(StudyError, match="extractor: is for pictures, and these data are points"):
        Study.load(path, ["extractor={use: random}"])


def test_only_the_place_of_data_and_extractor_may_change(load):
    teachers = {"teacher.run", "teacher.trial", "teacher.bundle"}
    assert load().location == {"dataset.root"} | teachers
