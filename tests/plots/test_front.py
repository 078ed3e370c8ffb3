import xml.etree.ElementTree as ElementTree

import pytest
from matplotlib.figure import Figure
from PIL import Image
from support.by_hand import STAMP

from gansearch.plots.figure_file import save_figure
from gansearch.plots.front import front_figure
from gansearch.plots.front_marks import Marks
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.frames import front_frame
from gansearch.study.spec import ObjectiveSpec
from gansearch.trial_record import Rung


@pytest.fixture
def survey(study, trial):
    records = [
        trial(0, 234_177, 5.0),
        trial(1, 6_873, 5.2),
        trial(2, 52_401, 3.0),
        trial(3, 100, None, "diverged"),
    ]
    return RunSummary.of(study(), records)


def words(path):
    return " ".join(
        text.strip() for text in ElementTree.parse(path).getroot().itertext() if text.strip()
    )


def test_the_picture_names_what_has_been_found(survey, tmp_path):
    save_figure(front_figure(survey), tmp_path / "front.svg")
    drawn = words(tmp_path / "front.svg")
    assert (
        "by-hand: 3 of 4 trials healthy; mmd within 10% of the baseline's at 2.9% of its size"
        in drawn
    )
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
    survey = RunSummary.of(
        study("mmd", direction), [trial(0, 100, 5.0), trial(1, 10, None, "diverged")]
    )
    drawing = front_figure(survey)
    drawing.draw_without_rendering()
    front, strip = sorted(drawing.axes, key=lambda axes: axes.bbox.height, reverse=True)
    assert (strip.bbox.y0 > front.bbox.y1) == (direction == "minimize")


def legend(drawing):
    return [text.get_text() for text in drawing.legends[0].get_texts()]


def test_a_circle_is_hollow_filled_or_crossed_out(study, certified):
    records, runs = certified
    survey = RunSummary.of(study(), records, runs=runs)
    x, y = survey.front.objectives
    axes = Figure().subplots()
    Marks(survey, axes, x, y).draw()
    circles = {tuple(c.get_offsets()[0]): c for c in axes.collections if c.get_zorder() == 4}
    filled = [
        place for place, circle in circles.items() if not (circle.get_facecolors() == 1).all()
    ]
    crossed = [tuple(c.get_offsets()[0]) for c in axes.collections if c.get_zorder() == 5]
    assert (sorted(circles), filled, crossed) == (
        [(10, 7.0), (50, 6.0), (100, 5.3), (500, 5.1), (1000, 5.0)], [(500, 5.1)], [(100, 5.3)]
    )  # fmt: skip


def test_the_legend_names_what_is_drawn_and_no_more(study, certified):
    records, runs = certified
    assert legend(front_figure(RunSummary.of(study(), records, runs=runs))) == [
        "within 10% of the baseline", "front", "not certified", "stable", "unstable",
        "median and range of seeds", "knee", "champion", "baseline",
    ]  # fmt: skip
    assert legend(front_figure(RunSummary.of(study(), records[:1]))) == [
        "within 10% of the baseline", "front", "not certified", "baseline"
    ]  # fmt: skip


def test_the_champion_takes_the_words_from_the_smallest_within_tolerance(
    study, certified, tmp_path
):
    records, runs = certified
    save_figure(front_figure(RunSummary.of(study(), records)), tmp_path / "before.svg")
    save_figure(front_figure(RunSummary.of(study(), records, runs=runs)), tmp_path / "after.svg")
    assert "trial 2: 100 10% of the baseline's size" in words(tmp_path / "before.svg")
    after = words(tmp_path / "after.svg")
    assert "champion, trial 1: 500 50% of the baseline's size 4 of 4 fresh seeds healthy" in after
    assert "trial 2" not in after


def test_a_trial_given_up_at_a_rung_lies_where_it_was_and_is_no_failure(study, trial, tmp_path):
    rungs = (Rung(10, {"mmd": 30.0}), Rung(20, {"mmd": 9.0}))
    records = [
        trial(0, 100, 5.0),
        trial(1, 50, None, state="pruned", dominated_by=(0,), rungs=rungs),
    ]
    survey = RunSummary.of(study(), records)
    marks = Marks(survey, Figure().subplots(), *survey.front.objectives)
    assert marks.places() == [(100, 5.0), (50, 9.0)]
    save_figure(front_figure(survey), tmp_path / "front.svg")
    assert "1 of 2 trials healthy, 1 dominated at a rung" in words(tmp_path / "front.svg")


def test_a_trial_given_up_is_left_out_where_the_rung_knew_another_metric(study, trial):
    given_up = trial(
        1, 50, None, state="pruned", dominated_by=(0,), rungs=(Rung(10, {"fid": 30.0}),)
    )
    survey = RunSummary.of(study(), [trial(0, 100, 5.0), given_up])
    assert Marks(survey, Figure().subplots(), *survey.front.objectives).places() == [(100, 5.0)]


def test_a_study_without_a_healthy_trial_is_drawn_all_the_same(study, trial, tmp_path):
    save_figure(
        front_figure(RunSummary.of(study(), [trial(0, 100, None, "diverged")])),
        tmp_path / "front.png",
    )
    save_figure(front_figure(RunSummary.of(study(), [])), tmp_path / "empty.png")


def test_the_frame_has_a_row_a_trial_on_the_front(survey):
    frame = front_frame(survey.front, survey.summary)
    assert frame["trial"].tolist() == [1, 2]
    assert frame["share_of_baseline"].tolist() == pytest.approx([6_873 / 234_177, 52_401 / 234_177])


def test_the_frame_says_what_is_certified(study, certified):
    survey = RunSummary.of(study(), certified[0], runs=certified[1])
    frame = front_frame(survey.front, survey.summary)
    assert frame["certified"].dropna().to_dict() == {1: "undecided", 2: "unstable", 3: "stable"}


def test_the_warning_of_an_extractor_stands_in_the_picture_and_the_frame(study, trial, tmp_path):
    survey = RunSummary.of(study(), [trial(0, 100, 5.0, stamp=STAMP), trial(1, 10, 6.0)])
    save_figure(front_figure(survey), tmp_path / "front.svg")
    assert "Warning: rough figures" in words(tmp_path / "front.svg")
    warnings = front_frame(survey.front, survey.summary).set_index("trial")["warning"]
    assert warnings.dropna().to_dict() == {0: "rough figures"}


def test_a_stable_trial_that_is_smaller_than_the_champion_is_explained(study, trial, tmp_path):
    records = [trial(0, 1000, 5.0), trial(1, 500, 5.1), trial(2, 100, 5.3)]
    runs = [
        trial(seed, 1, quality, certifies=certified, seed=seed)
        for certified, quality in enumerate([5.0, 5.1, 9.0])
        for seed in range(1, 5)
    ]
    survey = RunSummary.of(study(), records, runs=runs)
    assert survey.summary.champion.number == 1
    save_figure(front_figure(survey), tmp_path / "front.svg")
    told = words(tmp_path / "front.svg")
    assert "(trial 2 is smaller and stable, but the median mmd is worse)" in " ".join(told.split())


def test_a_third_objective_is_shown_in_colours(study, trial, tmp_path):
    spec = study().model_copy(
        update={
            "objectives": tuple(
                ObjectiveSpec(metric=name, direction="minimize")
                for name in ("generator_params", "latency_ms_1", "mmd")
            )
        }
    )
    figures = [(1000, 2.0, 5.0), (500, 3.0, 5.2), (500, 1.0, 9.0)]
    records = [
        trial(n, size, mmd, metrics={"mmd": mmd, "latency_ms_1": latency})
        for n, (size, latency, mmd) in enumerate(figures)
    ]
    run = RunSummary.of(spec, records)
    assert [record.number for record in run.front.trials] == [2, 1, 0]
    assert run.summary.quality.metric == "mmd"
    drawing = front_figure(run)
    axes, colours = drawing.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "generator_params (less is better)",
        "mmd (less is better)",
    )
    assert colours.get_ylabel() == "latency_ms_1 (less is better)"
    discs = max(axes.collections, key=lambda one: one.get_sizes()[0] if len(one.get_sizes()) else 0)
    assert sorted(discs.get_array()) == [1.0, 2.0, 3.0]
    assert not any(len(line.get_xdata()) > 2 for line in axes.lines)  # no line through the front
