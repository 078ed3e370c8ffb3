import numpy as np
import pytest
from PIL import Image

from gansearch.builtin.datasets.picture_survey import PictureSurvey
from gansearch.errors import DataError


def save(path, size=(20, 10), mode="RGB", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def test_sizes_colours_and_classes_are_told(tmp_path):
    for i in range(3):
        save(tmp_path / "cats" / f"{i}.png")
    save(tmp_path / "dogs" / "0.png", (40, 30))
    survey = PictureSurvey.of(tmp_path)
    assert (survey.count, survey.width, survey.height, survey.grey) == (4, 20, 10, False)
    assert survey.classes == {"cats": 3, "dogs": 1}
    assert str(survey) == "4 pictures; 20 x 10 to 40 x 30; colour; 2 classes (cats 3, dogs 1)"


def test_pictures_without_colour_are_grey_however_they_are_stored(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (10, 10, 1), dtype=np.uint8).repeat(3, axis=2)
    Image.fromarray(grey).save(tmp_path / "stored_as_rgb.png")
    save(tmp_path / "grey.png", mode="L")
    assert PictureSurvey.of(tmp_path).grey


def test_folders_to_train_on_and_to_test_with_are_no_classes(tmp_path):
    for split in ("train", "test"):
        for name in ("cats", "dogs"):
            save(tmp_path / split / name / "0.png")
    survey = PictureSurvey.of(tmp_path)
    assert survey.split and survey.classes == {"cats": 2, "dogs": 2}


def test_a_damaged_picture_does_not_count_as_looked_at(tmp_path):
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG and then nothing")
    assert PictureSurvey.of(tmp_path) is None
    save(tmp_path / "whole.png")
    assert PictureSurvey.of(tmp_path).width == 20


def test_a_folder_that_is_missing_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        PictureSurvey.of(tmp_path / "none")
