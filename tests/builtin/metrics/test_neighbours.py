import pytest

from gansearch.builtin.metrics.neighbours import Coverage, Precision, Recall


@pytest.mark.parametrize(
    ("metric", "figure"), [(Precision(), 0.1), (Recall(), 0.2), (Coverage(), 0.3)]
)
def test_each_metric_reads_its_figure(metric, figure):
    class Evidence:
        neighbourhoods = {"precision": 0.1, "recall": 0.2, "coverage": 0.3}  # noqa: RUF012

    assert metric.measure(Evidence()) == figure
