import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from gansearch.report.figures import front_figure, front_frame, save_figure
from gansearch.report.survey import Survey


@pytest.fixture
def survey(study, trial):
    records = [trial(0, 234_177, 5.0), trial(1, 6_873, 5.2), trial(2, 52_401, 3.0), trial(3, 100, None, "diverged")]
    return Survey.of(study(), records)


def words(path):
    return " ".join(text.strip() for text in ElementTree.parse(path).getroot().itertext() if text.strip())


def test_the_picture_names_what_has_been_found(survey, tmp_path):
    save_figure(front_figure(survey), tmp_path / "front.svg")
    drawn = words(tmp_path / "front.svg")
    assert "by-hand: 3 of 4 trials healthy; mmd within 10% of the baseline's at 2.9% of its size" in drawn
    assert "trial 1: 6,873" in drawn and "diverged" in drawn


def test_a_picture_is_the_same_at_every_drawing(survey, tmp_path):
    for name in ("one.svg", "two.svg"):
        save_figure(front_figure(survey), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_png_is_large_enough_to_read(survey, tmp_path):
    save_figure(front_figure(survey), tmp_path / "front.png")
    with Image.open(tmp_path / "front.png") as picture:
        assert picture.width >= 1200


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_condemned_lie_beyond_the_bad_edge(study, trial, direction):
    survey = Survey.of(study("mmd", direction), [trial(0, 100, 5.0), trial(1, 10, None, "diverged")])
    drawing = front_figure(survey)
    drawing.draw_without_rendering()
    front, strip = sorted(drawing.axes, key=lambda axes: axes.bbox.height, reverse=True)
    assert (strip.bbox.y0 > front.bbox.y1) == (direction == "minimize")


def test_a_study_without_a_healthy_trial_is_drawn_all_the_same(study, trial, tmp_path):
    save_figure(front_figure(Survey.of(study(), [trial(0, 100, None, "diverged")])), tmp_path / "front.png")
    save_figure(front_figure(Survey.of(study(), [])), tmp_path / "empty.png")


def test_the_frame_has_a_row_a_trial_on_the_front(survey):
    frame = front_frame(survey.front, survey.standing)
    assert frame["trial"].tolist() == [1, 2]
    assert frame["share_of_baseline"].tolist() == pytest.approx([6_873 / 234_177, 52_401 / 234_177])
