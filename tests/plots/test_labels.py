import numpy as np
import pytest
from matplotlib.figure import Figure

from gansearch.plots.labels import point_out


def label_among(marks):
    """Return a label for the first of the marks, with its box and the marks in pixels."""
    drawing = Figure(figsize=(6, 4))
    axes = drawing.subplots()
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    point_out(axes, "trial 7: 1,234\nsmall", marks[0], marks, "black")
    drawing.draw_without_rendering()
    return axes, axes.texts[0].get_bbox_patch().get_window_extent(), axes.transData.transform(marks)


@pytest.mark.parametrize("crowd", range(25))
def test_a_label_covers_no_mark_and_stays_inside(crowd):
    # No hypothesis: its examples depend on the modules that other tests have imported.
    rng = np.random.default_rng(crowd)
    marks = rng.beta(0.5, 0.5, size=(1 + crowd % 8, 2))  # often at the edges
    axes, box, pixels = label_among(marks)
    assert not any(box.contains(*pixel) for pixel in pixels)
    assert axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1
    assert axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1


def test_a_label_stands_near_its_mark_where_there_is_room():
    _, box, pixels = label_among([(0.5, 0.5)])
    assert np.hypot(*(pixels[0] - [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])) < 120
