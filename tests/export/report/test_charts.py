import math

import pandas as pd
import pytest
import vl_convert

from gansearch.export.report.charts import POINTS, curves_chart, front_chart, parallel_chart
from gansearch.ranking.study_summary import RunSummary


@pytest.fixture
def summary(study, trial):
    """A run of four healthy trials that differ in three parameters."""

    def record(number, size, quality, width, norm, rate):
        settings = {"generator.width": width, "generator.norm": norm, "schedule.lr": rate}
        return trial(number, size, quality, parameters=settings)

    records = [
        record(0, 1000, 5.0, 100, "batch", 1e-4),
        record(1, 400, 6.0, 10, "none", 1e-3),
        record(2, 100, 9.0, 1, "none", None),
        record(3, 500, 8.0, 1, "batch", 1e-2),
    ]
    return RunSummary.of(study(), records)


def rows(layer):
    return layer["data"]["values"]


def test_the_front_is_a_staircase_from_the_smallest_on(summary):
    band, line, points = front_chart(summary)["layer"]
    assert [row["size"] for row in rows(line)] == [100, 400, 1000]
    assert {row["trial"]: row["kind"] for row in rows(points)} == {
        0: "baseline",
        1: "on the front",
        2: "on the front",
        3: "healthy",
    }
    (tolerance,) = rows(band)
    assert (tolerance["best"], tolerance["seen"]) == (5.0, pytest.approx(5.5))


def test_the_band_ends_at_the_worst_trial(study, trial):
    run = RunSummary.of(study(), [trial(0, 1000, 5.0), trial(1, 500, 5.2)])
    (tolerance,) = rows(front_chart(run)["layer"][0])
    assert (tolerance["seen"], tolerance["limit"]) == (5.2, pytest.approx(5.5))


def test_a_run_with_sizes_alone_has_no_chart_of_its_front(study, trial):
    run = RunSummary.of(study(), [trial(0, 1000, None, "diverged")])
    assert front_chart(run) is None and parallel_chart(run) is None


def test_parameters_are_placed_from_the_lowest_to_the_highest_value(summary):
    spec = parallel_chart(summary)
    places = {(row["trial"], row["parameter"]): row["place"] for row in rows(spec)}
    assert [places[n, "width"] for n in range(4)] == [1.0, 0.5, 0.0, 0.0]
    assert [places[n, "norm"] for n in range(4)] == [0.0, 1.0, 1.0, 0.0]
    assert (2, "lr") not in places
    assert vl_convert.vegalite_to_vega(spec, vl_version="6.4")


def test_long_curves_are_thinned_and_keep_what_can_be_drawn():
    steps = range(1, 5001)
    values = [math.nan if step == 7 else 1e30 if step == 9 else step / 5000 for step in steps]
    spec = curves_chart([("trial 3", pd.DataFrame({"step": steps, "g_loss": values}))])
    assert 0.9 * POINTS < len(rows(spec)) <= POINTS
    assert {row["signal"] for row in rows(spec)} == {"G loss"}
    assert max(row["value"] for row in rows(spec)) <= 1.0


def test_trials_without_losses_have_no_curves():
    assert curves_chart([("trial 3", pd.DataFrame({"step": [1], "other": [1.0]}))]) is None
